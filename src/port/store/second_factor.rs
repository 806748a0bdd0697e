//! Second factors in the store.

use async_trait::async_trait;

use crate::domain::{Result, Timestamp, id::Id, second_factor::SecondFactor, user::User};

/// What a recovery code is kept as: a message authentication code of it.
pub type RecoveryDigest = [u8; 32];

/// Reads second factors.
#[async_trait]
pub trait ReadSecondFactors {
    /// The second factor of an account, confirmed or not.
    async fn find_second_factor(&mut self, user_id: Id<User>) -> Result<Option<SecondFactor>>;

    /// How many recovery codes an account has.
    async fn count_recovery_codes(&mut self, user_id: Id<User>) -> Result<i64>;

    /// Whether an account has this recovery code.
    async fn has_recovery_code(
        &mut self,
        user_id: Id<User>,
        digest: &RecoveryDigest,
    ) -> Result<bool>;
}

/// Changes second factors.
#[async_trait]
pub trait SecondFactors: ReadSecondFactors {
    /// Adds a second factor that is not confirmed, in place of another one that is not; whether it did, because there was none
    /// that is.
    async fn insert_second_factor(&mut self, factor: &SecondFactor) -> Result<bool>;

    /// Confirms a second factor with a code of this step, in one statement: only if it is still this one and not confirmed.
    /// Whether it did.
    async fn confirm_second_factor(
        &mut self,
        factor: &SecondFactor,
        step: i64,
        now: Timestamp,
    ) -> Result<bool>;

    /// Takes the code of a step, in one statement: only if the second factor is confirmed and no code of this or a later step
    /// was taken. Whether it did.
    async fn advance_second_factor(&mut self, user_id: Id<User>, step: i64) -> Result<bool>;

    /// Notes whether the password is one that only an account with a second factor may have; whether the account has one that
    /// is confirmed.
    async fn mark_short_password(&mut self, user_id: Id<User>, is_short: bool) -> Result<bool>;

    /// Takes the second factor away and the recovery codes with it.
    async fn delete_second_factor(&mut self, user_id: Id<User>) -> Result<()>;

    /// Gives the owner of a second factor recovery codes in place of those that they had.
    async fn replace_recovery_codes(
        &mut self,
        user_id: Id<User>,
        digests: &[RecoveryDigest],
    ) -> Result<()>;

    /// Takes a recovery code away, in one statement: of several that want it one gets it. Whether it was there.
    async fn take_recovery_code(
        &mut self,
        user_id: Id<User>,
        digest: &RecoveryDigest,
    ) -> Result<bool>;
}
