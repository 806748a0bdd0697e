//! Known names, for whoever sent one that nobody knows: the one that is most like it, or those that
//! there are.

use crate::tables::Message;

/// Longer names are compared with none, and fields after these many are not looked at, so that a
/// mistake costs little.
const LENGTH_MAX: usize = 40;
const FIELDS_MAX: usize = 256;
/// How many names a list has at most.
const LISTED_MAX: usize = 10;

/// What is wrong with a name that is no field of a message.
pub(crate) fn unknown_field(message: &Message, name: &str) -> String {
    let known = message.fields.iter().take(FIELDS_MAX).map(|field| &*field.json_name);
    match closest(name, known) {
        Some(known) => format!("must be a known field; did you mean `{known}`?"),
        None => "must be a known field".to_owned(),
    }
}

/// Says which names there are.
pub(crate) fn one_of(names: &[&str]) -> String {
    let (listed, others) = names.split_at(names.len().min(LISTED_MAX));
    match others.len() {
        0 => format!("one of {}", listed.join(", ")),
        others => format!("one of {} or {others} more", listed.join(", ")),
    }
}

/// The first of the names that differ least, if they do so in no more than every third letter.
/// Spelling with capitals, underscores or dashes is no difference.
fn closest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let letters = letters(name).filter(|letters| !letters.is_empty())?;
    let distance_max = letters.len().min(9) / 3;
    let candidates = known.filter_map(|known| {
        let others = self::letters(known)?;
        let is_near = others.len().abs_diff(letters.len()) <= distance_max;
        is_near.then(|| (distance(&letters, &others), known))
    });
    let (least, known) = candidates.min_by_key(|&(distance, _)| distance)?;
    (least <= distance_max).then_some(known)
}

/// What of a name counts. `None` when it is too long.
fn letters(name: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> =
        name.bytes().filter(|byte| !b"_-".contains(byte)).take(LENGTH_MAX + 1).collect();
    (letters.len() <= LENGTH_MAX).then(|| letters.to_ascii_lowercase())
}

/// How many letters have to be added, dropped, changed, or swapped with their neighbour.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut before_last = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, letter) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in right.iter().enumerate() {
            let changed = last[j] + usize::from(letter != other);
            let mut fewest = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == right[j - 1] && left[i - 1] == *other {
                fewest = fewest.min(before_last[j - 1] + 1);
            }
            row.push(fewest);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_differs_least_is_found_and_none_that_differs_much() {
        let known = ["displayName", "name", "tags", "pageCount"];
        for (name, expected) in [
            ("displayNam", Some("displayName")),
            ("DISPLAY-NAME", Some("displayName")),
            ("dipslayName", Some("displayName")),
            ("nmae", Some("name")),
            ("tag", Some("tags")),
            ("page_cuont", Some("pageCount")),
            ("nm", None),
            ("author", None),
            ("", None),
            (&"displayName".repeat(1000), None),
        ] {
            assert_eq!(closest(name, known.into_iter()), expected, "{name}");
        }
    }
}
