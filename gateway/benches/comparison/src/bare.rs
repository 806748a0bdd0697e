//! The directory as one would write it by hand for REST alone: plain structs with serde, and no gRPC.

use std::error::Error;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::fixture;

/// The routes of the directory.
pub fn router() -> Result<Router, Box<dyn Error>> {
    let people = People {
        user: Arc::new(serde_json::from_str(fixture::USER)?),
        list: Arc::new(serde_json::from_str(&fixture::list(50))?),
    };
    Ok(Router::new()
        .route("/v1/users/{id}", get(get_user))
        .route("/v1/users", get(list_users).post(create_user))
        .with_state(people))
}

async fn get_user(State(people): State<People>) -> Json<User> {
    Json(User::clone(&people.user))
}

async fn list_users(State(people): State<People>) -> Json<UserList> {
    Json(UserList::clone(&people.list))
}

async fn create_user(Json(user): Json<User>) -> Json<User> {
    Json(user)
}

#[derive(Clone)]
struct People {
    user: Arc<User>,
    list: Arc<UserList>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    username: String,
    email: String,
    email_verified: bool,
    display_name: String,
    avatar_url: String,
    bio: String,
    locale: String,
    state: String,
    roles: Vec<String>,
    sign_in_count: String,
    meta: Meta,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    create_time: String,
    update_time: String,
    etag: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct UserList {
    users: Vec<User>,
    next_page_token: String,
}
