//! How many connections each address has.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::config::Config;

/// The connections of every address that has any.
pub type Guests = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection of an address, until it is dropped.
pub struct Guest {
    guests: Guests,
    ip: IpAddr,
}

impl Guest {
    /// Lets a connection in, unless its address has as many as it may. A trusted proxy speaks for many.
    pub fn enter(guests: &Guests, ip: IpAddr, config: &Config) -> Option<Self> {
        let ip = ip.to_canonical();
        let mut all = guests.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(ip).or_default();
        if *open >= config.connections_per_address_max as usize && !config.trusts(ip) {
            return None;
        }
        *open += 1;
        Some(Self { guests: Arc::clone(guests), ip })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut all = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.get_mut(&self.ip) {
            *open -= 1;
            if *open == 0 {
                all.remove(&self.ip);
            }
        }
    }
}
