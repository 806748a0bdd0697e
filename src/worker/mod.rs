//! What goes on without a call: events are carried on, keys are replaced, what has served its time is swept away.

pub mod backlog;
pub mod errands;
pub mod journal;
pub mod loss;
pub mod post;
pub mod presence;
pub mod relay;
pub mod revocations;
pub mod schedule;
