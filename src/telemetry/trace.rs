//! W3C Trace Context: which trace a call belongs to.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::HeaderMap;

use crate::domain::caller::TraceContext;

/// The trace of a call: the caller's, continued by a new span, or a new one, which is sampled with this probability.
#[must_use]
pub fn continue_or_begin(headers: &HeaderMap, sample_ratio: f64) -> TraceContext {
    let span_id = fresh_id();
    if let Some(parent) = headers.get("traceparent").and_then(|value| parse(value.to_str().ok()?)) {
        TraceContext { span_id, parent_id: Some(parent.span_id), ..parent }
    } else {
        let trace_id = u128::from(fresh_id()) << 64 | u128::from(fresh_id());
        let sampled = is_sampled(trace_id, sample_ratio);
        TraceContext { trace_id, span_id, parent_id: None, sampled }
    }
}

/// Judged by the id alone, so that whoever else sees the trace can come to the same end: its last 56 bits are random
/// (W3C Trace Context, level 2).
fn is_sampled(trace_id: u128, ratio: f64) -> bool {
    const BITS: u32 = 56;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a probability needs no more bits than a float has"
    )]
    let place = (trace_id % (1 << BITS)) as f64 / (1_u64 << BITS) as f64;
    place < ratio
}

/// A random id, never 0. Ids of traces are unique, not secret: a keyed hash of a counter is enough, and needs no call
/// to the system.
#[must_use]
pub fn fresh_id() -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    KEY.hash_one(COUNTER.fetch_add(1, Ordering::Relaxed)).max(1)
}

/// Reads a `traceparent` header of version 00, or the part of a later one that is the same.
fn parse(value: &str) -> Option<TraceContext> {
    let mut parts = value.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let end_fits = version != "00" || parts.next().is_none();
    let lengths_fit =
        (version.len(), trace.len(), span.len(), flags.len()) == (2, 32, 16, 2) && version != "ff";
    let lower_hex = |part: &str| part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    if !end_fits || !lengths_fit || ![version, trace, span, flags].into_iter().all(lower_hex) {
        return None;
    }
    let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    Some(TraceContext { trace_id, span_id, parent_id: None, sampled })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_parent_that_can_be_read_is_continued_by_a_new_span() {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", GOOD.parse().unwrap());
        let trace = continue_or_begin(&headers, 0.0);
        assert_eq!(trace.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_ne!(trace.span_id, 0xb7ad_6b71_6920_3331);
        assert_eq!(trace.parent_id, Some(0xb7ad_6b71_6920_3331));
        assert!(trace.sampled);
    }

    #[test]
    fn as_many_new_traces_are_sampled_as_is_asked_for() {
        let sampled = |ratio: f64| {
            let traces = (0..10_000).map(|_| continue_or_begin(&HeaderMap::new(), ratio));
            traces.filter(|trace| trace.sampled).count()
        };
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 10_000));
        assert!((2_000..3_000).contains(&sampled(0.25)));
    }

    #[test]
    fn a_parent_that_cannot_be_read_begins_a_new_trace() {
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert!(parse(GOOD).is_some());
    }
}
