//! The sessions of a user as a list of devices: seen, and ended from elsewhere.

use super::{
    page::{PageRequest, TokenPage},
    session::SessionService,
};
use crate::domain::{
    Error, Result,
    caller::Caller,
    id::Id,
    permission::Permission,
    session::{EndReason, Session},
    user::User,
};

const NOT_FOUND: Error = Error::NotFound { resource: "session" };

impl SessionService {
    /// A page of the live sessions of a user: one's own, or with `sessions.read_any` anybody's.
    ///
    /// # Errors
    /// `NotOwner`, `InvalidPageToken`.
    pub async fn list(
        &self,
        caller: &Caller,
        user_id: Option<Id<User>>,
        request: &PageRequest,
    ) -> Result<TokenPage<Session>> {
        let user_id = user_id.unwrap_or(caller.signed_in()?.user_id);
        caller.owns_or_has("account", user_id, Permission::SessionsReadAny)?;
        let (query, now) = (self.world.page_query(caller, request)?, self.world.clock.now());
        let page = self.world.store.read().await?.list_sessions(user_id, now, &query).await?;
        Ok(self.world.token_page(caller, request, page))
    }

    /// Ends a live session: one's own, or with `sessions.revoke_any` anybody's. To everybody else it is unknown.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke(&self, caller: &Caller, id: Id<Session>) -> Result<Session> {
        let own = caller.signed_in()?.user_id;
        let may_all = caller.has(Permission::SessionsRevokeAny);
        let live = self.live.clone();
        let ended = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let session = change.tx.find_session(id).await?;
                    let session = session
                        .filter(|session| session.user_id == own || may_all)
                        .filter(|session| session.is_live(change.now))
                        .ok_or(NOT_FOUND)?;
                    self.end(change, &session, EndReason::Revoked).await?;
                    Ok(session)
                })
            },
            move |session: &Session| live.ended(&[session.id]),
        );
        ended.await
    }

    /// Ends all sessions of a user, but perhaps the one of this call; how many. One's own, or with `sessions.revoke_any`
    /// anybody's.
    ///
    /// # Errors
    /// `NotOwner`.
    pub async fn revoke_all(
        &self,
        caller: &Caller,
        user_id: Option<Id<User>>,
        include_current: bool,
    ) -> Result<usize> {
        let principal = caller.signed_in()?;
        let user_id = user_id.unwrap_or(principal.user_id);
        caller.owns_or_has("account", user_id, Permission::SessionsRevokeAny)?;
        let but = principal.credential.session_id().filter(|_| !include_current);
        let live = self.live.clone();
        let ended = self.world.change_then(
            caller,
            |change| Box::pin(self.end_all(change, user_id, but, EndReason::Revoked)),
            move |ended: &Vec<_>| live.ended(ended),
        );
        ended.await.map(|ended| ended.len())
    }
}
