//! Decisions drawn from random bytes.

use std::ops::RangeInclusive;

use arbitrary::unstructured::Int;
use arbitrary::{Arbitrary, Unstructured};

/// Bytes that decide. Where there are no more of them every decision is the least, a no, a zero or
/// the first of a choice, so that whatever is made of them comes to an end, and shrinks with them.
pub struct Draw<'b>(Unstructured<'b>);

impl<'b> Draw<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// A yes, once in so many times.
    pub fn one_in(&mut self, times: u8) -> bool {
        self.within(1..=times) == times
    }

    pub fn within<T: Int>(&mut self, range: RangeInclusive<T>) -> T {
        let least = *range.start();
        self.0.int_in_range(range).unwrap_or(least)
    }

    /// One of several, of which there must be some.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.within(0..=choices.len() - 1)].clone()
    }

    pub fn any<T: Arbitrary<'b> + Default>(&mut self) -> T {
        self.0.arbitrary().unwrap_or_default()
    }

    /// As many bytes as are left, but no more than the given number.
    pub fn bytes(&mut self, count_max: usize) -> Vec<u8> {
        self.0.bytes(count_max.min(self.0.len())).unwrap_or_default().to_vec()
    }
}
