//! The messages of directory.proto that the service knows, as prost has them.

use prost_types::Timestamp;

#[derive(Clone, PartialEq, prost::Message)]
pub struct User {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub username: String,
    #[prost(string, tag = "3")]
    pub email: String,
    #[prost(bool, tag = "4")]
    pub email_verified: bool,
    #[prost(string, tag = "5")]
    pub display_name: String,
    #[prost(string, tag = "6")]
    pub avatar_url: String,
    #[prost(string, tag = "7")]
    pub bio: String,
    #[prost(string, tag = "8")]
    pub locale: String,
    #[prost(enumeration = "State", tag = "9")]
    pub state: i32,
    #[prost(string, repeated, tag = "10")]
    pub roles: Vec<String>,
    #[prost(int64, tag = "11")]
    pub sign_in_count: i64,
    #[prost(message, optional, tag = "15")]
    pub meta: Option<Meta>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Meta {
    #[prost(message, optional, tag = "1")]
    pub create_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub update_time: Option<Timestamp>,
    #[prost(string, tag = "3")]
    pub etag: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum State {
    Unspecified = 0,
    Active = 1,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct GetUserRequest {
    #[prost(string, tag = "1")]
    pub id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ListUsersRequest {
    #[prost(int32, tag = "1")]
    pub page_size: i32,
    #[prost(string, tag = "2")]
    pub page_token: String,
    #[prost(string, tag = "3")]
    pub filter: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UserList {
    #[prost(message, repeated, tag = "1")]
    pub users: Vec<User>,
    #[prost(string, tag = "2")]
    pub next_page_token: String,
}
