//! `veza.auth.v1.AuthService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    convert::timestamp,
    delivery::{self, Shown},
    input::Input,
    mfa, oauth, page,
    proto::auth::v1::{self as proto, Delivery, auth_result::Outcome, auth_service_server},
    token, user,
};
use crate::{
    domain::{
        Error, Result,
        caller::Caller,
        id::Id,
        session::Session,
        text::{Email, Password, Text, Username},
        user::User,
    },
    service::{
        auth::{AuthService, Registration, SignedIn, SignedUp},
        session::SessionService,
    },
};

/// The service.
pub struct Auth {
    /// The use cases of signing up and in.
    pub service: Arc<AuthService>,
    /// The use cases of sessions.
    pub sessions: Arc<SessionService>,
    /// Signing in through others.
    pub oauth: oauth::OAuth,
    /// What services are told of others' tokens.
    pub tokens: token::Tokens,
}

#[tonic::async_trait]
impl auth_service_server::AuthService for Auth {
    async fn register(
        &self,
        request: Request<proto::RegisterRequest>,
    ) -> Result<Response<proto::RegisterResponse>, Status> {
        let mut input = Input::of(request)?;
        let request_id = input.request_id(|message| &mut message.request_id)?;
        let Input { caller, message, .. } = input;
        let delivery = message.delivery();
        let email = Email::parse("email", message.email)?;
        let username = Username::parse("username", message.username)?;
        let names = [username.folded(), email.folded_local_part()];
        let length_min = self.service.password_lengths.alone;
        let registration = Registration {
            password: Password::choose("password", message.password, length_min, &names)?,
            display_name: Text::parse("display_name", message.display_name)?,
            email,
            username,
        };
        let client = message.client_name;
        let signed_up = self.service.register(&caller, registration, client, request_id).await?;
        let SignedUp::SignedIn(signed_in) = signed_up else {
            let required = proto::EmailVerificationRequired::default();
            let outcome = Some(Outcome::EmailVerificationRequired(required));
            let result = proto::AuthResult { outcome, ..proto::AuthResult::default() };
            return Ok(Response::new(proto::RegisterResponse { result: Some(result) }));
        };
        let answer = delivery::answer(&signed_in.tokens, delivery, |tokens| {
            let result = proto::AuthResult { created: true, ..result(&signed_in, tokens) };
            proto::RegisterResponse { result: Some(result) }
        });
        Ok(answer?)
    }

    async fn login(
        &self,
        request: Request<proto::LoginRequest>,
    ) -> Result<Response<proto::LoginResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let (delivery, password) = (message.delivery(), Password::attempt(message.password));
        let (identifier, client) = (message.identifier, message.client_name);
        let admitted = self.service.login(&caller, &identifier, password, client).await?;
        Ok(mfa::answer(&admitted, delivery, |result| proto::LoginResponse {
            result: Some(result),
        })?)
    }

    async fn refresh_token(
        &self,
        request: Request<proto::RefreshTokenRequest>,
    ) -> Result<Response<proto::RefreshTokenResponse>, Status> {
        let Input { caller, message, metadata } = Input::of(request)?;
        let shown = Shown::of(message.refresh_token, &metadata).ok_or_else(|| {
            let expected =
                "must be given, here or in the cookie that `delivery: DELIVERY_COOKIE` sets";
            Error::invalid_field("refresh_token", expected)
        })?;
        let refreshed = self.sessions.refresh(&caller, &shown.token).await;
        let tokens = refreshed.map_err(|error| shown.refuse(error))?;
        let answer = delivery::answer(&tokens, shown.delivery, |tokens| {
            proto::RefreshTokenResponse { tokens: Some(tokens) }
        });
        Ok(answer?)
    }

    async fn logout(
        &self,
        request: Request<proto::LogoutRequest>,
    ) -> Result<Response<proto::LogoutResponse>, Status> {
        let Input { caller, message, metadata } = Input::of(request)?;
        let shown = Shown::of(message.refresh_token, &metadata);
        // Whoever shows an access token, too, means its session, as they do who have no cookie.
        let is_named =
            |shown: &Shown| shown.delivery == Delivery::Body || caller.principal.is_none();
        let token = shown.filter(is_named).map_or_else(String::new, |shown| shown.token);
        self.sessions.logout(&caller, &token, message.all_sessions).await?;
        let mut response = Response::new(proto::LogoutResponse {});
        delivery::forget(&mut response, &metadata)?;
        Ok(response)
    }

    async fn validate_token(
        &self,
        request: Request<proto::ValidateTokenRequest>,
    ) -> Result<Response<proto::ValidateTokenResponse>, Status> {
        self.tokens.validate(request).await
    }

    type WatchRevocationsStream = token::Revocations;

    async fn watch_revocations(
        &self,
        request: Request<proto::WatchRevocationsRequest>,
    ) -> Result<Response<token::Revocations>, Status> {
        self.tokens.watch(request).await
    }

    async fn reauthenticate(
        &self,
        request: Request<proto::ReauthenticateRequest>,
    ) -> Result<Response<proto::ReauthenticateResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let (password, code) = (Password::attempt(message.password), message.code.map(Into::into));
        let until = self.service.reauthenticate(&caller, password, code).await?;
        let fresh_until_time = Some(timestamp(until));
        Ok(Response::new(proto::ReauthenticateResponse { fresh_until_time }))
    }

    async fn change_password(
        &self,
        request: Request<proto::ChangePasswordRequest>,
    ) -> Result<Response<proto::ChangePasswordResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let length_min = self.service.password_length_min(caller.signed_in()?.user_id).await?;
        let names = self.service.own_names(&caller).await?;
        let new = Password::choose("new_password", message.new_password, length_min, &names)?;
        self.service.change_password(&caller, new).await?;
        Ok(Response::new(proto::ChangePasswordResponse {}))
    }

    async fn request_password_reset(
        &self,
        request: Request<proto::RequestPasswordResetRequest>,
    ) -> Result<Response<proto::RequestPasswordResetResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        self.service.request_password_reset(&caller, &message.identifier).await?;
        Ok(Response::new(proto::RequestPasswordResetResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<proto::ResetPasswordRequest>,
    ) -> Result<Response<proto::ResetPasswordResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        // Chosen before the token is used up, so that a refusal does not cost it.
        let reset = self.service.find_password_reset(&caller, message.token).await?;
        let (new, names) = (message.new_password, reset.names());
        let length_min = self.service.password_length_min(reset.user_id()).await?;
        let new = Password::choose("new_password", new, length_min, &names)?;
        self.service.reset_password(&caller, reset, new).await?;
        Ok(Response::new(proto::ResetPasswordResponse {}))
    }

    async fn send_email_verification(
        &self,
        request: Request<proto::SendEmailVerificationRequest>,
    ) -> Result<Response<proto::SendEmailVerificationResponse>, Status> {
        let Input { caller, .. } = Input::of(request)?;
        self.service.send_email_verification(&caller).await?;
        Ok(Response::new(proto::SendEmailVerificationResponse {}))
    }

    async fn verify_email(
        &self,
        request: Request<proto::VerifyEmailRequest>,
    ) -> Result<Response<proto::VerifyEmailResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        self.service.verify_email(&caller, &message.token).await?;
        Ok(Response::new(proto::VerifyEmailResponse {}))
    }

    async fn complete_mfa_login(
        &self,
        request: Request<proto::CompleteMfaLoginRequest>,
    ) -> Result<Response<proto::CompleteMfaLoginResponse>, Status> {
        mfa::complete_login(&self.service, request).await
    }

    async fn get_mfa_status(
        &self,
        request: Request<proto::GetMfaStatusRequest>,
    ) -> Result<Response<proto::GetMfaStatusResponse>, Status> {
        mfa::status(&self.service, request).await
    }

    async fn enroll_totp(
        &self,
        request: Request<proto::EnrollTotpRequest>,
    ) -> Result<Response<proto::EnrollTotpResponse>, Status> {
        mfa::enroll(&self.service, request).await
    }

    async fn confirm_totp(
        &self,
        request: Request<proto::ConfirmTotpRequest>,
    ) -> Result<Response<proto::ConfirmTotpResponse>, Status> {
        mfa::confirm(&self.service, request).await
    }

    async fn disable_totp(
        &self,
        request: Request<proto::DisableTotpRequest>,
    ) -> Result<Response<proto::DisableTotpResponse>, Status> {
        mfa::disable(&self.service, request).await
    }

    async fn regenerate_recovery_codes(
        &self,
        request: Request<proto::RegenerateRecoveryCodesRequest>,
    ) -> Result<Response<proto::RegenerateRecoveryCodesResponse>, Status> {
        mfa::regenerate(&self.service, request).await
    }

    async fn list_sessions(
        &self,
        request: Request<proto::ListSessionsRequest>,
    ) -> Result<Response<proto::ListSessionsResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let user_id = user_or_self(&message.user_id)?;
        let (size, token) = (message.page_size, message.page_token);
        let page = page::request(size, token, &message.user_id, "create_time desc", "")?;
        let page = self.sessions.list(&caller, user_id, &page).await?;
        let sessions = page.items.iter().map(|session| show(&caller, session)).collect();
        let next_page_token = page.next_token;
        Ok(Response::new(proto::ListSessionsResponse { sessions, next_page_token }))
    }

    async fn revoke_session(
        &self,
        request: Request<proto::RevokeSessionRequest>,
    ) -> Result<Response<proto::RevokeSessionResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let session = self.sessions.revoke(&caller, Id::parse("id", &message.id)?).await?;
        let session = Some(show(&caller, &session));
        Ok(Response::new(proto::RevokeSessionResponse { session }))
    }

    async fn revoke_sessions(
        &self,
        request: Request<proto::RevokeSessionsRequest>,
    ) -> Result<Response<proto::RevokeSessionsResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let (user_id, include_current) = (user_or_self(&message.user_id)?, message.include_current);
        let revoked = self.sessions.revoke_all(&caller, user_id, include_current).await?;
        let revoked_count = i32::try_from(revoked).unwrap_or(i32::MAX);
        Ok(Response::new(proto::RevokeSessionsResponse { revoked_count }))
    }

    async fn begin_o_auth(
        &self,
        request: Request<proto::BeginOAuthRequest>,
    ) -> Result<Response<proto::BeginOAuthResponse>, Status> {
        self.oauth.begin(request).await
    }

    async fn complete_o_auth(
        &self,
        request: Request<proto::CompleteOAuthRequest>,
    ) -> Result<Response<proto::CompleteOAuthResponse>, Status> {
        self.oauth.complete(request).await
    }

    async fn list_identities(
        &self,
        request: Request<proto::ListIdentitiesRequest>,
    ) -> Result<Response<proto::ListIdentitiesResponse>, Status> {
        self.oauth.list(request).await
    }

    async fn link_identity(
        &self,
        request: Request<proto::LinkIdentityRequest>,
    ) -> Result<Response<proto::LinkIdentityResponse>, Status> {
        self.oauth.link(request).await
    }

    async fn unlink_identity(
        &self,
        request: Request<proto::UnlinkIdentityRequest>,
    ) -> Result<Response<proto::UnlinkIdentityResponse>, Status> {
        self.oauth.unlink(request).await
    }
}

/// The account that is meant; none for the caller's own.
fn user_or_self(id: &str) -> Result<Option<Id<User>>> {
    if id.is_empty() { Ok(None) } else { Id::parse("user_id", id).map(Some) }
}

fn show(caller: &Caller, session: &Session) -> proto::Session {
    let own = caller.principal.as_ref().and_then(|caller| caller.credential.session_id());
    proto::Session {
        id: session.id.to_string(),
        user_id: session.user_id.to_string(),
        ip: session.ip.clone(),
        user_agent: session.user_agent.clone(),
        client_name: session.client_name.clone(),
        create_time: Some(timestamp(session.create_time)),
        last_seen_time: Some(timestamp(session.last_seen_time)),
        expire_time: Some(timestamp(session.expire_time)),
        current: own == Some(session.id),
        amr: session.proofs.iter().map(|proof| proof.name().to_owned()).collect(),
        auth_time: Some(timestamp(session.auth_time)),
    }
}

/// Somebody who is signed in.
pub(super) fn result(signed_in: &SignedIn, tokens: proto::Tokens) -> proto::AuthResult {
    proto::AuthResult {
        outcome: Some(Outcome::Tokens(tokens)),
        user: Some(user::shown_to_owner(&signed_in.user)),
        created: false,
    }
}
