//! `veza.auth.v1.AuthService`.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

use super::{
    convert::timestamp,
    input::Input,
    proto::auth::v1::{self as proto, auth_result::Outcome, auth_service_server},
    token, user,
};
use crate::{
    domain::{
        Result,
        text::{Email, Password, Text, Username},
    },
    service::{
        auth::{AuthService, Registration, SignedIn},
        session::{SessionService, Tokens},
    },
};

/// The service.
pub struct Auth {
    /// The use cases of signing up and in.
    pub service: Arc<AuthService>,
    /// The use cases of sessions.
    pub sessions: Arc<SessionService>,
    /// What services are told of others' tokens.
    pub tokens: token::Tokens,
    /// The fewest characters of a new password.
    pub password_length_min: usize,
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
        let registration = Registration {
            email: Email::parse("email", message.email)?,
            username: Username::parse("username", message.username)?,
            password: Password::choose("password", message.password, self.password_length_min)?,
            display_name: Text::parse("display_name", message.display_name)?,
        };
        let client = message.client_name;
        let signed_in = self.service.register(&caller, registration, client, request_id).await?;
        let result = proto::AuthResult { created: true, ..result(&signed_in) };
        Ok(Response::new(proto::RegisterResponse { result: Some(result) }))
    }

    async fn login(
        &self,
        request: Request<proto::LoginRequest>,
    ) -> Result<Response<proto::LoginResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let password = Password::attempt(message.password);
        let (identifier, client) = (message.identifier, message.client_name);
        let signed_in = self.service.login(&caller, &identifier, password, client).await?;
        Ok(Response::new(proto::LoginResponse { result: Some(result(&signed_in)) }))
    }

    async fn refresh_token(
        &self,
        request: Request<proto::RefreshTokenRequest>,
    ) -> Result<Response<proto::RefreshTokenResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let tokens = tokens(&self.sessions.refresh(&caller, &message.refresh_token).await?);
        Ok(Response::new(proto::RefreshTokenResponse { tokens: Some(tokens) }))
    }

    async fn logout(
        &self,
        request: Request<proto::LogoutRequest>,
    ) -> Result<Response<proto::LogoutResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        self.sessions.logout(&caller, &message.refresh_token, message.all_sessions).await?;
        Ok(Response::new(proto::LogoutResponse {}))
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
}

fn result(signed_in: &SignedIn) -> proto::AuthResult {
    proto::AuthResult {
        outcome: Some(Outcome::Tokens(tokens(&signed_in.tokens))),
        user: Some(user::shown_to_owner(&signed_in.user)),
        created: false,
    }
}

fn tokens(tokens: &Tokens) -> proto::Tokens {
    proto::Tokens {
        access_token: tokens.access_token.expose_secret().to_owned(),
        token_type: "Bearer".to_owned(),
        access_expire_time: Some(timestamp(tokens.access_expire_time)),
        refresh_token: tokens.refresh_token.expose_secret().to_owned(),
        refresh_expire_time: Some(timestamp(tokens.refresh_expire_time)),
        session_id: tokens.session_id.to_string(),
    }
}
