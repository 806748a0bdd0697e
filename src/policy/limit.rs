//! Which budget a call is counted against, and what the answer says of it.

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderValue};

use super::method::{Method, Rate};
use crate::{
    domain::caller::{Credential, Principal},
    port::limiter::{Budget, Decision},
};

/// The budget of a call: sign-in by address; everything else by user, by API key, or by address for whoever is not signed in.
/// Questions about tokens have one of their own, but only for those who may ask.
pub fn budget(method: Option<&Method>, principal: Option<&Principal>, ip: IpAddr) -> Budget {
    let rate = method.map_or(Rate::Default, |method| method.rate);
    let may_call = || method.is_some_and(|method| method.permit(principal).is_ok());
    match principal {
        _ if rate == Rate::SignIn => Budget::SignIn(ip),
        Some(principal) if rate == Rate::Validation && may_call() => {
            Budget::Validation(principal.user_id)
        }
        Some(principal) => match principal.credential {
            Credential::Session { .. } => Budget::User(principal.user_id),
            Credential::ApiKey { id } => Budget::ApiKey(id),
        },
        None => Budget::Address(ip),
    }
}

/// Says what is left, in the `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers.
pub fn tell(headers: &mut HeaderMap, scope: &str, decision: &Decision) {
    let (quota, window) = (decision.quota, decision.window.as_secs());
    let (remaining, reset) = (decision.remaining, seconds_up(decision.reset_after));
    let values = [
        ("ratelimit-policy", format!("\"{scope}\";q={quota};w={window}")),
        ("ratelimit", format!("\"{scope}\";r={remaining};t={reset}")),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
