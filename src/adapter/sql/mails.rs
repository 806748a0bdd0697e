//! Mails.

use async_trait::async_trait;
use sqlx::Row as _;
use uuid::Uuid;

use super::{
    super::{Time, time},
    Change, Handle, Link, Row, row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{
    Result, Timestamp,
    id::Id,
    mail::{Mail, State},
    text::Email,
    user::User,
};
use crate::port::store::{KeptMail, MailStatus, Mails, ReadMails, Settlement};

macro_rules! mail_columns {
    () => {
        "id, user_id, kind, recipient, sealed_letter, state, record_time, expire_time, purge_time, \
         attempts, error, end_time"
    };
}

#[async_trait]
impl<L: Link> ReadMails for Handle<L> {
    async fn mail_status(&mut self, now: Timestamp) -> Result<MailStatus> {
        let query = sqlx::query(
            "SELECT count(*) AS pending, \
             count(CASE WHEN due_time <= $1 AND expire_time > $1 THEN 1 END) AS due, \
             (SELECT count(*) FROM mails WHERE sealed_letter IS NOT NULL AND expire_time <= $1 \
                 AND due_time <= $1) AS overdue, \
             min(record_time) AS oldest \
             FROM mails WHERE state = 'PENDING'",
        );
        let status = |row: Row| {
            let (pending, due) = (row.try_get("pending")?, row.try_get("due")?);
            let (overdue, oldest) = (row.try_get("overdue")?, row::time_or_none(&row, "oldest")?);
            Ok(MailStatus { pending, due, overdue, oldest })
        };
        let query = query.bind(time(now)).try_map(status);
        Ok(query.fetch_one(self.on(Query::MailStatus)).await?)
    }

    async fn list_mails(&mut self, limit: i64) -> Result<Vec<KeptMail>> {
        let sql = concat!("SELECT ", mail_columns!(), " FROM mails ORDER BY id DESC LIMIT $1");
        let query = sqlx::query(sql).bind(limit).try_map(|row| mail(&row));
        Ok(query.fetch_all(self.on(Query::ListMails)).await?)
    }

    async fn count_mails(&mut self, user: Id<User>, kind: &str, since: Timestamp) -> Result<i64> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM mails WHERE user_id = $1 AND kind = $2 AND record_time >= $3",
        );
        let query = query.bind(user.uuid()).bind(kind).bind(time(since));
        Ok(query.fetch_one(self.on(Query::CountMails)).await?)
    }
}

#[async_trait]
impl Mails for Change {
    async fn insert_mail(&mut self, mail: &KeptMail) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO mails (id, user_id, kind, recipient, sealed_letter, state, record_time, \
             expire_time, purge_time, due_time, attempts, error, end_time) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7, $10, $11, $12)",
        );
        query
            .bind(mail.id.uuid())
            .bind(mail.user_id.uuid())
            .bind(&mail.kind)
            .bind(mail.recipient.as_str())
            .bind(mail.sealed_letter.as_deref())
            .bind(mail.state.name())
            .bind(time(mail.record_time))
            .bind(time(mail.expire_time))
            .bind(time(mail.purge_time))
            .bind(mail.attempts)
            .bind(&mail.error)
            .bind(mail.end_time.map(time))
            .execute(self.on(Query::InsertMail))
            .await?;
        Ok(())
    }

    async fn claim_mails(
        &mut self,
        lease: Uuid,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<KeptMail>> {
        const SQL: &str = concat!(
            "WITH free AS (SELECT id FROM mails WHERE state = 'PENDING' AND due_time <= $1 \
             AND expire_time > $1 ORDER BY due_time, id LIMIT $2",
            skip_locked!(),
            ") UPDATE mails SET lease_id = $3, due_time = $4 WHERE id IN (SELECT id FROM free) \
             RETURNING ",
            mail_columns!()
        );
        let query = sqlx::query(SQL).bind(time(now)).bind(limit).bind(lease).bind(time(until));
        let query = query.try_map(|row| mail(&row));
        let mut claimed = query.fetch_all(self.on(Query::ClaimMails)).await?;
        // RETURNING keeps no order.
        claimed.sort_unstable_by_key(|mail| mail.id.uuid());
        Ok(claimed)
    }

    async fn renew_mails(&mut self, lease: Uuid, until: Timestamp) -> Result<()> {
        let query =
            sqlx::query("UPDATE mails SET due_time = $2 WHERE lease_id = $1 AND state = 'PENDING'");
        query.bind(lease).bind(time(until)).execute(self.on(Query::RenewMails)).await?;
        Ok(())
    }

    async fn settle_mail(
        &mut self,
        id: Id<Mail>,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<()> {
        let on = self.on(Query::SettleMail);
        match settlement {
            Settlement::Ended { state, error, keeps_letter } => {
                let query = sqlx::query(
                    "UPDATE mails SET state = $2, error = $3, end_time = $4, lease_id = NULL, \
                     sealed_letter = CASE WHEN $5 THEN sealed_letter END \
                     WHERE id = $1 AND state IN ('PENDING', 'EXPIRED')",
                );
                let query = query.bind(id.uuid()).bind(state.name()).bind(error).bind(time(now));
                query.bind(keeps_letter).execute(on).await?;
            }
            Settlement::Postponed { lease, due, error } => {
                let query = sqlx::query(
                    "UPDATE mails SET due_time = $3, error = $4, attempts = attempts + 1, \
                     lease_id = NULL WHERE id = $1 AND lease_id = $2 AND state = 'PENDING'",
                );
                let query = query.bind(id.uuid()).bind(lease).bind(time(*due)).bind(error);
                query.execute(on).await?;
            }
            Settlement::Untried { lease } => {
                let query = sqlx::query(
                    "UPDATE mails SET due_time = $3, lease_id = NULL \
                     WHERE id = $1 AND lease_id = $2 AND state = 'PENDING'",
                );
                query.bind(id.uuid()).bind(lease).bind(time(now)).execute(on).await?;
            }
        }
        Ok(())
    }

    async fn expire_mails(&mut self, now: Timestamp) -> Result<u64> {
        let now: Time = time(now);
        let query = sqlx::query(
            "UPDATE mails SET sealed_letter = NULL \
             WHERE state <> 'PENDING' AND sealed_letter IS NOT NULL AND expire_time <= $1",
        );
        query.bind(now).execute(self.on(Query::ExpireMails)).await?;
        let query = sqlx::query(
            "UPDATE mails SET state = 'EXPIRED', sealed_letter = NULL, lease_id = NULL, \
             end_time = $1 WHERE state = 'PENDING' AND expire_time <= $1 AND due_time <= $1",
        );
        Ok(query.bind(now).execute(self.on(Query::ExpireMails)).await?.rows_affected())
    }
}

fn mail(row: &Row) -> sqlx::Result<KeptMail> {
    Ok(KeptMail {
        id: row::id(row, "id")?,
        user_id: row::id(row, "user_id")?,
        kind: row.try_get("kind")?,
        recipient: Email::trusted(row.try_get("recipient")?),
        sealed_letter: row.try_get("sealed_letter")?,
        state: row::named(row, "state", State::from_name)?,
        record_time: row::time(row, "record_time")?,
        expire_time: row::time(row, "expire_time")?,
        purge_time: row::time(row, "purge_time")?,
        attempts: row.try_get("attempts")?,
        error: row.try_get("error")?,
        end_time: row::time_or_none(row, "end_time")?,
    })
}
