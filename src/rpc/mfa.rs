//! What `veza.auth.v1.AuthService` does about second factors.

use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

use super::{
    auth,
    convert::timestamp,
    delivery,
    input::Input,
    proto::auth::v1::{
        self as proto, Delivery, auth_result::Outcome, complete_mfa_login_request,
        disable_totp_request, reauthenticate_request,
    },
};
use crate::{
    domain::{
        Error, Result,
        second_factor::{Code, Method, RecoveryCode},
    },
    service::{
        admission::{Admitted, Challenge},
        auth::AuthService,
    },
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

/// Completes a sign-in.
pub(super) async fn complete_login(
    service: &AuthService,
    request: Request<proto::CompleteMfaLoginRequest>,
) -> Result<Response<proto::CompleteMfaLoginResponse>, Status> {
    let Input { caller, message, .. } = Input::of(request)?;
    let delivery = message.delivery();
    let code = message.code.map(Code::from).ok_or_else(no_code)?;
    let admitted = service.complete_mfa_login(&caller, &message.ticket, &code).await?;
    let answered = answer(&admitted, delivery, |result| proto::CompleteMfaLoginResponse {
        result: Some(result),
    });
    Ok(answered?)
}

/// Shows the state of the second factor.
pub(super) async fn status(
    service: &AuthService,
    request: Request<proto::GetMfaStatusRequest>,
) -> Result<Response<proto::GetMfaStatusResponse>, Status> {
    let Input { caller, .. } = Input::of(request)?;
    let status = service.mfa_status(&caller).await?;
    Ok(Response::new(proto::GetMfaStatusResponse {
        enabled: status.enable_time.is_some(),
        enable_time: status.enable_time.map(timestamp),
        methods: status.methods.into_iter().map(|method| method_name(method).into()).collect(),
        recovery_codes_left: i32::try_from(status.recovery_codes_left).unwrap_or(i32::MAX),
    }))
}

/// Sets up an app.
pub(super) async fn enroll(
    service: &AuthService,
    request: Request<proto::EnrollTotpRequest>,
) -> Result<Response<proto::EnrollTotpResponse>, Status> {
    let Input { caller, .. } = Input::of(request)?;
    let setup = service.enroll_totp(&caller).await?;
    Ok(Response::new(proto::EnrollTotpResponse {
        secret: setup.secret.expose_secret().to_owned(),
        otpauth_uri: setup.uri.expose_secret().to_owned(),
        qr_svg: setup.qr_svg.expose_secret().to_owned(),
    }))
}

/// Enables the second factor.
pub(super) async fn confirm(
    service: &AuthService,
    request: Request<proto::ConfirmTotpRequest>,
) -> Result<Response<proto::ConfirmTotpResponse>, Status> {
    let Input { caller, message, .. } = Input::of(request)?;
    let recovery_codes = show(&service.confirm_totp(&caller, &message.totp_code.into()).await?);
    Ok(Response::new(proto::ConfirmTotpResponse { recovery_codes }))
}

/// Disables the second factor.
pub(super) async fn disable(
    service: &AuthService,
    request: Request<proto::DisableTotpRequest>,
) -> Result<Response<proto::DisableTotpResponse>, Status> {
    let Input { caller, message, .. } = Input::of(request)?;
    let code = message.code.map(Code::from).ok_or_else(no_code)?;
    service.disable_totp(&caller, &code).await?;
    Ok(Response::new(proto::DisableTotpResponse {}))
}

/// Makes new recovery codes.
pub(super) async fn regenerate(
    service: &AuthService,
    request: Request<proto::RegenerateRecoveryCodesRequest>,
) -> Result<Response<proto::RegenerateRecoveryCodesResponse>, Status> {
    let Input { caller, .. } = Input::of(request)?;
    let recovery_codes = show(&service.regenerate_recovery_codes(&caller).await?);
    Ok(Response::new(proto::RegenerateRecoveryCodesResponse { recovery_codes }))
}

/// The rules of the field refuse it before.
fn no_code() -> Error {
    Error::invalid_field("code", "must be given")
}

macro_rules! code_from {
    ($($message:ident),*) => {
        $(impl From<$message::Code> for Code {
            fn from(shown: $message::Code) -> Self {
                match shown {
                    $message::Code::TotpCode(code) => Self::Totp(code.into()),
                    $message::Code::RecoveryCode(code) => {
                        Self::Recovery(RecoveryCode::typed(&code))
                    }
                }
            }
        })*
    };
}

code_from!(complete_mfa_login_request, disable_totp_request, reauthenticate_request);

fn show(codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(|code| code.expose().to_owned()).collect()
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
