//! Pages on the wire.

use crate::{
    domain::{
        Error, Result,
        page::{Order, OrderKey},
    },
    service::page::PageRequest,
};

/// Which page is asked for. `name` is the field that the list can be ordered by beside `create_time`.
///
/// # Errors
/// `InvalidFields` naming `order_by`.
pub fn request(
    size: i32,
    token: String,
    filter: &str,
    order_by: &str,
    name: &str,
) -> Result<PageRequest> {
    // The spelling of JSON is the same order, and shares its page tokens.
    let order_by = order_by.replacen("createTime", "create_time", 1);
    let (key, descending) = match order_by.strip_suffix(" desc") {
        Some(key) => (key, true),
        None => (&*order_by, order_by.is_empty()),
    };
    let key = match key {
        "" | "create_time" => OrderKey::CreateTime,
        key if key == name => OrderKey::Name,
        _ => {
            let allowed = format!("must be `create_time` or `{name}`, alone or followed by `desc`");
            return Err(Error::invalid_field("order_by", allowed));
        }
    };
    let order = Order { key, descending };
    Ok(PageRequest { size, token, order, selection: format!("{order_by}\0{filter}") })
}
