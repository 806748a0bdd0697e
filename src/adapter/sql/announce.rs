//! Announcements: what replicas tell each other of a change, as text. They carry ids and nothing else.

use uuid::Uuid;

use crate::{domain::id::Id, port::coherence::Change};

/// The channel of PostgreSQL that they are sent on.
pub const CHANNEL: &str = "veza_changes";

/// How many ids one has at most: PostgreSQL takes texts below 8000 bytes.
const IDS_MAX: usize = 200;

/// The texts of a change.
pub fn write(change: &Change) -> Vec<String> {
    match change {
        Change::User(id) => vec![format!("user {id}")],
        Change::ApiKeyDeleted(id) => vec![format!("api_key {id}")],
        Change::SessionRenewed(id) => vec![format!("renewed {id}")],
        Change::SigningKeys => vec!["keys".to_owned()],
        Change::SessionsEnded(ids) => ids
            .chunks(IDS_MAX)
            .map(|ids| ids.iter().fold("sessions".to_owned(), |text, id| format!("{text} {id}")))
            .collect(),
    }
}

/// The change that a text tells of; none where a newer build tells of something that this one does not know.
pub fn read(text: &str) -> Option<Change> {
    let mut words = text.split(' ');
    let kind = words.next()?;
    let ids: Vec<Uuid> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
    match (kind, &*ids) {
        ("user", [id]) => Some(Change::User(Id::from(*id))),
        ("api_key", [id]) => Some(Change::ApiKeyDeleted(Id::from(*id))),
        ("renewed", [id]) => Some(Change::SessionRenewed(Id::from(*id))),
        ("keys", []) => Some(Change::SigningKeys),
        ("sessions", ids) => {
            Some(Change::SessionsEnded(ids.iter().copied().map(Id::from).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_written_in_texts_that_fit() {
        let ids = |number: u128| (0..number).map(|id| Id::from(Uuid::from_u128(id))).collect();
        let seventh = Uuid::from_u128(7);
        for change in [
            Change::User(Id::from(seventh)),
            Change::ApiKeyDeleted(Id::from(seventh)),
            Change::SessionRenewed(Id::from(seventh)),
            Change::SigningKeys,
        ] {
            let texts = write(&change);
            assert_eq!(texts.iter().filter_map(|text| read(text)).collect::<Vec<_>>(), [change]);
        }
        let texts = write(&Change::SessionsEnded(ids(450)));
        assert!(texts.iter().all(|text| text.len() < 8000), "{texts:?}");
        let read: Vec<_> = texts
            .iter()
            .filter_map(|text| match read(text)? {
                Change::SessionsEnded(ids) => Some(ids),
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!(Change::SessionsEnded(read), Change::SessionsEnded(ids(450)));
    }

    #[test]
    fn what_is_no_announcement_is_none() {
        for text in
            ["", "user", "user ann", "keys ann", "room 00000000-0000-0000-0000-000000000000"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
