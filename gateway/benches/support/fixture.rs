//! The messages that are sent, as JSON and as wire bytes.

use std::error::Error;

use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};

/// The JSON of a user, as the gateway prints it.
pub const USER: &str = include_str!("../directory/user.json").trim_ascii_end();

/// The JSON of as many users, all with ids of their own.
pub fn list(count: usize) -> String {
    let user = |number| USER.replacen("018f3a5e", &format!("{number:08x}"), 1);
    let users: Vec<_> = (0..count).map(user).collect();
    format!(r#"{{"users":[{}],"nextPageToken":"bmV4dA"}}"#, users.join(","))
}

/// The wire bytes of JSON, by prost-reflect.
pub fn wire(pool: &DescriptorPool, message: &str, json: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let descriptor = pool.get_message_by_name(message).ok_or("no such message")?;
    let mut json = serde_json::Deserializer::from_str(json);
    Ok(DynamicMessage::deserialize(descriptor, &mut json)?.encode_to_vec())
}
