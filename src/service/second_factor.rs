//! The second factor of an account: set up, confirmed, shown, and turned off.

use secrecy::SecretString;

use super::{
    auth::AuthService,
    change::Change,
    guard::{Right, Subject},
    user::NOT_FOUND,
};
use crate::{
    domain::{
        Error, Result, Timestamp,
        audit::Outcome,
        caller::Caller,
        error::BadToken,
        id::Id,
        mail::{Mail, Recipient},
        one_time_token::Kind,
        second_factor::{Code, Method, RecoveryCode, SEED_BYTES, SecondFactor},
        session::EndReason,
        text::fold,
        user::User,
    },
    port::{
        crypto::{Kept, Purpose, Vault},
        store::{Read, RecoveryDigest},
        totp::Setup,
    },
};

/// What enabling is called in the audit log.
const ENABLE: &str = "auth.mfa_enable";

/// What disabling is called in the audit log.
const DISABLE: &str = "auth.mfa_disable";

/// The state of a second factor.
#[derive(Debug)]
pub struct Status {
    /// Since when it is asked for, if it is.
    pub enable_time: Option<Timestamp>,
    /// What will do.
    pub methods: Vec<Method>,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

/// A code that was right when it was looked at. It counts once it is used up, which one of several can do.
#[derive(Debug)]
pub(super) enum RightCode {
    /// Of an app: the one of this step.
    Step(i64),
    /// A recovery code.
    Recovery(RecoveryDigest),
}

/// What an operator has done for somebody who lost their app and their recovery codes.
#[derive(Debug)]
pub struct Disabled {
    /// Whose second factor it was.
    pub user: User,
    /// Whether there was one.
    pub was_enabled: bool,
    /// Whether their password is shorter than one that is the only factor should be.
    pub has_short_password: bool,
}

impl AuthService {
    /// The state of the caller's second factor.
    pub async fn mfa_status(&self, caller: &Caller) -> Result<Status> {
        let user_id = caller.signed_in()?.user_id;
        let mut store = self.world.store.read().await?;
        let factor = find_enabled(&mut *store, user_id).await?;
        let Some(factor) = factor else {
            return Ok(Status { enable_time: None, methods: Vec::new(), recovery_codes_left: 0 });
        };
        let recovery_codes_left = store.count_recovery_codes(user_id).await?;
        let methods = methods(recovery_codes_left);
        Ok(Status { enable_time: factor.confirm_time, methods, recovery_codes_left })
    }

    /// Sets up an app for the caller, which counts once it is confirmed.
    ///
    /// # Errors
    /// `MfaAlreadyEnabled`.
    pub async fn enroll_totp(&self, caller: &Caller) -> Result<Setup> {
        let user_id = caller.signed_in()?.user_id;
        let seed = &self.world.vault.random()?[..SEED_BYTES];
        let enrolled = self.world.change(caller, |change| {
            Box::pin(async move {
                let user = change.tx.lock_user(user_id).await?.ok_or(BadToken::Ended)?;
                let context = user_id.uuid();
                let factor = SecondFactor {
                    user_id,
                    sealed_seed: self.world.vault.seal(Kept::TotpSeed, context.as_bytes(), seed)?,
                    last_step: 0,
                    create_time: change.now,
                    confirm_time: None,
                    has_short_password: false,
                };
                if !change.tx.insert_second_factor(&factor).await? {
                    return Err(Error::MfaAlreadyEnabled);
                }
                change.audit("auth.mfa_enroll", format!("users/{user_id}")).await?;
                Ok(user)
            })
        });
        let user = enrolled.await?;
        self.totp.setup(seed, &user.username)
    }

    /// Enables the caller's second factor with a first code of their app, and ends their other sessions: they were begun
    /// without it, perhaps by whoever is to be kept out. Answers the recovery codes.
    ///
    /// # Errors
    /// `TotpNotEnrolled`; `MfaAlreadyEnabled`; `WrongMfaCode`; `RateLimited`.
    pub async fn confirm_totp(
        &self,
        caller: &Caller,
        code: &SecretString,
    ) -> Result<Vec<RecoveryCode>> {
        let principal = caller.signed_in()?;
        let (user_id, session_id) = (principal.user_id, principal.session_id()?);
        let factor = self.world.store.read().await?.find_second_factor(user_id).await?;
        let factor = &factor.ok_or(Error::TotpNotEnrolled)?;
        if factor.confirm_time.is_some() {
            return Err(Error::MfaAlreadyEnabled);
        }
        let judge = async { self.find_step(factor, code) };
        let (step, right) = self.judge_code(caller, ENABLE, user_id, judge).await?;
        let (codes, digests) = &self.recovery_codes(user_id)?;
        let (tries, live) = (&[right], self.sessions.live.clone());
        let confirmed = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let user = change.tx.lock_user(user_id).await?.ok_or(BadToken::Ended)?;
                    if !change.tx.confirm_second_factor(factor, step, change.now).await? {
                        return Err(Error::TotpNotEnrolled);
                    }
                    change.tx.replace_recovery_codes(user_id, digests).await?;
                    self.guard.forgive(change, tries).await?;
                    change.audit(ENABLE, format!("users/{user_id}")).await?;
                    change.mail(&Recipient::of(&user), &Mail::SecondFactorEnabled).await?;
                    let why = EndReason::SecondFactorEnabled;
                    self.sessions.end_all(change, user_id, Some(session_id), why).await
                })
            },
            move |ended: &Vec<_>| live.ended(ended),
        );
        confirmed.await?;
        Ok(codes.clone())
    }

    /// Disables the caller's second factor.
    ///
    /// # Errors
    /// `MfaNotEnabled`; `PasswordTooShort`; `WrongMfaCode`; `RateLimited`.
    pub async fn disable_totp(&self, caller: &Caller, code: &Code) -> Result<()> {
        let user_id = caller.signed_in()?.user_id;
        let factor = find_enabled(&mut *self.world.store.read().await?, user_id).await?;
        // Found out before the code is used up.
        let factor = may_go(factor)?;
        let (code, right) = &self.check_code(caller, DISABLE, &factor, code).await?;
        let disabled = self.world.change(caller, |change| {
            Box::pin(async move {
                let user = change.tx.lock_user(user_id).await?.ok_or(BadToken::Ended)?;
                may_go(find_enabled(&mut *change.tx, user_id).await?)?;
                use_code(change, user_id, code).await?;
                self.guard.forgive(change, std::slice::from_ref(right)).await?;
                change.audit(DISABLE, format!("users/{user_id}")).await?;
                disable(change, &user).await
            })
        });
        self.audit_code(caller, DISABLE, user_id, disabled.await).await
    }

    /// Gives the caller new recovery codes; those of before are void.
    ///
    /// # Errors
    /// `MfaNotEnabled`.
    pub async fn regenerate_recovery_codes(&self, caller: &Caller) -> Result<Vec<RecoveryCode>> {
        let user_id = caller.signed_in()?.user_id;
        let (codes, digests) = &self.recovery_codes(user_id)?;
        let regenerated = self.world.change(caller, |change| {
            Box::pin(async move {
                let user = change.tx.lock_user(user_id).await?.ok_or(BadToken::Ended)?;
                find_enabled(&mut *change.tx, user_id).await?.ok_or(Error::MfaNotEnabled)?;
                change.tx.replace_recovery_codes(user_id, digests).await?;
                change.audit("auth.recovery_codes", format!("users/{user_id}")).await?;
                change.mail(&Recipient::of(&user), &Mail::RecoveryCodesRegenerated).await
            })
        });
        regenerated.await?;
        Ok(codes.clone())
    }

    /// Disables the second factor of whoever has this username or e-mail address, for an operator who knows who asks.
    ///
    /// # Errors
    /// `NotFound` with the resource `user`.
    pub async fn disable_mfa_of(&self, caller: &Caller, identifier: &str) -> Result<Disabled> {
        let folded = &fold(identifier);
        let disabled = self.world.change(caller, |change| {
            Box::pin(async move {
                let user = change.tx.find_user_by_name(folded).await?.ok_or(NOT_FOUND)?;
                let user = change.tx.lock_user(user.id).await?.ok_or(NOT_FOUND)?;
                let factor = find_enabled(&mut *change.tx, user.id).await?;
                let has_short_password = factor.as_ref().is_some_and(|f| f.has_short_password);
                if factor.is_some() {
                    change.audit("user.disable_mfa", format!("users/{}", user.id)).await?;
                    disable(change, &user).await?;
                }
                Ok(Disabled { user, was_enabled: factor.is_some(), has_short_password })
            })
        });
        disabled.await
    }

    /// Looks at a code of a confirmed second factor; `action` is what it is shown for.
    ///
    /// # Errors
    /// `WrongMfaCode`; `RateLimited`.
    pub(super) async fn check_code(
        &self,
        caller: &Caller,
        action: &'static str,
        factor: &SecondFactor,
        code: &Code,
    ) -> Result<(RightCode, Right)> {
        let user_id = factor.user_id;
        let judge = async {
            match code {
                Code::Totp(code) => Ok(self.find_step(factor, code)?.map(RightCode::Step)),
                Code::Recovery(code) => {
                    let digest = digest(&*self.world.vault, user_id, code);
                    let mut store = self.world.store.read().await?;
                    let is_known = store.has_recovery_code(user_id, &digest).await?;
                    Ok(is_known.then_some(RightCode::Recovery(digest)))
                }
            }
        };
        self.judge_code(caller, action, user_id, judge).await
    }

    /// Lets a code be judged, if not too many were wrong of late.
    async fn judge_code<T>(
        &self,
        caller: &Caller,
        action: &'static str,
        user_id: Id<User>,
        judge: impl Future<Output = Result<Option<T>>>,
    ) -> Result<(T, Right)> {
        let subject = Subject::SecondFactor(user_id);
        let judged = self.guard.attempt(caller, action, subject, judge).await?;
        let judged = judged.ok_or(Error::WrongMfaCode);
        self.audit_code(caller, action, user_id, judged).await
    }

    /// Adds a line to the audit log where a code was wrong after all.
    pub(super) async fn audit_code<T>(
        &self,
        caller: &Caller,
        action: &'static str,
        user_id: Id<User>,
        result: Result<T>,
    ) -> Result<T> {
        if let Err(wrong @ (Error::WrongMfaCode | Error::InvalidMfaTicket)) = &result {
            let (resource, failure) = (format!("users/{user_id}"), wrong.kind());
            self.world.audit(caller, action, resource, Outcome::Failure(failure)).await?;
        }
        result
    }

    fn find_step(&self, factor: &SecondFactor, code: &SecretString) -> Result<Option<i64>> {
        let (sealed, context) = (&factor.sealed_seed, factor.user_id.uuid());
        let seed = self.world.vault.open(Kept::TotpSeed, context.as_bytes(), sealed)?;
        let steps = factor.steps(self.world.clock.now());
        Ok(self.totp.find_step(&seed, code, steps))
    }

    /// New recovery codes, and what is kept of them.
    fn recovery_codes(
        &self,
        user_id: Id<User>,
    ) -> Result<(Vec<RecoveryCode>, Vec<RecoveryDigest>)> {
        let vault = &*self.world.vault;
        let codes = RecoveryCode::make_all(|| vault.random())?;
        let digests = codes.iter().map(|code| digest(vault, user_id, code)).collect();
        Ok((codes, digests))
    }
}

/// The second factor of an account, if it is asked for.
pub(super) async fn find_enabled(
    store: &mut (impl Read + ?Sized),
    user_id: Id<User>,
) -> Result<Option<SecondFactor>> {
    let factor = store.find_second_factor(user_id).await?;
    Ok(factor.filter(|factor| factor.confirm_time.is_some()))
}

/// What will do for somebody who has so many recovery codes.
pub(super) fn methods(recovery_codes_left: i64) -> Vec<Method> {
    let recovery = (recovery_codes_left > 0).then_some(Method::RecoveryCode);
    [Method::Totp].into_iter().chain(recovery).collect()
}

/// Uses a code up, within the change that it is shown for.
///
/// # Errors
/// `WrongMfaCode` when somebody else was faster.
pub(super) async fn use_code(
    change: &mut Change<'_>,
    user_id: Id<User>,
    code: &RightCode,
) -> Result<()> {
    let is_used = match code {
        RightCode::Step(step) => change.tx.advance_second_factor(user_id, *step).await?,
        RightCode::Recovery(digest) => change.tx.take_recovery_code(user_id, digest).await?,
    };
    if is_used { Ok(()) } else { Err(Error::WrongMfaCode) }
}

/// A second factor that can be turned off: what is left must not be a password that is too short to be the only factor.
fn may_go(factor: Option<SecondFactor>) -> Result<SecondFactor> {
    let factor = factor.ok_or(Error::MfaNotEnabled)?;
    if factor.has_short_password { Err(Error::PasswordTooShort) } else { Ok(factor) }
}

/// Takes the second factor from a locked account, and what waits for it.
async fn disable(change: &mut Change<'_>, user: &User) -> Result<()> {
    change.tx.delete_second_factor(user.id).await?;
    change.void(Kind::SecondFactor, user.id).await?;
    change.mail(&Recipient::of(user), &Mail::SecondFactorDisabled).await
}

/// What is kept of a recovery code.
fn digest(vault: &dyn Vault, user_id: Id<User>, code: &RecoveryCode) -> RecoveryDigest {
    let user_id = user_id.uuid();
    vault.mac(Purpose::RecoveryCode, &[user_id.as_bytes(), code.expose().as_bytes()])
}
