//! Access tokens that others were sent: whether they are good, and whose they are.

use std::{net::IpAddr, sync::Arc};

use super::{access::AccessService, user::UserService};
use crate::domain::{
    Error, Result, Timestamp,
    caller::{Caller, Credential, Principal},
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
    /// Their roles; none for an API key, which may be used for less than they hold.
    pub roles: Vec<String>,
    /// When it expires; an API key may never.
    pub expire_time: Option<Timestamp>,
}

impl TokenService {
    /// What there is to say of a token that was sent from this address, if that is known: whose it is, or what is wrong with
    /// it.
    ///
    /// # Errors
    /// What the store says.
    pub async fn validate(
        &self,
        caller: &Caller,
        token: &str,
        ip: Option<IpAddr>,
    ) -> Result<Result<Good, BadToken>> {
        let examined = match self.access.examine(token, ip).await {
            Ok(examined) => examined,
            Err(Error::BadToken(why)) => return Ok(Err(why)),
            Err(error) => return Err(error),
        };
        let principal = examined.found.principal;
        if let Credential::ApiKey { .. } = principal.credential {
            let (roles, expire_time) = (Vec::new(), examined.expire_time);
            return Ok(Ok(Good { principal, roles, expire_time }));
        }
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
