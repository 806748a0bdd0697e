//! A random schema behind a gateway, with what the reference knows of it, and the random bytes that
//! both are made from.

use std::fmt;

use crate::draw::Draw;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, RngSeed};
use prost_reflect::MessageDescriptor;
use prost_reflect::prost::Message;
use serde_json::Value;

use crate::echo::Echo;
use crate::reference;
use crate::schema::Schema;
use crate::spelling;
use crate::{message, pieces};

/// How many messages are made of one schema, which takes longer to compile than they to check.
const MESSAGES_MAX: usize = 32;
const SCHEMA_BYTES_MAX: usize = 400;
const MESSAGE_BYTES_MAX: usize = 600;

/// How many schemas a property is tried on. A seed makes them the same in every run: what is new is
/// the fuzzer's to find. The environment variable `PROPTEST_RNG_SEED` sets another one.
pub fn config(schemas: u32, seed: u64) -> ProptestConfig {
    let config = ProptestConfig::default();
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(seed),
        seed @ RngSeed::Fixed(_) => seed,
    };
    let failure_persistence: Option<Box<dyn FailurePersistence>> =
        Some(Box::new(FileFailurePersistence::WithSource("regressions")));
    ProptestConfig {
        cases: schemas,
        max_shrink_iters: 4096,
        rng_seed,
        failure_persistence,
        ..config
    }
}

/// Random bytes, which say nothing to who reads that a test failed.
#[derive(Clone)]
pub struct Entropy(Vec<u8>);

impl Entropy {
    pub fn draw(&self) -> Draw<'_> {
        Draw::new(&self.0)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// The bytes for a schema and for each of its messages.
pub fn entropy() -> impl Strategy<Value = (Entropy, Vec<Entropy>)> {
    let of = |bytes_max| vec(any::<u8>(), 0..bytes_max).prop_map(Entropy);
    (of(SCHEMA_BYTES_MAX), vec(of(MESSAGE_BYTES_MAX), 1..=MESSAGES_MAX))
}

pub struct World {
    pub schema: Schema,
    pub echo: Echo,
    root: MessageDescriptor,
    root_without_aliases: MessageDescriptor,
}

impl World {
    pub fn new(entropy: &Entropy, emit_unpopulated: bool) -> Self {
        let schema = Schema::random(&mut entropy.draw());
        let echo = Echo::new(&schema.set, |b| b.emit_unpopulated(emit_unpopulated)).unwrap();
        let root = schema.root();
        let root_without_aliases =
            schema.without_aliases.get_message_by_name(root.full_name()).unwrap();
        Self { schema, echo, root, root_without_aliases }
    }

    /// A random message of the schema in wire bytes, and its JSON by the reference.
    pub fn message(&self, entropy: &Entropy) -> (Vec<u8>, String) {
        let message = message::random(&self.root, &mut entropy.draw());
        let wire = message.encode_to_vec();
        let json = self.print(&wire).expect("every random message has a JSON form");
        (wire, json)
    }

    /// The canonical JSON of a message in another spelling.
    pub fn spelled(&self, json: &str, entropy: &Entropy) -> String {
        spelling::random(&self.root, &reference::value(json), &mut entropy.draw())
    }

    /// The same random message in other wire bytes.
    pub fn pieces(&self, entropy: &Entropy) -> Vec<u8> {
        let message = message::random(&self.root, &mut entropy.draw());
        pieces::random(&message, &mut entropy.draw())
    }

    /// The JSON of wire bytes by the reference.
    pub fn print(&self, wire: &[u8]) -> Option<String> {
        reference::print(&self.root_without_aliases, wire)
    }

    /// The message of JSON by the reference, as its own JSON.
    pub fn read(&self, json: &str) -> Result<Value, String> {
        let wire = reference::read(&self.root, json)?.encode_to_vec();
        Ok(reference::value(&self.print(&wire).ok_or("it has no JSON form")?))
    }
}

/// Wire bytes with some of them changed, left out or doubled.
pub fn corrupted(mut wire: Vec<u8>, entropy: &Entropy) -> Vec<u8> {
    let mut draw = entropy.draw();
    for _ in 0..draw.within(1..=3) {
        let Some(last) = wire.len().checked_sub(1) else { break };
        let at = draw.within(0..=last);
        match draw.within(0..=3) {
            0 => wire[at] = draw.any(),
            1 => wire[at] ^= 1 << draw.within(0..=7),
            2 => drop(wire.remove(at)),
            _ => wire.insert(at, wire[at]),
        }
    }
    wire
}
