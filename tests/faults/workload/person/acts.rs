//! What a client does, and what follows for it from the answer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Person, Room, Session, uuid};
use crate::{
    ledger::{Change, Outcome},
    support::{
        app::{PASSWORD, text},
        client::Call,
        rpc::{
            CREATE_ROOM, DELETE_ROOM, GET_ROOM, LOGIN, LOGOUT, REFRESH_TOKEN, REGISTER, UPDATE_ROOM,
        },
    },
};

/// How many rooms a client keeps at most.
const ROOMS_MAX: usize = 8;

/// How long a refresh can be repeated, which is a little less than the server's grace.
const GRACE: Duration = Duration::from_secs(9);

impl Person {
    /// Does something, by chance.
    pub async fn act(&mut self) {
        let Some(session) = &self.session else {
            return self.sign_up().await;
        };
        let (id, username) = (session.id, session.username.clone());
        match self.chance.below(1000) {
            0..3 => self.sign_up().await,
            3..8 => self.sign_out(id, &username).await,
            8..150 => self.refresh(id).await,
            150..400 => self.create_room().await,
            400..450 => self.delete_room().await,
            450..480 => self.update_from_a_stale_version().await,
            480..800 => self.update_room().await,
            _ => self.read_room().await,
        }
    }

    async fn sign_up(&mut self) {
        let username = self.name_of("u");
        let request = json!({
            "email": format!("{username}@example.com"), "username": username, "password": PASSWORD,
            "requestId": self.chance.uuid(),
        });
        let invoked = self.ledger.invoke(Change::SignUp(username.clone()));
        let call = Call::to(REGISTER, request);
        match self.insist(&invoked, &call, session_id).await {
            Answer::Ok(answer) => {
                self.leave(false);
                // Rooms are their owner's.
                self.rooms.clear();
                self.session = Some(Session::of(username, &answer["result"]["tokens"]));
            }
            Answer::Refused(code) => self.refused_without_reason(&code, &call),
            Answer::Unknown => {}
        }
    }

    async fn sign_in(&mut self, username: &str) {
        let invoked = self.ledger.invoke(Change::SignIn);
        let call = Call::to(LOGIN, json!({ "identifier": username, "password": PASSWORD }));
        match self.attempt(&call).await {
            Answer::Ok(answer) => {
                self.ledger.end(&invoked, Outcome::Ok, session_id(&answer));
                self.session = Some(Session::of(username.to_owned(), &answer["result"]["tokens"]));
            }
            Answer::Refused(code) => {
                self.ledger.end(&invoked, Outcome::Fail, None);
                self.refused_without_reason(&code, &call);
            }
            Answer::Unknown => self.ledger.end(&invoked, Outcome::Unknown, None),
        }
    }

    async fn sign_out(&mut self, id: Uuid, username: &str) {
        let invoked = self.ledger.invoke(Change::SignOut(id));
        let newest = self.newest_refresh_token();
        // With the refresh token, because an access token of an ended session ends nothing a second time.
        let call = Call::to(LOGOUT, json!({ "refreshToken": newest }));
        let answer = self.insist(&invoked, &call, |_| None).await;
        if let Answer::Refused(code) = &answer {
            self.refused_without_reason(code, &call);
        }
        self.leave(matches!(answer, Answer::Ok(_)));
        self.sign_in(username).await;
    }

    async fn refresh(&mut self, id: Uuid) {
        let invoked = self.ledger.invoke(Change::Refresh(id));
        let call = Call::to(REFRESH_TOKEN, json!({ "refreshToken": self.newest_refresh_token() }));
        let began = Instant::now();
        match self.insist(&invoked, &call, |_| None).await {
            Answer::Ok(answer) => {
                let tokens = &answer["tokens"];
                let session = self.session.as_mut().expect("a session");
                session.access_token = text(&tokens["accessToken"]);
                session.refresh_tokens.push(text(&tokens["refreshToken"]));
            }
            Answer::Refused(code) => {
                // Whoever repeats a call when the grace is over looks like a thief, and has to sign in again.
                if began.elapsed() < GRACE {
                    self.refused_without_reason(&code, &call);
                }
                let username = self.session.as_ref().map(|session| session.username.clone());
                self.leave(true);
                self.sign_in(&username.unwrap_or_default()).await;
            }
            Answer::Unknown => {}
        }
    }

    async fn create_room(&mut self) {
        if self.rooms.len() >= ROOMS_MAX {
            return self.delete_room().await;
        }
        let name = self.name_of("r");
        let request = json!({ "room": { "name": name }, "requestId": self.chance.uuid() });
        let invoked = self.ledger.invoke(Change::CreateRoom(name));
        let call = self.as_me(Call::to(CREATE_ROOM, request));
        let room_id = |answer: &Value| uuid(&answer["room"]["id"]);
        match self.insist(&invoked, &call, room_id).await {
            Answer::Ok(answer) => self.rooms.extend(Room::of(&answer["room"])),
            Answer::Refused(code) => self.refused_without_reason(&code, &call),
            Answer::Unknown => {}
        }
    }

    async fn update_room(&mut self) {
        let description = self.name_of("d");
        let Some(place) = self.place_of_a_room() else { return };
        let room = &self.rooms[place];
        let fields = json!({ "id": room.id, "description": description });
        let request = json!({ "room": fields, "etag": room.etag, "updateMask": "description" });
        let invoked = self.ledger.invoke(Change::UpdateRoom(description));
        let call = self.as_me(Call::to(UPDATE_ROOM, request));
        match self.attempt(&call).await {
            Answer::Ok(answer) => {
                self.ledger.end(&invoked, Outcome::Ok, None);
                self.rooms[place] = Room::of(&answer["room"]).expect("a room");
            }
            Answer::Refused(code) => {
                self.ledger.end(&invoked, Outcome::Fail, None);
                // The one before, of which nothing was heard, may have come through late.
                if code != "ABORTED" {
                    self.refused_without_reason(&code, &call);
                }
                self.look_again(place).await;
            }
            Answer::Unknown => {
                self.ledger.end(&invoked, Outcome::Unknown, None);
                self.look_again(place).await;
            }
        }
    }

    async fn update_from_a_stale_version(&mut self) {
        let description = self.name_of("s");
        let Some(place) = self.place_of_a_room() else { return };
        let fields = json!({ "id": self.rooms[place].id, "description": description });
        let request = json!({ "room": fields, "etag": "v0", "updateMask": "description" });
        let invoked = self.ledger.invoke(Change::UpdateRoom(description));
        let call = self.as_me(Call::to(UPDATE_ROOM, request));
        match self.attempt(&call).await {
            Answer::Ok(_) => self.ledger.defect(format!("a stale etag was taken: {call:?}")),
            Answer::Refused(_) => self.ledger.end(&invoked, Outcome::Fail, None),
            Answer::Unknown => self.ledger.end(&invoked, Outcome::Unknown, None),
        }
    }

    async fn delete_room(&mut self) {
        let Some(place) = self.place_of_a_room() else { return };
        let room = self.rooms.swap_remove(place);
        let invoked = self.ledger.invoke(Change::DeleteRoom(room.id));
        let call = Call::to(DELETE_ROOM, json!({ "id": room.id, "etag": room.etag }));
        let call = self.as_me(call);
        match self.attempt(&call).await {
            Answer::Ok(_) => self.ledger.end(&invoked, Outcome::Ok, None),
            Answer::Refused(code) => {
                self.ledger.end(&invoked, Outcome::Fail, None);
                if code != "ABORTED" {
                    self.refused_without_reason(&code, &call);
                }
            }
            Answer::Unknown => self.ledger.end(&invoked, Outcome::Unknown, None),
        }
    }

    /// What was written is read.
    async fn read_room(&mut self) {
        let Some(place) = self.place_of_a_room() else { return };
        let room = &self.rooms[place];
        let (etag, description) = (room.etag.clone(), room.description.clone());
        let call = self.as_me(Call::to(GET_ROOM, json!({ "id": room.id })));
        match self.attempt(&call).await {
            Answer::Ok(answer) => {
                let found = Room::of(&answer["room"]).expect("a room");
                if (&found.etag, &found.description) != (&etag, &description) {
                    // Unless it is newer: an update of which nothing was heard came through late.
                    if version(&found.etag) <= version(&etag) {
                        self.ledger.defect(format!("a read is older than a write: {answer}"));
                    }
                    self.rooms[place] = found;
                }
            }
            Answer::Refused(code) => self.refused_without_reason(&code, &call),
            Answer::Unknown => {}
        }
    }

    /// Finds out what has become of a room after an update whose outcome is not known.
    async fn look_again(&mut self, place: usize) {
        let call = self.as_me(Call::to(GET_ROOM, json!({ "id": self.rooms[place].id })));
        loop {
            match self.attempt(&call).await {
                Answer::Ok(answer) => {
                    self.rooms[place] = Room::of(&answer["room"]).expect("a room");
                    return;
                }
                Answer::Refused(code) => return self.refused_without_reason(&code, &call),
                Answer::Unknown if self.is_over().await => return,
                Answer::Unknown => {}
            }
        }
    }
}

fn session_id(answer: &Value) -> Option<Uuid> {
    uuid(&answer["result"]["tokens"]["sessionId"])
}

/// The number in an etag, which to clients is opaque.
fn version(etag: &str) -> u64 {
    etag.trim_start_matches('v').parse().unwrap_or_default()
}
