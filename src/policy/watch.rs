//! Watches over an open stream: it goes on only for as long as whoever opened it could open it again.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time;

use super::method::Method;
use crate::{
    domain::{Error, caller::Principal},
    port::access::Authenticator,
};

/// How often it is asked again without a sign: for what time alone ends, such as an access token.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How often in a row the answer may be unknown, because the database does not say. Ending all streams at the first time
/// would bring all clients back at once.
const UNKNOWN_MAX: u32 = 10;

/// Who opened a stream of which method, and with what.
pub struct Watch {
    /// Knows bearer tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// The method.
    pub method: Method,
    /// The access token or API key.
    pub bearer: String,
    /// From where.
    pub ip: IpAddr,
    /// Who.
    pub principal: Arc<Principal>,
}

impl Watch {
    /// Waits until the stream may not go on; why.
    pub async fn over(self) -> Error {
        let mut unknown = 0;
        loop {
            // Listens before it asks, so that what happens in between is not missed.
            let changed = self.authenticator.changed(&self.principal);
            let answer = self.authenticator.authenticate(&self.bearer, self.ip).await;
            match answer.and_then(|found| self.method.authorize(Some(&found))) {
                Ok(()) => unknown = 0,
                Err(Error::Unavailable(_)) if unknown < UNKNOWN_MAX => unknown += 1,
                Err(why) => return why,
            }
            // Either way it is asked again.
            time::timeout(ASK_EVERY, changed).await.ok();
        }
    }
}
