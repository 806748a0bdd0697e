//! Access tokens that others were sent: whether they are good, and whose they are.

use std::sync::Arc;

use super::{access::AccessService, user::UserService};
use crate::domain::{
    Error, Result, Timestamp,
    caller::{Caller, Principal},
    error::BadToken,
};

/// The use cases of services that are sent tokens.
pub struct TokenService {
    /// Knows tokens.
    pub access: Arc<AccessService>,
    /// Knows accounts.
    pub users: Arc<UserService>,
}

/// A token that is good.
#[derive(Debug)]
pub struct Good {
    /// Whose it is.
    pub principal: Arc<Principal>,
    /// Their roles.
    pub roles: Vec<String>,
    /// When it expires.
    pub expire_time: Timestamp,
}

impl TokenService {
    /// What there is to say of a token: whose it is, or what is wrong with it.
    ///
    /// # Errors
    /// What the store says.
    pub async fn validate(&self, caller: &Caller, token: &str) -> Result<Result<Good, BadToken>> {
        let examined = match self.access.examine(token).await {
            Ok(examined) => examined,
            Err(Error::BadToken(why)) => return Ok(Err(why)),
            Err(error) => return Err(error),
        };
        let principal = examined.found.principal;
        match self.users.get(caller, principal.user_id).await {
            Ok(user) => {
                let (roles, expire_time) = (user.roles.clone(), examined.expire_time);
                Ok(Ok(Good { principal, roles, expire_time }))
            }
            // It was deleted in the meantime.
            Err(Error::NotFound { .. }) => Ok(Err(BadToken::Ended)),
            Err(error) => Err(error),
        }
    }
}
