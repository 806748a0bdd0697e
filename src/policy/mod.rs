//! What every call must pass before a service sees it, the same for every transport.

mod answer;
mod deadline;
mod limit;
pub mod method;
pub mod stack;
pub mod watch;
