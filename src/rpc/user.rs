//! `veza.user.v1.UserService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    convert,
    filter::{self, Grammar, Operator},
    input::Input,
    mask::Mask,
    page,
    proto::user::v1::{self as proto, user_service_server},
};
use crate::{
    domain::{
        Error, Result,
        caller::Caller,
        id::Id,
        page::UserFilter,
        permission::Permission,
        resource::Etag,
        text::{Text, Username, fold},
        user::{Change, State, User},
    },
    service::user::UserService,
};

/// The fields of a user that a client can change.
const MUTABLE: [&str; 5] = ["username", "display_name", "avatar_url", "bio", "locale"];

/// The fields of a user that only the server sets.
const OUTPUT_ONLY: [&str; 6] = ["id", "email", "email_verified", "state", "roles", "meta"];

/// What the list of accounts can be filtered by.
const FILTER: Grammar =
    Grammar { terms: r#"`state = "ACTIVE"`, `username : "ann"` and `display_name : "ann"`"# };

/// The service.
pub struct Users {
    /// The use cases.
    pub service: Arc<UserService>,
}

#[tonic::async_trait]
impl user_service_server::UserService for Users {
    async fn list_users(
        &self,
        request: Request<proto::ListUsersRequest>,
    ) -> Result<Response<proto::ListUsersResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let (size, token) = (message.page_size, message.page_token);
        let page = page::request(size, token, &message.filter, &message.order_by, "username")?;
        let page = self.service.list(&caller, &read_filter(&message.filter)?, &page).await?;
        let users = page.items.iter().map(|user| shown_to(&caller, user)).collect();
        Ok(Response::new(proto::ListUsersResponse { users, next_page_token: page.next_token }))
    }

    async fn get_me(
        &self,
        request: Request<proto::GetMeRequest>,
    ) -> Result<Response<proto::GetMeResponse>, Status> {
        let Input { caller, .. } = Input::of(request)?;
        let user = shown_to(&caller, &*self.service.me(&caller).await?);
        Ok(Response::new(proto::GetMeResponse { user: Some(user) }))
    }

    async fn get_user(
        &self,
        request: Request<proto::GetUserRequest>,
    ) -> Result<Response<proto::GetUserResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let user = self.service.get(&caller, Id::parse("id", &message.id)?).await?;
        let user = shown_to(&caller, &user);
        Ok(Response::new(proto::GetUserResponse { user: Some(user) }))
    }

    async fn update_user(
        &self,
        request: Request<proto::UpdateUserRequest>,
    ) -> Result<Response<proto::UpdateUserResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let user = message.user.unwrap_or_default();
        let id = Id::parse("user.id", &user.id)?;
        let mask = Mask::parse(message.update_mask, &MUTABLE, &OUTPUT_ONLY)?;
        let change = read_change(user, &mask)?;
        let user = self.service.update(&caller, id, change, Etag::parse(message.etag)).await?;
        let user = shown_to(&caller, &user);
        Ok(Response::new(proto::UpdateUserResponse { user: Some(user) }))
    }

    async fn delete_user(
        &self,
        request: Request<proto::DeleteUserRequest>,
    ) -> Result<Response<proto::DeleteUserResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let id = Id::parse("id", &message.id)?;
        let user = self.service.delete(&caller, id, Etag::parse(message.etag)).await?;
        let user = shown_to(&caller, &user);
        Ok(Response::new(proto::DeleteUserResponse { user: Some(user) }))
    }

    async fn suspend_user(
        &self,
        request: Request<proto::SuspendUserRequest>,
    ) -> Result<Response<proto::SuspendUserResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let id = Id::parse("id", &message.id)?;
        let user = self.service.suspend(&caller, id, Etag::parse(message.etag)).await?;
        let user = shown_to(&caller, &user);
        Ok(Response::new(proto::SuspendUserResponse { user: Some(user) }))
    }

    async fn unsuspend_user(
        &self,
        request: Request<proto::UnsuspendUserRequest>,
    ) -> Result<Response<proto::UnsuspendUserResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let id = Id::parse("id", &message.id)?;
        let user = self.service.unsuspend(&caller, id, Etag::parse(message.etag)).await?;
        let user = shown_to(&caller, &user);
        Ok(Response::new(proto::UnsuspendUserResponse { user: Some(user) }))
    }
}

/// The account as this caller may see it.
fn shown_to(caller: &Caller, user: &User) -> proto::User {
    // A program that acts for somebody need not know where to write to them.
    let is_own = caller.user_id() == Some(user.id) && caller.api_key_id().is_none();
    let private = is_own || caller.has(Permission::UsersReadPrivate);
    if private { shown_to_owner(user) } else { shown_to_all(user) }
}

/// The account with what only its owner may see.
pub(super) fn shown_to_owner(user: &User) -> proto::User {
    proto::User {
        email: user.email.as_str().to_owned(),
        email_verified: user.email_verified,
        ..shown_to_all(user)
    }
}

/// The account as everyone may see it.
pub(super) fn shown_to_all(user: &User) -> proto::User {
    proto::User {
        id: user.id.to_string(),
        username: user.username.to_string(),
        email: String::new(),
        email_verified: false,
        display_name: user.profile.display_name.to_string(),
        avatar_url: user.profile.avatar_url.to_string(),
        bio: user.profile.bio.to_string(),
        locale: user.profile.locale.to_string(),
        state: match user.state {
            State::Active => proto::UserState::Active,
            State::Pending => proto::UserState::Pending,
            State::Suspended => proto::UserState::Suspended,
            State::Deleted => proto::UserState::Deleted,
        }
        .into(),
        roles: user.roles.clone(),
        meta: Some(convert::meta(&user.meta)),
    }
}

fn read_change(user: proto::User, mask: &Mask) -> Result<Change> {
    Ok(Change {
        username: mask
            .take("username", user.username)
            .map(|text| Username::parse("user.username", text))
            .transpose()?,
        display_name: mask
            .take("display_name", user.display_name)
            .map(|text| Text::parse("user.display_name", text))
            .transpose()?,
        avatar_url: mask
            .take("avatar_url", user.avatar_url)
            .map(|text| Text::parse("user.avatar_url", text))
            .transpose()?,
        bio: mask.take("bio", user.bio).map(|text| Text::parse("user.bio", text)).transpose()?,
        locale: mask
            .take("locale", user.locale)
            .map(|text| Text::parse("user.locale", text))
            .transpose()?,
    })
}

fn read_filter(text: &str) -> Result<UserFilter, Error> {
    let mut filter = UserFilter::default();
    for term in FILTER.read(text)? {
        match (term.field.as_str(), term.operator) {
            ("state", Operator::Equals) => {
                filter.state = Some(filter::choice(&term, &State::ALL, State::name)?);
            }
            ("username", Operator::Has) => filter.username_contains = Some(fold(&term.value)),
            ("display_name", Operator::Has) => {
                filter.display_name_contains = Some(fold(&term.value));
            }
            _ => return Err(FILTER.unknown(&term)),
        }
    }
    Ok(filter)
}
