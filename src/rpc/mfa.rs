//! What `veza.auth.v1.AuthService` does about second factors.

use secrecy::ExposeSecret;

use super::{
    auth,
    convert::timestamp,
    proto::auth::v1::{self as proto, auth_result::Outcome},
};
use crate::{
    domain::second_factor::Method,
    service::admission::{Admitted, Challenge},
};

/// The result of signing in.
pub(super) fn result(admitted: &Admitted) -> proto::AuthResult {
    match admitted {
        Admitted::SignedIn(signed_in) => auth::result(signed_in),
        Admitted::SecondFactor(asked) => proto::AuthResult {
            outcome: Some(Outcome::MfaChallenge(challenge(asked))),
            ..proto::AuthResult::default()
        },
    }
}

fn challenge(challenge: &Challenge) -> proto::MfaChallenge {
    proto::MfaChallenge {
        ticket: challenge.ticket.expose_secret().to_owned(),
        methods: challenge.methods.iter().map(|method| method_name(*method).into()).collect(),
        expire_time: Some(timestamp(challenge.expire_time)),
    }
}

fn method_name(method: Method) -> proto::MfaMethod {
    match method {
        Method::Totp => proto::MfaMethod::Totp,
        Method::RecoveryCode => proto::MfaMethod::RecoveryCode,
    }
}
