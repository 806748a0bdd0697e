//! What one process can keep by itself: caches, budgets, and a bus.

pub mod bus;
pub mod cache;
pub mod limiter;
pub mod presence;
pub mod turns;
