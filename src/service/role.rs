//! Roles of accounts: given and taken away.

use super::{
    World,
    auth::ROLE_ADMINISTRATOR,
    memory::Remembered,
    user::{NOT_FOUND, keep_an_administrator},
};
use crate::{
    domain::{Error, Result, caller::Caller, event::Data, text::fold, user::User},
    port::coherence::{Change, Memory},
};

/// The use cases of roles.
pub struct RoleService {
    /// What every use case needs.
    pub world: World,
    /// What is remembered of those whose roles change.
    pub remembered: Remembered,
}

/// What became of a role.
#[derive(Debug)]
pub struct Assigned {
    /// The account.
    pub user: User,
    /// Whether that changed anything.
    pub changed: bool,
}

impl RoleService {
    /// Gives a role everywhere and for good to whoever has this username or e-mail address, or takes it away.
    ///
    /// # Errors
    /// `NotFound` with the resource `user` or `role`; `LastAdministrator`.
    pub async fn assign(
        &self,
        caller: &Caller,
        identifier: &str,
        role: &str,
        held: bool,
    ) -> Result<Assigned> {
        let (folded, remembered) = (&fold(identifier), self.remembered.clone());
        let assigned = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let found = change.tx.find_user_by_name(folded).await?.ok_or(NOT_FOUND)?;
                    let user = change.tx.lock_user(found.id).await?;
                    let mut user = user.ok_or(NOT_FOUND)?;
                    let (id, now) = (user.id, change.now);
                    if held == user.roles.iter().any(|other| other == role) {
                        return Ok(Assigned { user, changed: false });
                    }
                    if held {
                        if !change.tx.grant_role(id, role, now).await? {
                            return Err(Error::NotFound { resource: "role" });
                        }
                    } else {
                        if role == ROLE_ADMINISTRATOR {
                            keep_an_administrator(change, &user).await?;
                        }
                        change.tx.revoke_role(id, role).await?;
                    }
                    user.roles.retain(|other| other != role);
                    if held {
                        user.roles.push(role.to_owned());
                        user.roles.sort_unstable();
                    }
                    user.meta.touch(now);
                    change.tx.update_user(&user).await?;
                    let action = if held { "role.grant" } else { "role.revoke" };
                    change.audit(action, format!("users/{id}/roles/{role}")).await?;
                    change.record(Data::UserUpdated(user.clone(), vec!["roles"])).await?;
                    Ok(Assigned { user, changed: true })
                })
            },
            move |assigned: &Assigned| remembered.learn(&Change::User(assigned.user.id)),
        );
        assigned.await
    }
}
