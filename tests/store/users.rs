//! Accounts.

use veza::domain::{
    Error,
    page::{OrderKey, UserFilter},
    text::{Email, Username},
    user::{Profile, State, User},
};

use crate::world::{START, World, everything, id, new_user, seconds, text, walk};

on_each_store! {
    an_account_comes_back_as_it_was_stored,
    an_account_that_is_not_there_is_not_found,
    an_account_signs_in_by_its_name_or_address_whatever_their_case,
    only_an_active_account_signs_in,
    a_name_is_taken_whatever_its_case_and_the_transaction_goes_on,
    an_address_is_taken_whatever_its_case,
    of_two_registrations_of_one_address_one_succeeds,
    an_update_writes_every_field,
    an_update_of_another_version_is_stale,
    an_update_to_a_taken_name_or_address_names_the_field,
    a_locked_account_waits_for_the_transaction_before,
    only_the_hash_changes_with_the_password,
    a_list_has_every_account_once_in_every_order,
    names_are_ordered_by_their_bytes,
    a_list_is_filtered_by_state_and_by_parts_of_names,
    signs_of_the_pattern_language_are_nothing_special,
    a_deleted_account_is_found_but_not_listed,
    a_pending_account_is_nobodys_makes_room_and_goes_by_itself,
    active_accounts_that_hold_a_role_for_good_are_counted,
}

async fn an_account_comes_back_as_it_was_stored(world: &World) {
    let mut user = new_user("Ann");
    user.email_verified = true;
    user.state = State::Pending;
    user.roles = vec!["auditor".into(), "user".into()];
    user.profile = Profile {
        display_name: text("Ann Ä."),
        avatar_url: text("https://example.com/a.png"),
        bio: text("line one\nline 'two'"),
        locale: text("de-AT"),
    };
    world.insert_user(&user).await.unwrap();
    assert_eq!(world.read().await.find_user(user.id).await.unwrap(), Some(user));
}

async fn an_account_that_is_not_there_is_not_found(world: &World) {
    assert_eq!(world.read().await.find_user(id()).await.unwrap(), None);
    assert_eq!(world.begin().await.lock_user(id()).await.unwrap(), None);
    assert_eq!(world.read().await.find_user_to_sign_in("nobody").await.unwrap(), None);
}

async fn an_account_signs_in_by_its_name_or_address_whatever_their_case(world: &World) {
    let ann = world.user("Ann").await;
    let mut read = world.read().await;
    for folded in ["ann", "ann@example.com"] {
        let found = read.find_user_to_sign_in(folded).await.unwrap();
        assert_eq!(found, Some((ann.clone(), Some("hash".into()))), "{folded}");
    }
}

async fn only_an_active_account_signs_in(world: &World) {
    for state in [State::Pending, State::Suspended, State::Deleted] {
        let user = User { state, ..new_user(state.name()) };
        world.insert_user(&user).await.unwrap();
        let folded = user.username.folded();
        assert_eq!(world.read().await.find_user_to_sign_in(&folded).await.unwrap(), None);
    }
}

async fn a_name_is_taken_whatever_its_case_and_the_transaction_goes_on(world: &World) {
    world.user("Ann").await;
    let mut other = new_user("aNN");
    other.email = Email::trusted("other@example.com".into());
    let mut tx = world.begin().await;
    let refused = tx.insert_user(&other, "hash").await.unwrap_err();
    assert!(matches!(refused, Error::Taken { field: "username" }), "{refused:?}");

    other.username = Username::trusted("other".into());
    tx.insert_user(&other, "hash").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_user(other.id).await.unwrap(), Some(other));
}

async fn an_address_is_taken_whatever_its_case(world: &World) {
    world.user("ann").await;
    let mut other = new_user("other");
    other.email = Email::trusted("Ann@Example.com".into());
    let refused = world.insert_user(&other).await.unwrap_err();
    assert!(matches!(refused, Error::Taken { field: "email" }), "{refused:?}");
}

async fn of_two_registrations_of_one_address_one_succeeds(world: &World) {
    let [mut one, mut two] = [new_user("one"), new_user("two")];
    one.email = Email::trusted("ann@example.com".into());
    two.email = Email::trusted("ANN@example.com".into());
    let mut first = world.begin().await;
    first.insert_user(&one, "hash").await.unwrap();
    let finish_first = async {
        world.until_someone_waits().await;
        first.commit().await.unwrap();
    };
    let (second, ()) = tokio::join!(world.insert_user(&two), finish_first);
    assert!(matches!(second, Err(Error::Taken { field: "email" })), "{second:?}");
}

async fn an_update_writes_every_field(world: &World) {
    let mut user = world.user("ann").await;
    user.username = Username::trusted("Anna".into());
    user.email = Email::trusted("Anna@example.com".into());
    user.email_verified = true;
    user.state = State::Suspended;
    user.profile = Profile {
        display_name: text("Anna"),
        avatar_url: text("https://example.com/b.png"),
        bio: text("new"),
        locale: text("fr"),
    };
    user.meta.delete(seconds(60));
    let mut tx = world.begin().await;
    tx.update_user(&user).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_user(user.id).await.unwrap(), Some(user));
}

async fn an_update_of_another_version_is_stale(world: &World) {
    let stored = world.user("ann").await;
    for version in [1, 3] {
        let mut user = stored.clone();
        user.meta.version = version;
        let mut tx = world.begin().await;
        assert!(matches!(tx.update_user(&user).await, Err(Error::StaleEtag)));
        tx.commit().await.unwrap();
    }
    assert_eq!(world.read().await.find_user(stored.id).await.unwrap(), Some(stored));
}

async fn an_update_to_a_taken_name_or_address_names_the_field(world: &World) {
    world.user("ann").await;
    let bob = world.user("bob").await;
    let mut named = bob.clone();
    named.meta.touch(seconds(1));
    let mut addressed = named.clone();
    named.username = Username::trusted("ANN".into());
    addressed.email = Email::trusted("ann@example.com".into());

    let mut tx = world.begin().await;
    let refused = tx.update_user(&named).await;
    assert!(matches!(refused, Err(Error::Taken { field: "username" })), "{refused:?}");
    let refused = tx.update_user(&addressed).await;
    assert!(matches!(refused, Err(Error::Taken { field: "email" })), "{refused:?}");
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_user(bob.id).await.unwrap(), Some(bob));
}

async fn a_locked_account_waits_for_the_transaction_before(world: &World) {
    let user = world.user("ann").await;
    let mut first = world.begin().await;
    let mut seen_by_first = first.lock_user(user.id).await.unwrap().unwrap();
    let second = async {
        let mut second = world.begin().await;
        second.lock_user(user.id).await.unwrap().unwrap()
    };
    let finish_first = async {
        world.until_someone_waits().await;
        seen_by_first.meta.touch(seconds(1));
        first.update_user(&seen_by_first).await.unwrap();
        first.commit().await.unwrap();
    };
    let (seen_by_second, ()) = tokio::join!(second, finish_first);
    assert_eq!(seen_by_second.meta.version, 2);
}

async fn only_the_hash_changes_with_the_password(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    let mut tx = world.begin().await;
    tx.update_password_hash(ann.id, "new").await.unwrap();
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    let found = read.find_user_to_sign_in("ann").await.unwrap();
    assert_eq!(found, Some((ann, Some("new".into()))));
    let found = read.find_user_to_sign_in("bob").await.unwrap();
    assert_eq!(found, Some((bob, Some("hash".into()))));
}

async fn walk_users(world: &World, key: OrderKey, descending: bool) -> Vec<String> {
    let mut read = world.read().await;
    let filter = UserFilter::default();
    let list = async |page| read.list_users(&filter, &page).await.unwrap();
    walk(key, descending, list, |user| user.username.to_string()).await
}

async fn a_list_has_every_account_once_in_every_order(world: &World) {
    for name in ["dora", "Anna", "carl", "bert", "emil"] {
        world.user(name).await;
    }
    let by_time = ["dora", "Anna", "carl", "bert", "emil"];
    let by_name = ["Anna", "bert", "carl", "dora", "emil"];
    for (key, mut expected) in [(OrderKey::CreateTime, by_time), (OrderKey::Name, by_name)] {
        assert_eq!(walk_users(world, key, false).await, expected);
        expected.reverse();
        assert_eq!(walk_users(world, key, true).await, expected);
    }
}

async fn names_are_ordered_by_their_bytes(world: &World) {
    // Most locales pass over the signs and put digits elsewhere.
    for name in ["ab", "a-c", "a_b", "a.d", "a1"] {
        world.user(name).await;
    }
    assert_eq!(walk_users(world, OrderKey::Name, false).await, ["a-c", "a.d", "a1", "a_b", "ab"]);
}

async fn a_list_is_filtered_by_state_and_by_parts_of_names(world: &World) {
    let mut ann = new_user("Ann");
    ann.profile.display_name = text("Änne Öz");
    let bob = User { state: State::Suspended, ..new_user("bobann") };
    for user in [&ann, &bob] {
        world.insert_user(user).await.unwrap();
    }
    let found = async |filter: UserFilter| {
        let page = world.read().await.list_users(&filter, &everything()).await.unwrap();
        page.items.iter().map(|user| user.username.to_string()).collect::<Vec<_>>()
    };
    let state = |state| UserFilter { state: Some(state), ..UserFilter::default() };
    assert_eq!(found(state(State::Active)).await, ["Ann"]);
    assert_eq!(found(state(State::Suspended)).await, ["bobann"]);
    assert!(found(state(State::Pending)).await.is_empty());

    let part = |part: &str| Some(part.to_owned());
    let username = UserFilter { username_contains: part("ann"), ..UserFilter::default() };
    assert_eq!(found(username.clone()).await, ["Ann", "bobann"]);
    let both = UserFilter { state: Some(State::Suspended), ..username };
    assert_eq!(found(both).await, ["bobann"]);
    let display = UserFilter { display_name_contains: part("änne ö"), ..UserFilter::default() };
    assert_eq!(found(display).await, ["Ann"]);
}

async fn signs_of_the_pattern_language_are_nothing_special(world: &World) {
    for (name, display_name) in [("percent", "100%"), ("back", r"a\b"), ("under", "a_b")] {
        let mut user = new_user(name);
        user.profile.display_name = text(display_name);
        world.insert_user(&user).await.unwrap();
    }
    for (part, name) in [("%", "percent"), (r"\", "back"), ("_", "under"), (r"a\", "back")] {
        let filter =
            UserFilter { display_name_contains: Some(part.into()), ..UserFilter::default() };
        let page = world.read().await.list_users(&filter, &everything()).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|user| &*user.username).collect();
        assert_eq!(found, [name], "{part}");
    }
}

async fn a_deleted_account_is_found_but_not_listed(world: &World) {
    let mut user = world.user("ann").await;
    user.state = State::Deleted;
    user.meta.delete(seconds(1));
    let mut tx = world.begin().await;
    tx.update_user(&user).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    assert!(read.find_user(user.id).await.unwrap().is_some());
    let page = read.list_users(&UserFilter::default(), &everything()).await.unwrap();
    assert!(page.items.is_empty());
}

async fn active_accounts_that_hold_a_role_for_good_are_counted(world: &World) {
    let admin = |name| User { roles: vec!["admin".into()], ..new_user(name) };
    let [ann, bob, temporary] = [admin("ann"), admin("bob"), admin("temporary")];
    let suspended = User { state: State::Suspended, ..admin("suspended") };
    for user in [&ann, &bob, &temporary, &suspended, &new_user("nobody")] {
        world.insert_user(user).await.unwrap();
    }
    let limit = "UPDATE role_bindings SET expire_time = create_time WHERE user_id = \
                 (SELECT id FROM users WHERE username = 'temporary')";
    world.sql(limit).await;
    let mut read = world.read().await;
    assert_eq!(read.count_users_with_role("admin").await.unwrap(), 2);
    assert_eq!(read.count_users_with_role("user").await.unwrap(), 1);
    assert_eq!(read.count_users_with_role("nothing").await.unwrap(), 0);
}

async fn a_pending_account_is_nobodys_makes_room_and_goes_by_itself(world: &World) {
    let mut pending = User { state: State::Pending, ..new_user("Ann") };
    pending.meta.purge_time = Some(seconds(60));
    world.insert_user(&pending).await.unwrap();
    let mut read = world.read().await;
    for folded in ["ann", "ann@example.com"] {
        assert_eq!(read.find_user_by_name(folded).await.unwrap(), None);
    }
    let found = read.find_user_by_email("ann@example.com").await.unwrap();
    assert_eq!(found.as_ref(), Some(&pending));
    assert!(read.is_username_taken("ann").await.unwrap());
    assert!(!read.is_username_taken("bob").await.unwrap());
    let page = read.list_users(&UserFilter::default(), &everything()).await.unwrap();
    assert_eq!(page.items, []);

    let ann = User { email: pending.email.clone(), ..new_user("Ann2") };
    world.insert_user(&ann).await.unwrap();
    assert_eq!(world.read().await.find_user(pending.id).await.unwrap(), None);
    let mut other = User { state: State::Pending, ..new_user("bob") };
    other.meta.purge_time = Some(seconds(60));
    world.insert_user(&other).await.unwrap();
    let mut tx = world.begin().await;
    assert_eq!(tx.purge(seconds(59), START, START).await.unwrap(), 0);
    assert_eq!(tx.purge(seconds(60), START, START).await.unwrap(), 1);
    tx.commit().await.unwrap();
}
