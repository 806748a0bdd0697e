//! Errands: recorded within the call that asks for them, in the same way for everybody, and done after its answer.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{World, auth::AuthService, change::Change};
use crate::{
    domain::{
        Error, Result,
        caller::{Caller, Origin, TraceContext, Transport},
        errand::{Errand, LIFETIME},
        id::Id,
    },
    port::{crypto::Kept, store::KeptErrand},
};

/// What is remembered of an errand, and of the call that asked for it.
#[derive(Serialize, Deserialize)]
struct Slip {
    errand: Errand,
    transport: Transport,
    ip: Option<IpAddr>,
    user_agent: String,
    trace: Option<TraceContext>,
}

impl Errand {
    /// The method that asks for it.
    fn method(&self) -> &'static str {
        match self {
            Self::OfferPasswordReset { .. } => "veza.auth.v1.AuthService/RequestPasswordReset",
            Self::SignUp(_) => "veza.auth.v1.AuthService/Register",
        }
    }
}

impl Slip {
    /// Whoever asked for it. Nobody is known to be signed in: an errand is asked for by whoever is not.
    fn caller(&self) -> Caller {
        let origin = Origin {
            transport: self.transport,
            rpc_method: self.errand.method(),
            ip: self.ip,
            user_agent: self.user_agent.clone(),
            trace: self.trace,
        };
        Caller { principal: None, refused: None, is_confirmed: false, origin }
    }
}

impl Change<'_> {
    /// Records an errand, to be done after the answer.
    pub(super) async fn leave(&mut self, errand: Errand) -> Result<()> {
        let origin = &self.caller().origin;
        let (transport, ip, trace) = (origin.transport, origin.ip, origin.trace);
        let slip = Slip { errand, transport, ip, user_agent: origin.user_agent.clone(), trace };
        let plain = serde_json::to_vec(&slip).map_err(Error::internal)?;
        let id = self.new_id();
        let vault = &*self.world().vault;
        let kept = KeptErrand {
            id,
            sealed_slip: vault.seal(Kept::Errand, id.uuid().as_bytes(), &plain)?,
            record_time: self.now,
            expire_time: self.now + LIFETIME,
        };
        self.tx.insert_errand(&kept).await
    }
}

impl World {
    fn read_slip(&self, kept: &KeptErrand) -> Result<Slip> {
        let id = kept.id.uuid();
        let plain = self.vault.open(Kept::Errand, id.as_bytes(), &kept.sealed_slip)?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }
}

impl AuthService {
    /// The errands that wait, up to `limit` of them, those first that have waited longest.
    pub async fn list_errands(&self, limit: i64) -> Result<Vec<KeptErrand>> {
        let now = self.world.clock.now();
        self.world.store.read().await?.list_errands(now, limit).await
    }

    /// Does an errand; not when somebody else has done it.
    pub async fn do_errand(&self, kept: &KeptErrand) -> Result<bool> {
        let slip = &self.world.read_slip(kept)?;
        let (id, caller) = (kept.id, slip.caller());
        let done = self.world.change(&caller, |change| {
            Box::pin(async move {
                if !change.tx.take_errand(id).await? {
                    return Ok(false);
                }
                match &slip.errand {
                    Errand::OfferPasswordReset { identifier } => {
                        self.offer_password_reset(change, identifier).await?;
                    }
                    Errand::SignUp(draft) => self.offer_account(change, draft).await?,
                }
                Ok(true)
            })
        });
        done.await
    }

    /// Gives up an errand that cannot be done.
    pub async fn drop_errand(&self, id: Id<Errand>) -> Result<()> {
        let mut tx = self.world.store.begin().await?;
        tx.take_errand(id).await?;
        tx.commit().await
    }
}
