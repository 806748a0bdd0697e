//! What `veza.auth.v1.AuthService` tells services about the tokens of others.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use super::{
    convert::timestamp,
    input::Input,
    proto::auth::v1::{
        self as proto, validate_token_response::Verdict, watch_revocations_response::Event,
    },
};
use crate::{
    domain::{Result, error::BadToken},
    service::{
        revocation::{News, Revocation, RevocationService, resume_token},
        token::{Good, TokenService},
    },
};

/// What happens to others' tokens, message by message.
pub type Revocations =
    Pin<Box<dyn Stream<Item = Result<proto::WatchRevocationsResponse, Status>> + Send>>;

/// The part of the service that is about others' tokens.
pub struct Tokens {
    /// Knows whether they are good.
    pub service: TokenService,
    /// Tells when they are no longer.
    pub revocations: Arc<RevocationService>,
}

impl Tokens {
    /// Says whether a token is good.
    pub async fn validate(
        &self,
        request: Request<proto::ValidateTokenRequest>,
    ) -> Result<Response<proto::ValidateTokenResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        // The field rules refuse what is no address.
        let ip = message.ip_address.parse().ok();
        let verdict = match self.service.validate(&caller, &message.token, ip).await? {
            Ok(good) => Verdict::Valid(valid(good)),
            Err(why) => Verdict::Invalid(invalid(why)),
        };
        Ok(Response::new(proto::ValidateTokenResponse { verdict: Some(verdict) }))
    }

    /// Tells what happens.
    pub async fn watch(
        &self,
        request: Request<proto::WatchRevocationsRequest>,
    ) -> Result<Response<Revocations>, Status> {
        let Input { message, .. } = Input::of(request)?;
        let news = self.revocations.watch(&message.resume_token).await?;
        Ok(Response::new(Box::pin(news.map(|news| news.map(show).map_err(Status::from)))))
    }
}

fn valid(good: Good) -> proto::ValidToken {
    let permissions = good.principal.permissions.iter();
    let credential = good.principal.credential;
    let session_id = credential.session_id().map(|id| id.to_string());
    let api_key_id = credential.api_key_id().map(|id| id.to_string());
    proto::ValidToken {
        user_id: good.principal.user_id.to_string(),
        session_id: session_id.unwrap_or_default(),
        roles: good.roles,
        permissions: permissions.map(|permission| permission.name().to_owned()).collect(),
        expire_time: good.expire_time.map(timestamp),
        api_key_id: api_key_id.unwrap_or_default(),
    }
}

fn invalid(why: BadToken) -> proto::InvalidToken {
    let message = why.to_string();
    proto::InvalidToken { reason: why.kind().name().to_owned(), message }
}

fn show(news: News) -> proto::WatchRevocationsResponse {
    let (resume, event) = match news {
        News::Began { since, forget_everything } => {
            let complete_since_time = Some(timestamp(since));
            let began = proto::WatchBegan { complete_since_time, forget_everything };
            (resume_token(since), Event::Began(began))
        }
        News::Revoked(Revocation::Sessions(ids)) => {
            let session_ids = ids.iter().map(ToString::to_string).collect();
            (String::new(), Event::SessionsEnded(proto::SessionsEnded { session_ids }))
        }
        News::Revoked(Revocation::ApiKey(id)) => {
            let api_key_id = id.to_string();
            (String::new(), Event::ApiKeyDeleted(proto::ApiKeyDeleted { api_key_id }))
        }
        News::Revoked(Revocation::Account(id)) => {
            let user_id = id.to_string();
            (String::new(), Event::AccountChanged(proto::AccountChanged { user_id }))
        }
        News::Alive(until) => {
            let complete_until_time = Some(timestamp(until));
            (resume_token(until), Event::Alive(proto::WatchAlive { complete_until_time }))
        }
    };
    proto::WatchRevocationsResponse { resume_token: resume, event: Some(event) }
}
