//! What `veza.auth.v1.AuthService` does about second factors.

use secrecy::ExposeSecret;
use tonic::Response;

use super::{
    auth,
    convert::timestamp,
    delivery,
    proto::auth::v1::{self as proto, Delivery, auth_result::Outcome},
};
use crate::{
    domain::{Result, second_factor::Method},
    service::admission::{Admitted, Challenge},
};

/// The answer to signing in.
///
/// # Errors
/// As [`delivery::answer`].
pub(super) fn answer<M>(
    admitted: &Admitted,
    delivery: Delivery,
    answer: impl FnOnce(proto::AuthResult) -> M,
) -> Result<Response<M>> {
    match admitted {
        Admitted::SignedIn(signed_in) => {
            let tokens = &signed_in.tokens;
            delivery::answer(tokens, delivery, |tokens| answer(auth::result(signed_in, tokens)))
        }
        Admitted::SecondFactor(asked) => Ok(Response::new(answer(proto::AuthResult {
            outcome: Some(Outcome::MfaChallenge(challenge(asked))),
            ..proto::AuthResult::default()
        }))),
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
