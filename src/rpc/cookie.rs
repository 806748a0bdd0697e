//! Cookies that a browser keeps for the server alone: no script of a page reads them, and no other site can have them sent.

use ::cookie::{Cookie, Expiration, SameSite};
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::domain::{Error, Result, Timestamp};

/// A cookie with the prefix `__Host-` (RFC 6265bis): browsers keep it only when it came encrypted and for this host alone, or
/// from the machine that they run on.
fn bound(name: &'static str, value: String, same_site: SameSite, expires: Expiration) -> String {
    let cookie = Cookie::build((name, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(same_site)
        .expires(expires);
    cookie.to_string()
}

/// Has a browser keep a cookie until then.
pub fn keep(
    answer: &mut MetadataMap,
    name: &'static str,
    value: &str,
    same_site: SameSite,
    until: Timestamp,
) -> Result<()> {
    set(answer, &bound(name, value.to_owned(), same_site, until.into()))
}

/// Has a browser forget a cookie.
pub fn forget(answer: &mut MetadataMap, name: &'static str, same_site: SameSite) -> Result<()> {
    set(answer, &bound(name, String::new(), same_site, Timestamp::UNIX_EPOCH.into()))
}

fn set(answer: &mut MetadataMap, cookie: &str) -> Result<()> {
    let cookie = MetadataValue::try_from(cookie).map_err(Error::internal)?;
    answer.append("set-cookie", cookie);
    Ok(())
}

/// The value of a cookie that came with a call, wherever it stands among others (RFC 9113, section 8.2.3).
pub fn find(metadata: &MetadataMap, name: &str) -> Option<String> {
    let lines = metadata.get_all("cookie").into_iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).flatten();
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut metadata = MetadataMap::new();
        metadata.append("cookie", MetadataValue::from_static("a=1; b=2"));
        metadata.append("cookie", MetadataValue::from_static("broken; c=3;d = 4"));
        let find = |name| find(&metadata, name);
        assert_eq!(["a", "b", "c", "d"].map(|name| find(name).unwrap()), ["1", "2", "3", "4"]);
        assert_eq!(find("broken"), None);
        assert_eq!(find("A"), None);
    }
}
