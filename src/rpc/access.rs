//! `veza.access.v1.AccessService`.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

use super::{
    convert::{time_from, timestamp},
    input::Input,
    page,
    proto::access::v1::{self as proto, access_service_server},
};
use crate::{
    domain::{
        Error, Result,
        api_key::{ApiKey, Draft},
        id::Id,
        network::Network,
        permission::Permission,
        text::Text,
    },
    service::api_key::{ApiKeyService, secret},
};

/// The service.
pub struct Access {
    /// The use cases of API keys.
    pub keys: Arc<ApiKeyService>,
}

#[tonic::async_trait]
impl access_service_server::AccessService for Access {
    async fn list_api_keys(
        &self,
        request: Request<proto::ListApiKeysRequest>,
    ) -> Result<Response<proto::ListApiKeysResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let user_id = match message.user_id.as_str() {
            "" => None,
            id => Some(Id::parse("user_id", id)?),
        };
        let (size, token) = (message.page_size, message.page_token);
        let page = page::request(size, token, &message.user_id, "create_time desc", "")?;
        let page = self.keys.list(&caller, user_id, &page).await?;
        let api_keys = page.items.iter().map(show).collect();
        let next_page_token = page.next_token;
        Ok(Response::new(proto::ListApiKeysResponse { api_keys, next_page_token }))
    }

    async fn create_api_key(
        &self,
        request: Request<proto::CreateApiKeyRequest>,
    ) -> Result<Response<proto::CreateApiKeyResponse>, Status> {
        let mut input = Input::of(request)?;
        let request_id = input.request_id(|message| &mut message.request_id)?;
        let Input { caller, message, .. } = input;
        let draft = read_draft(message.api_key.unwrap_or_default())?;
        let created = self.keys.create(&caller, draft, request_id).await?;
        Ok(Response::new(proto::CreateApiKeyResponse {
            api_key: Some(show(&created.key)),
            secret: created.secret.expose_secret().to_owned(),
        }))
    }

    async fn delete_api_key(
        &self,
        request: Request<proto::DeleteApiKeyRequest>,
    ) -> Result<Response<proto::DeleteApiKeyResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let key = self.keys.delete(&caller, Id::parse("id", &message.id)?).await?;
        Ok(Response::new(proto::DeleteApiKeyResponse { api_key: Some(show(&key)) }))
    }
}

/// The key on the wire, without its secret.
pub(super) fn show(key: &ApiKey) -> proto::ApiKey {
    proto::ApiKey {
        id: key.id.to_string(),
        user_id: key.user_id.to_string(),
        display_name: key.display_name.to_string(),
        prefix: secret::prefix(key.id),
        permissions: key.permissions.iter().map(|one| one.name().to_owned()).collect(),
        allowed_networks: key.allowed_networks.iter().map(ToString::to_string).collect(),
        expire_time: key.expire_time.map(timestamp),
        create_time: Some(timestamp(key.create_time)),
        last_used_time: key.last_used_time.map(timestamp),
    }
}

fn read_draft(key: proto::ApiKey) -> Result<Draft> {
    let permissions = key.permissions.iter().enumerate().map(|(index, name)| {
        Permission::from_name(name).ok_or_else(|| {
            let field = format!("api_key.permissions[{index}]");
            Error::invalid_field(field, "must be the name of a permission, as `rooms.read`")
        })
    });
    let networks = key.allowed_networks.iter().enumerate().map(|(index, network)| {
        Network::parse(&format!("api_key.allowed_networks[{index}]"), network)
    });
    let read_time = |time| time_from("api_key.expire_time", time);
    Ok(Draft {
        display_name: Text::parse("api_key.display_name", key.display_name)?,
        permissions: permissions.collect::<Result<_>>()?,
        allowed_networks: networks.collect::<Result<_>>()?,
        expire_time: key.expire_time.map(read_time).transpose()?,
    })
}
