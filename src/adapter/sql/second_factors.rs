//! Second factors.

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Db, time},
    Change, Handle, Link, Row, row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, Timestamp, id::Id, second_factor::SecondFactor, user::User};
use crate::port::store::{ReadSecondFactors, RecoveryDigest, SecondFactors};

#[async_trait]
impl<L: Link> ReadSecondFactors for Handle<L> {
    async fn find_second_factor(&mut self, user_id: Id<User>) -> Result<Option<SecondFactor>> {
        let query = sqlx::query(
            "SELECT user_id, sealed_seed, last_step, create_time, confirm_time, has_short_password \
             FROM second_factors WHERE user_id = $1",
        );
        let query = query.bind(user_id.uuid()).try_map(|row| factor(&row));
        Ok(query.fetch_optional(self.on(Query::FindSecondFactor)).await?)
    }

    async fn count_recovery_codes(&mut self, user_id: Id<User>) -> Result<i64> {
        let query = sqlx::query_scalar("SELECT count(*) FROM recovery_codes WHERE user_id = $1");
        let query = query.bind(user_id.uuid());
        Ok(query.fetch_one(self.on(Query::CountRecoveryCodes)).await?)
    }

    async fn has_recovery_code(
        &mut self,
        user_id: Id<User>,
        digest: &RecoveryDigest,
    ) -> Result<bool> {
        let query = sqlx::query("SELECT 1 FROM recovery_codes WHERE user_id = $1 AND digest = $2");
        let query = query.bind(user_id.uuid()).bind(digest.to_vec());
        Ok(query.fetch_optional(self.on(Query::HasRecoveryCode)).await?.is_some())
    }
}

#[async_trait]
impl SecondFactors for Change {
    async fn insert_second_factor(&mut self, factor: &SecondFactor) -> Result<bool> {
        let query = sqlx::query(
            "INSERT INTO second_factors AS known (user_id, sealed_seed, last_step, create_time, \
             confirm_time, has_short_password) VALUES ($1, $2, $3, $4, NULL, $5) \
             ON CONFLICT (user_id) DO UPDATE SET sealed_seed = excluded.sealed_seed, \
             last_step = excluded.last_step, create_time = excluded.create_time \
             WHERE known.confirm_time IS NULL",
        );
        let query = query.bind(factor.user_id.uuid()).bind(&factor.sealed_seed);
        let query = query.bind(factor.last_step).bind(time(factor.create_time));
        let query = query.bind(factor.has_short_password);
        Ok(query.execute(self.on(Query::InsertSecondFactor)).await?.rows_affected() == 1)
    }

    async fn confirm_second_factor(
        &mut self,
        factor: &SecondFactor,
        step: i64,
        now: Timestamp,
    ) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE second_factors SET confirm_time = $4, last_step = $3 \
             WHERE user_id = $1 AND sealed_seed = $2 AND confirm_time IS NULL",
        );
        let query = query.bind(factor.user_id.uuid()).bind(&factor.sealed_seed);
        let query = query.bind(step).bind(time(now));
        Ok(query.execute(self.on(Query::ConfirmSecondFactor)).await?.rows_affected() == 1)
    }

    async fn advance_second_factor(&mut self, user_id: Id<User>, step: i64) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE second_factors SET last_step = $2 \
             WHERE user_id = $1 AND last_step < $2 AND confirm_time IS NOT NULL",
        );
        let query = query.bind(user_id.uuid()).bind(step);
        Ok(query.execute(self.on(Query::AdvanceSecondFactor)).await?.rows_affected() == 1)
    }

    async fn mark_short_password(&mut self, user_id: Id<User>, is_short: bool) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE second_factors SET has_short_password = $2 \
             WHERE user_id = $1 AND confirm_time IS NOT NULL",
        );
        let query = query.bind(user_id.uuid()).bind(is_short);
        Ok(query.execute(self.on(Query::MarkShortPassword)).await?.rows_affected() == 1)
    }

    async fn delete_second_factor(&mut self, user_id: Id<User>) -> Result<()> {
        let query = sqlx::query("DELETE FROM second_factors WHERE user_id = $1");
        query.bind(user_id.uuid()).execute(self.on(Query::DeleteSecondFactor)).await?;
        Ok(())
    }

    async fn replace_recovery_codes(
        &mut self,
        user_id: Id<User>,
        digests: &[RecoveryDigest],
    ) -> Result<()> {
        let query = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1");
        query.bind(user_id.uuid()).execute(self.on(Query::ReplaceRecoveryCodes)).await?;
        let mut query = QueryBuilder::<Db>::new("INSERT INTO recovery_codes (user_id, digest) ");
        query.push_values(digests, |mut row, digest| {
            row.push_bind(user_id.uuid()).push_bind(digest.to_vec());
        });
        query.build().execute(self.on(Query::ReplaceRecoveryCodes)).await?;
        Ok(())
    }

    async fn take_recovery_code(
        &mut self,
        user_id: Id<User>,
        digest: &RecoveryDigest,
    ) -> Result<bool> {
        let query = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2");
        let query = query.bind(user_id.uuid()).bind(digest.to_vec());
        Ok(query.execute(self.on(Query::TakeRecoveryCode)).await?.rows_affected() == 1)
    }
}

fn factor(row: &Row) -> sqlx::Result<SecondFactor> {
    Ok(SecondFactor {
        user_id: row::id(row, "user_id")?,
        sealed_seed: row.try_get("sealed_seed")?,
        last_step: row.try_get("last_step")?,
        create_time: row::time(row, "create_time")?,
        confirm_time: row::time_or_none(row, "confirm_time")?,
        has_short_password: row.try_get("has_short_password")?,
    })
}
