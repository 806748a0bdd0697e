//! Lists: pages, orders, filters, and the tokens that lead from one page to the next.

use serde_json::{Value, json};

use crate::{
    kind::{KINDS, Kind, ROOM},
    support::{
        app::{App, Person, text},
        client::{Call, Transport},
        database::on_every_database,
        rpc::{LIST_ROOMS, LIST_STREAMS, LIST_USERS},
    },
};

#[tokio::test]
async fn pages_together_have_every_item_once_and_the_newest_first() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for kind in KINDS {
            let mut newest_first = Vec::new();
            for number in 1..=7 {
                let created = kind.created(&ann, kind.draft(&format!("number {number}"))).await;
                newest_first.insert(0, text(&created[kind.name]));
            }
            for transport in Transport::ALL {
                let pages = pages(&ann, kind, transport, json!({ "pageSize": 3 })).await;
                assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
                assert_eq!(pages.concat(), newest_first);
            }
        }
    }
}

#[tokio::test]
async fn a_list_has_the_order_that_was_asked_for() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for kind in KINDS {
            for name in ["beta", "Alpha", "gamma", "alpha", "Ärger"] {
                kind.created(&ann, kind.draft(name)).await;
            }
            let by_name = ["Alpha", "alpha", "beta", "gamma", "Ärger"];
            let by_name_descending = ["Ärger", "gamma", "beta", "alpha", "Alpha"];
            let oldest_first = ["beta", "Alpha", "gamma", "alpha", "Ärger"];
            for (order_by, expected) in [
                (kind.name.to_owned(), by_name),
                (format!("{} desc", kind.name), by_name_descending),
                ("create_time".to_owned(), oldest_first),
                ("createTime".to_owned(), oldest_first),
            ] {
                let request = json!({ "orderBy": order_by, "pageSize": 2 });
                let pages = pages(&ann, kind, Transport::Rest, request).await;
                assert_eq!(pages.concat(), expected, "ordered by {order_by}");
            }
        }
    }
}

#[tokio::test]
async fn api_04_a_filter_finds_its_text_whatever_the_case_and_nothing_else() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for kind in KINDS {
            for name in ["Board Games", "100% games", "1000 games", "snake_case", "snakeXcase"] {
                kind.created(&ann, kind.draft(name)).await;
            }
            for (text, expected) in [
                ("board", vec!["Board Games"]),
                ("100%", vec!["100% games"]),
                ("e_c", vec!["snake_case"]),
                ("' OR 1=1 --", vec![]),
            ] {
                let filter = format!("{} : \"{text}\" AND owner_id = \"{}\"", kind.name, ann.id);
                let list = Call::to(kind.list, json!({ "filter": filter }));
                assert_eq!(names(kind, ann.everywhere(list).await.ok()), expected, "{filter}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_has_200_items_at_most() {
    let app = App::start();
    let ann = app.user("ann").await;
    ROOM.created(&ann, ROOM.draft("only")).await;
    let request = json!({ "pageSize": 1_000_000, "filter": owned_by(&ann) });
    let reply = ann.everywhere(Call::to(LIST_ROOMS, request)).await;
    assert_eq!(names(ROOM, reply.ok()), ["only"]);
    let reply = ann.everywhere(Call::to(LIST_ROOMS, json!({ "pageSize": -1 }))).await;
    reply.invalid("page_size");
}

#[tokio::test]
async fn authz_08_a_page_token_is_good_for_its_own_list_only() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for kind in KINDS {
        for name in ["one", "two"] {
            kind.created(&ann, kind.draft(name)).await;
        }
        let first = json!({ "pageSize": 1, "filter": owned_by(&ann) });
        let page = ann.call(Transport::Grpc, kind.list, first.clone()).await;
        let token = text(&page.ok()["nextPageToken"]);
        let next = |change: Value| {
            let mut request = first.clone();
            request["pageToken"] = token.as_str().into();
            request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            Call::to(kind.list, request)
        };
        let tampered = format!("{}{}", &token[1..], &token[..1]);
        let foreign = json!({ "filter": owned_by(&bob) });
        let other = KINDS.into_iter().find(|other| other.list != kind.list).unwrap();
        let elsewhere = Call::to(other.list, next(json!({})).request);

        assert_refused(&ann, next(json!({ "pageToken": "nonsense" }))).await;
        assert_refused(&ann, next(json!({ "pageToken": tampered }))).await;
        assert_refused(&ann, next(json!({ "orderBy": kind.name }))).await;
        assert_refused(&ann, next(foreign)).await;
        assert_refused(&ann, elsewhere).await;
        assert_refused(&bob, next(json!({}))).await;
        ann.everywhere(next(json!({}))).await.ok();
    }
}

#[tokio::test]
async fn a_filter_that_is_not_one_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        for filter in ["nonsense", "name", "owner_id = \"x\"", "a = \"b\" OR c = \"d\"", "\"", "="]
        {
            let list = Call::to(kind.list, json!({ "filter": filter }));
            ann.everywhere(list).await.invalid("filter");
        }
    }
}

#[tokio::test]
async fn a_filter_that_is_refused_is_told_the_terms_of_its_own_list() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (method, terms) in [
        (LIST_ROOMS, ["type =", "owner_id =", "name :"]),
        (LIST_STREAMS, ["visibility =", "owner_id =", "title :"]),
        (LIST_USERS, ["state =", "username :", "display_name :"]),
    ] {
        for filter in ["nonsense", "nickname : a", "id = a", "state : a"] {
            let refused = ann.everywhere(Call::to(method, json!({ "filter": filter }))).await;
            let said = refused.invalid("filter").description();
            assert!(terms.iter().all(|term| said.contains(term)), "{filter}: {said}");
        }
    }
    for (filter, hint) in [
        ("state = LIVE and title : a", "AND in capitals"),
        ("state = live", "IDLE, LIVE, ENDED"),
        ("visibility = HIDDEN", "PUBLIC, UNLISTED, PRIVATE"),
    ] {
        let refused = ann.everywhere(Call::to(LIST_STREAMS, json!({ "filter": filter }))).await;
        assert!(refused.invalid("filter").description().contains(hint), "{refused:#?}");
    }
}

#[tokio::test]
async fn a_field_may_be_spelled_as_json_does_in_filters_and_orders() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        for name in ["one", "two"] {
            kind.created(&ann, kind.draft(name)).await;
        }
        let list = |order: &str, owner: &str, token: &Value| {
            let filter = format!("{owner} = \"{}\"", ann.id);
            let request =
                json!({ "orderBy": order, "filter": filter, "pageSize": 1, "pageToken": token });
            Call::to(kind.list, request)
        };
        let first = ann.everywhere(list("createTime desc", "ownerId", &json!(""))).await;
        assert_eq!(names(kind, first.ok()), ["two"]);
        let token = &first.ok()["nextPageToken"];
        let second = ann.everywhere(list("create_time desc", "ownerId", token)).await;
        assert_eq!(names(kind, second.ok()), ["one"]);
    }
}

#[tokio::test]
async fn api_04_an_order_is_one_of_a_closed_set() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        for order_by in ["id; DROP TABLE rooms", "owner_id", "create_time DESC", "nonsense"] {
            let list = Call::to(kind.list, json!({ "orderBy": order_by }));
            ann.everywhere(list).await.invalid("order_by");
        }
    }
}

async fn assert_refused(person: &Person, call: Call) {
    person.everywhere(call).await.refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN");
}

/// The names on each of the pages of a person's own list, from the first page to the last.
async fn pages(
    person: &Person,
    kind: Kind,
    transport: Transport,
    mut request: Value,
) -> Vec<Vec<String>> {
    request["filter"] = owned_by(person).into();
    let mut pages = Vec::new();
    loop {
        let reply = person.call(transport, kind.list, request.clone()).await;
        pages.push(names(kind, reply.ok()));
        request["pageToken"] = reply.ok()["nextPageToken"].clone();
        if request["pageToken"] == "" {
            return pages;
        }
        assert!(pages.len() < 100, "a list that never ends");
    }
}

fn names(kind: Kind, list: &Value) -> Vec<String> {
    let items = list[kind.many].as_array().expect("a list");
    items.iter().map(|item| text(&item[kind.name])).collect()
}

fn owned_by(person: &Person) -> String {
    format!("owner_id = \"{}\"", person.id)
}
