//! Field rules on any bytes, and on the same message in many wire bytes: no way to write a message
//! escapes what the message breaks.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use gateway::rules::{Failure, Rules};
use proptest::prelude::*;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::sources::descriptors;
use crate::world::{config, corrupted, entropy};
use crate::{message, pieces};

/// A list of violations ends here.
const VIOLATIONS_MAX: usize = 20;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(descriptors("rules.proto", None).as_slice()).unwrap());
static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(&POOL).unwrap());

fn messages() -> impl Iterator<Item = MessageDescriptor> {
    POOL.all_messages().filter(|m| m.package_name() == "rules" && !m.is_map_entry())
}

/// The fields that break rules, each with its rule.
fn broken(message: &MessageDescriptor, wire: &[u8]) -> Result<BTreeSet<(String, String)>, String> {
    match RULES.check(message.full_name(), wire) {
        Ok(()) => Ok(BTreeSet::new()),
        Err(Failure::Violations(violations)) => {
            Ok(violations.into_iter().map(|v| (v.field, v.rule)).collect())
        }
        Err(Failure::Malformed(reason)) => Err(reason.to_owned()),
    }
}

proptest! {
    #![proptest_config(config(512, 8))]

    #[test]
    fn any_bytes_are_checked_or_malformed((bytes, all) in entropy()) {
        for (message, own) in messages().zip(std::iter::once(&bytes).chain(&all).cycle()) {
            let _ = broken(&message, &own.draw().bytes(usize::MAX));
            let wire = message::random(&message, &mut own.draw()).encode_to_vec();
            let _ = broken(&message, &corrupted(wire, own));
        }
    }

    #[test]
    fn a_message_in_any_pieces_breaks_the_rules_that_it_breaks_in_one((_, all) in entropy()) {
        for (message, own) in messages().zip(all.iter().cycle()) {
            let random = message::random(&message, &mut own.draw());
            let whole = broken(&message, &random.encode_to_vec());
            let in_pieces = pieces::random(&random, &mut own.draw());
            let apart = broken(&message, &in_pieces);
            let (Ok(whole), Ok(apart)) = (&whole, &apart) else {
                prop_assert_eq!(whole, apart);
                continue;
            };
            if whole.len().max(apart.len()) >= VIOLATIONS_MAX {
                continue;
            }
            // An entry of a map that a later one replaces is checked like any other.
            let more: Vec<_> = apart.difference(whole).filter(|(f, _)| !f.contains('[')).collect();
            let is_escape = !whole.is_subset(apart);
            prop_assert!(
                !is_escape && more.is_empty(),
                "{} {:?} {:?} {:x?}", message.full_name(), whole, apart, in_pieces
            );
        }
    }
}
