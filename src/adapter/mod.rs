//! The ports, implemented over real databases, brokers and libraries. Each adapter names its one driver and no other adapter.

pub mod sql;
