//! Sessions and principals.

use std::time::Duration;

use veza::domain::{
    caller::Credential,
    permission::{Permission, Permissions},
    session::{EndReason, Session},
    user::{State, User},
};

use crate::world::{START, World, everything, id, new_session, new_user, seconds};

on_each_store! {
    a_session_comes_back_as_it_was_stored,
    times_are_kept_to_the_microsecond,
    a_refresh_moves_the_counter_and_both_times,
    a_refresh_with_another_counter_changes_nothing,
    of_two_refreshes_with_one_counter_one_succeeds,
    a_session_that_has_ended_or_expired_is_not_refreshed,
    sess_08_a_session_of_an_account_that_is_not_in_use_is_not_refreshed,
    a_session_can_be_made_to_end_earlier,
    a_session_ends_once,
    ending_the_sessions_of_a_user_leaves_those_of_others,
    ending_the_other_sessions_of_a_user_leaves_one,
    the_sessions_beyond_a_number_end_that_were_refreshed_first,
    a_user_has_a_list_of_live_sessions,
    a_proof_is_renewed_in_a_live_session,
    a_session_is_seen_when_it_was_last_used,
    a_session_of_an_older_server_has_the_times_of_its_refreshes,
    a_principal_has_the_permissions_of_all_roles,
    each_built_in_role_holds_its_permissions,
    a_principal_without_roles_may_do_nothing,
    there_is_no_principal_without_a_live_session_of_an_active_user,
    a_role_binding_that_has_expired_or_is_for_one_resource_gives_nothing,
    a_permission_that_is_not_known_gives_nothing,
}

async fn a_session_comes_back_as_it_was_stored(world: &World) {
    let user = world.user("ann").await;
    let mut session = new_session(&user);
    session.counter = 7;
    session.end_time = Some(seconds(5));
    let mut tx = world.begin().await;
    tx.insert_session(&session).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    assert_eq!(read.find_session(session.id).await.unwrap(), Some(session));
    assert_eq!(read.find_session(id()).await.unwrap(), None);
}

async fn times_are_kept_to_the_microsecond(world: &World) {
    let mut session = new_session(&world.user("ann").await);
    session.create_time = START + Duration::from_nanos(999);
    session.refresh_time = START.replace_microsecond(0).unwrap();
    session.expire_time = START.replace_microsecond(999_999).unwrap();
    let mut tx = world.begin().await;
    tx.insert_session(&session).await.unwrap();
    tx.commit().await.unwrap();
    session.create_time = START;
    assert_eq!(world.read().await.find_session(session.id).await.unwrap(), Some(session));
}

async fn a_refresh_moves_the_counter_and_both_times(world: &World) {
    let mut session = world.session(&world.user("ann").await).await;
    let mut tx = world.begin().await;
    let advanced = tx.advance_session(session.id, 0, seconds(60), seconds(600)).await.unwrap();
    tx.commit().await.unwrap();
    session.counter = 1;
    session.refresh_time = seconds(60);
    session.last_seen_time = seconds(60);
    session.expire_time = seconds(600);
    assert_eq!(advanced.as_ref(), Some(&session));
    assert_eq!(world.read().await.find_session(session.id).await.unwrap(), Some(session));
}

async fn a_refresh_with_another_counter_changes_nothing(world: &World) {
    let session = world.session(&world.user("ann").await).await;
    let mut tx = world.begin().await;
    for counter in [-1, 1] {
        let advanced = tx.advance_session(session.id, counter, seconds(60), seconds(600)).await;
        assert!(advanced.unwrap().is_none());
    }
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_session(session.id).await.unwrap(), Some(session));
}

async fn of_two_refreshes_with_one_counter_one_succeeds(world: &World) {
    let session = world.session(&world.user("ann").await).await;
    let mut first = world.begin().await;
    assert!(
        first.advance_session(session.id, 0, seconds(60), seconds(600)).await.unwrap().is_some()
    );
    let second = async {
        let mut second = world.begin().await;
        let advanced = second.advance_session(session.id, 0, seconds(60), seconds(600)).await;
        second.commit().await.unwrap();
        advanced.unwrap()
    };
    let finish_first = async {
        world.until_someone_waits().await;
        first.commit().await.unwrap();
    };
    let (advanced, ()) = tokio::join!(second, finish_first);
    assert!(advanced.is_none());
    let session = world.read().await.find_session(session.id).await.unwrap().unwrap();
    assert_eq!(session.counter, 1);
}

async fn a_session_that_has_ended_or_expired_is_not_refreshed(world: &World) {
    let user = world.user("ann").await;
    let [ended, expired] = [world.session(&user).await, world.session(&user).await];
    let mut tx = world.begin().await;
    tx.end_session(ended.id, START, EndReason::Logout).await.unwrap();
    assert!(tx.advance_session(ended.id, 0, seconds(1), seconds(2)).await.unwrap().is_none());
    let now = expired.expire_time;
    let later = now + Duration::from_mins(1);
    assert!(tx.advance_session(expired.id, 0, now, later).await.unwrap().is_none());
    tx.commit().await.unwrap();
}

async fn sess_08_a_session_of_an_account_that_is_not_in_use_is_not_refreshed(world: &World) {
    for state in [State::Suspended, State::Deleted] {
        let mut user = world.user(state.name()).await;
        let session = world.session(&user).await;
        let mut tx = world.begin().await;
        user.state = state;
        user.meta.touch(START);
        tx.update_user(&user).await.unwrap();
        assert!(tx.advance_session(session.id, 0, START, seconds(600)).await.unwrap().is_none());
        tx.commit().await.unwrap();
    }
}

async fn a_session_can_be_made_to_end_earlier(world: &World) {
    let user = world.user("ann").await;
    let [session, other] = [world.session(&user).await, world.session(&user).await];
    let mut tx = world.begin().await;
    tx.shorten_session(session.id, seconds(5)).await.unwrap();
    tx.commit().await.unwrap();
    let shortened = Session { expire_time: seconds(5), ..session };
    let mut read = world.read().await;
    assert_eq!(read.find_session(shortened.id).await.unwrap(), Some(shortened));
    assert_eq!(read.find_session(other.id).await.unwrap(), Some(other));
}

async fn a_session_ends_once(world: &World) {
    let session = world.session(&world.user("ann").await).await;
    let mut tx = world.begin().await;
    assert!(tx.end_session(session.id, seconds(1), EndReason::RefreshReuse).await.unwrap());
    assert!(!tx.end_session(session.id, seconds(2), EndReason::Logout).await.unwrap());
    tx.commit().await.unwrap();
    let ended = world.read().await.find_session(session.id).await.unwrap().unwrap();
    assert_eq!(ended.end_time, Some(seconds(1)));
    assert_eq!(world.sql("SELECT end_reason FROM sessions").await, ["refresh_reuse"]);
}

async fn ending_the_sessions_of_a_user_leaves_those_of_others(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    let [one, two, ended] =
        [world.session(&ann).await, world.session(&ann).await, world.session(&ann).await];
    let others = world.session(&bob).await;
    let mut tx = world.begin().await;
    tx.end_session(ended.id, seconds(1), EndReason::Logout).await.unwrap();
    let mut ids =
        tx.end_sessions_of(ann.id, None, seconds(2), EndReason::UserDeleted).await.unwrap();
    ids.sort_by_key(|id| id.uuid());
    assert_eq!(ids, [one.id, two.id]);
    let again = tx.end_sessions_of(ann.id, None, seconds(3), EndReason::UserDeleted).await.unwrap();
    assert!(again.is_empty());
    tx.commit().await.unwrap();

    let mut read = world.read().await;
    let mut end_time = async |id| read.find_session(id).await.unwrap().unwrap().end_time;
    assert_eq!(end_time(two.id).await, Some(seconds(2)));
    assert_eq!(end_time(ended.id).await, Some(seconds(1)));
    assert_eq!(end_time(others.id).await, None);
}

async fn ending_the_other_sessions_of_a_user_leaves_one(world: &World) {
    let ann = world.user("ann").await;
    let [one, kept] = [world.session(&ann).await, world.session(&ann).await];
    let mut tx = world.begin().await;
    let why = EndReason::PasswordChanged;
    let ended = tx.end_sessions_of(ann.id, Some(kept.id), seconds(1), why).await.unwrap();
    assert_eq!(ended, [one.id]);
    tx.commit().await.unwrap();
    assert_eq!(live_sessions(world, &ann).await, [kept]);
}

async fn the_sessions_beyond_a_number_end_that_were_refreshed_first(world: &World) {
    let ann = world.user("ann").await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(world.session(&ann).await);
    }
    let others = world.session(&world.user("bob").await).await;
    let mut tx = world.begin().await;
    assert!(
        tx.advance_session(sessions[0].id, 0, seconds(5), seconds(100)).await.unwrap().is_some()
    );
    let why = EndReason::SessionLimit;
    let mut ended = tx.end_surplus_sessions(ann.id, 2, seconds(6), why).await.unwrap();
    ended.sort_by_key(|id| id.uuid());
    assert_eq!(ended, [sessions[1].id, sessions[2].id]);
    assert!(tx.end_surplus_sessions(ann.id, 2, seconds(6), why).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    assert!(world.read().await.find_session(others.id).await.unwrap().unwrap().end_time.is_none());
}

/// The live sessions of a user, the oldest first.
async fn live_sessions(world: &World, user: &User) -> Vec<Session> {
    world.read().await.list_sessions(user.id, START, &everything()).await.unwrap().items
}

async fn a_user_has_a_list_of_live_sessions(world: &World) {
    let ann = world.user("ann").await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(world.session(&ann).await);
    }
    world.session(&world.user("bob").await).await;
    let mut tx = world.begin().await;
    tx.end_session(sessions[1].id, START, EndReason::Logout).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(live_sessions(world, &ann).await, [sessions[0].clone(), sessions[2].clone()]);
    let later = sessions[0].expire_time;
    let page = world.read().await.list_sessions(ann.id, later, &everything()).await.unwrap();
    assert_eq!(page.items, []);
}

async fn a_proof_is_renewed_in_a_live_session(world: &World) {
    let ann = world.user("ann").await;
    let [live, ended] = [world.session(&ann).await, world.session(&ann).await];
    let mut tx = world.begin().await;
    tx.end_session(ended.id, START, EndReason::Logout).await.unwrap();
    assert!(tx.renew_session(live.id, seconds(7)).await.unwrap());
    assert!(!tx.renew_session(ended.id, seconds(7)).await.unwrap());
    assert!(!tx.renew_session(live.id, live.expire_time).await.unwrap());
    tx.commit().await.unwrap();
    let principal = world.read().await.find_principal(live.id, START).await.unwrap().unwrap();
    let (id, auth_time) = (live.id, seconds(7));
    assert_eq!(principal.credential, Credential::Session { id, auth_time });
}

async fn a_session_is_seen_when_it_was_last_used(world: &World) {
    let session = world.session(&world.user("ann").await).await;
    for (seen, then) in [(5, 5), (3, 5), (9, 9)] {
        let mut tx = world.begin().await;
        tx.mark_sessions_seen(&[(session.id, seconds(seen)), (id(), START)]).await.unwrap();
        tx.commit().await.unwrap();
        let found = world.read().await.find_session(session.id).await.unwrap().unwrap();
        assert_eq!(found.last_seen_time, seconds(then));
    }
}

async fn a_session_of_an_older_server_has_the_times_of_its_refreshes(world: &World) {
    let session = world.session(&world.user("ann").await).await;
    world.sql("UPDATE sessions SET auth_time = NULL, last_seen_time = NULL").await;
    let mut tx = world.begin().await;
    assert!(tx.advance_session(session.id, 0, seconds(60), seconds(600)).await.unwrap().is_some());
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    let found = read.find_session(session.id).await.unwrap().unwrap();
    assert_eq!((found.auth_time, found.last_seen_time), (session.create_time, seconds(60)));
    let principal = read.find_principal(session.id, START).await.unwrap().unwrap();
    let (id, auth_time) = (session.id, session.create_time);
    assert_eq!(principal.credential, Credential::Session { id, auth_time });
}

/// The permissions that a session of an account with these roles gives.
async fn permissions_of(world: &World, name: &str, roles: &[&str]) -> Permissions {
    let roles = roles.iter().map(ToString::to_string).collect();
    let user = User { roles, ..new_user(name) };
    world.insert_user(&user).await.unwrap();
    let session = world.session(&user).await;
    let principal = world.read().await.find_principal(session.id, START).await.unwrap().unwrap();
    assert_eq!((principal.user_id, principal.credential.id()), (user.id, session.id.uuid()));
    principal.permissions
}

async fn a_principal_has_the_permissions_of_all_roles(world: &World) {
    let permissions = permissions_of(world, "ann", &["auditor", "user"]).await;
    assert!(permissions.has(Permission::UsersReadPrivate));
    assert!(permissions.has(Permission::RoomsCreate));
    assert!(!permissions.has(Permission::UsersDelete));
}

async fn each_built_in_role_holds_its_permissions(world: &World) {
    use Permission::{
        ApiKeysOwn, RoomsCreate, RoomsDeleteAny, RoomsRead, RoomsUpdateAny, SessionsReadAny,
        StreamsCreate, StreamsDeleteAny, StreamsRead, StreamsUpdateAny, TokensValidate, UsersRead,
        UsersReadPrivate,
    };
    let moderator = [
        UsersRead,
        ApiKeysOwn,
        RoomsRead,
        RoomsCreate,
        RoomsUpdateAny,
        RoomsDeleteAny,
        StreamsRead,
        StreamsCreate,
        StreamsUpdateAny,
        StreamsDeleteAny,
    ];
    let expected: [(&str, &[Permission]); 5] = [
        ("admin", &Permission::ALL),
        ("moderator", &moderator),
        ("user", &[UsersRead, ApiKeysOwn, RoomsRead, RoomsCreate, StreamsRead, StreamsCreate]),
        (
            "auditor",
            &[UsersRead, UsersReadPrivate, SessionsReadAny, ApiKeysOwn, RoomsRead, StreamsRead],
        ),
        ("service", &[UsersRead, ApiKeysOwn, RoomsRead, StreamsRead, TokensValidate]),
    ];
    for (role, expected) in expected {
        let held = permissions_of(world, role, &[role]).await;
        assert_eq!(held, expected.iter().copied().collect(), "{role}");
    }
}

async fn a_principal_without_roles_may_do_nothing(world: &World) {
    assert_eq!(permissions_of(world, "ann", &[]).await, Permissions::default());
}

async fn there_is_no_principal_without_a_live_session_of_an_active_user(world: &World) {
    let user = world.user("ann").await;
    let [live, ended] = [world.session(&user).await, world.session(&user).await];
    let mut tx = world.begin().await;
    tx.end_session(ended.id, START, EndReason::Logout).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    assert!(read.find_principal(live.id, START).await.unwrap().is_some());
    assert_eq!(read.find_principal(id(), START).await.unwrap(), None);
    assert_eq!(read.find_principal(ended.id, START).await.unwrap(), None);
    assert_eq!(read.find_principal(live.id, live.expire_time).await.unwrap(), None);

    for state in [State::Pending, State::Suspended, State::Deleted] {
        let user = User { state, ..new_user(state.name()) };
        world.insert_user(&user).await.unwrap();
        let session = world.session(&user).await;
        assert_eq!(read.find_principal(session.id, START).await.unwrap(), None);
    }
}

async fn a_role_binding_that_has_expired_or_is_for_one_resource_gives_nothing(world: &World) {
    let session = world.session(&world.user("ann").await).await;
    let mut tx = world.begin().await;
    let mut principal = tx.find_principal(session.id, START).await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    assert!(principal.permissions.has(Permission::RoomsRead));
    // The account was made at START, and so were its bindings.
    for change in ["expire_time = create_time", "expire_time = NULL, resource = 'rooms/1'"] {
        world.sql(&format!("UPDATE role_bindings SET {change}")).await;
        principal = world.read().await.find_principal(session.id, START).await.unwrap().unwrap();
        assert_eq!(principal.permissions, Permissions::default(), "{change}");
    }
}

async fn a_permission_that_is_not_known_gives_nothing(world: &World) {
    use Permission::{ApiKeysOwn, RoomsRead, StreamsRead, TokensValidate, UsersRead};
    world.sql("INSERT INTO role_permissions (role, permission) VALUES ('service', 'fly')").await;
    let expected = [UsersRead, ApiKeysOwn, RoomsRead, StreamsRead, TokensValidate];
    let held = permissions_of(world, "ann", &["service"]).await;
    assert_eq!(held, expected.into_iter().collect());
}
