//! What tests try with servers, databases and replicas of their own, whatever `VEZA_ON` says: once is enough.

mod database;
mod events;
mod health;
mod mail;
mod query;
mod race;
mod redis;
mod replicas;
mod skew;
mod spans;
