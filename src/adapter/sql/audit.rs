//! The audit log.

use async_trait::async_trait;

use super::{super::time, Change};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, audit::Entry, caller::Credential, id::Id};
use crate::port::store::Audit;

#[async_trait]
impl Audit for Change {
    async fn audit(&mut self, entry: &Entry) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO audit_events (id, create_time, actor_id, session_id, action, resource, \
             outcome, reason, transport, rpc_method, ip, user_agent, trace_id, api_key_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        );
        let origin = &entry.caller.origin;
        let credential = entry.caller.principal.as_ref().map(|principal| principal.credential);
        let session_id = credential.and_then(Credential::session_id);
        let api_key_id = credential.and_then(Credential::api_key_id);
        query
            .bind(entry.id.uuid())
            .bind(time(entry.time))
            .bind(entry.actor_id.map(Id::uuid))
            .bind(session_id.map(Id::uuid))
            .bind(entry.action)
            .bind(&entry.resource)
            .bind(entry.outcome.name())
            .bind(entry.outcome.reason())
            .bind(origin.transport.name())
            .bind(origin.rpc_method)
            .bind(origin.ip.map(|ip| ip.to_string()))
            .bind(&origin.user_agent)
            .bind(origin.trace.map(|trace| format!("{:032x}", trace.trace_id)))
            .bind(api_key_id.map(Id::uuid))
            .execute(self.on(Query::Audit))
            .await?;
        Ok(())
    }
}
