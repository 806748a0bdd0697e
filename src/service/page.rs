//! Page tokens: opaque, authenticated, and good only for the list that they were made for (AIP-158).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::World;
use crate::{
    domain::{
        Error, Result,
        caller::Caller,
        page::{Cursor, Order, Page, PageQuery},
    },
    port::crypto::Purpose,
};

/// How many items a page has when the client does not say.
const SIZE_DEFAULT: i32 = 50;

/// How many items a page has at most.
const SIZE_MAX: i32 = 200;

/// How many bytes of the MAC a token carries: 128 bits.
const MAC_BYTES: usize = 16;

/// Which page of which list a client asks for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// How many items at most; 0 is the default.
    pub size: i32,
    /// Where the page before ended; empty for the first page.
    pub token: String,
    /// In which order.
    pub order: Order,
    /// The text of filter and order: a token is only good for the same.
    pub selection: String,
}

/// Some items of a list, and the token of the next page.
#[derive(Debug, Clone)]
pub struct TokenPage<T> {
    /// The items.
    pub items: Vec<T>,
    /// The token; empty on the last page.
    pub next_token: String,
}

impl World {
    /// What to ask the store for.
    ///
    /// # Errors
    /// `InvalidPageToken` when the token was not made for this caller, method, filter and order.
    pub fn page_query(&self, caller: &Caller, request: &PageRequest) -> Result<PageQuery> {
        let size = if request.size <= 0 { SIZE_DEFAULT } else { request.size.min(SIZE_MAX) };
        let after = match request.token.as_str() {
            "" => None,
            token => Some(self.read_token(caller, request, token).ok_or(Error::InvalidPageToken)?),
        };
        Ok(PageQuery { limit: i64::from(size), order: request.order, after })
    }

    /// The page with a token in place of the cursor.
    #[must_use]
    pub fn token_page<T>(
        &self,
        caller: &Caller,
        request: &PageRequest,
        page: Page<T>,
    ) -> TokenPage<T> {
        let next_token = page.next.map_or_else(String::new, |cursor| {
            let mut bytes = self.token_mac(caller, request, &cursor);
            bytes.extend_from_slice(cursor.id.as_bytes());
            bytes.extend_from_slice(cursor.name.as_bytes());
            BASE64_URL_SAFE_NO_PAD.encode(bytes)
        });
        TokenPage { items: page.items, next_token }
    }

    fn read_token(&self, caller: &Caller, request: &PageRequest, token: &str) -> Option<Cursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (mac, rest) = bytes.split_at_checked(MAC_BYTES)?;
        let (id, name) = rest.split_at_checked(16)?;
        let name = String::from_utf8(name.to_vec()).ok()?;
        let cursor = Cursor { id: Uuid::from_slice(id).ok()?, name };
        // A cursor is not secret: the time that the comparison takes tells nothing that helps.
        (self.token_mac(caller, request, &cursor) == mac).then_some(cursor)
    }

    fn token_mac(&self, caller: &Caller, request: &PageRequest, cursor: &Cursor) -> Vec<u8> {
        let mac = self.vault.mac(
            Purpose::PageToken,
            &[
                caller.name().as_bytes(),
                caller.origin.rpc_method.as_bytes(),
                request.selection.as_bytes(),
                cursor.id.as_bytes(),
                cursor.name.as_bytes(),
            ],
        );
        mac[..MAC_BYTES].to_vec()
    }
}
