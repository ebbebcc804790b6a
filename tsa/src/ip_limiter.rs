//! What one address may hold at once, so that it cannot keep others out.
//!
//! Loopback is not counted: it is the operator, or a proxy that counts for itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(pub IpAddr);

/// Counts what addresses hold.
#[derive(Debug)]
pub struct Shares {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Shares {
    /// At most `most` for one address.
    #[must_use]
    pub fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// One more for an address, until the result is dropped; `None` if it holds its share.
    #[must_use]
    pub fn take(self: &Arc<Self>, origin: Origin) -> Option<Share> {
        let address = origin.0.to_canonical();
        if !address.is_loopback() {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let count = held.entry(address).or_insert(0);
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(Share { of: Arc::clone(self), address })
    }
}

/// One of an address's share, given back when dropped.
#[derive(Debug)]
pub struct Share {
    of: Arc<Shares>,
    address: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_its_share_and_others_theirs() {
        let shares = Shares::of(2);
        let here = Origin("192.0.2.1".parse().unwrap());
        let mapped = Origin("::ffff:192.0.2.1".parse().unwrap());
        let first = shares.take(here).unwrap();
        let _second = shares.take(mapped).unwrap();
        assert!(shares.take(here).is_none());
        assert!(shares.take(mapped).is_none());
        let _other = shares.take(Origin("192.0.2.2".parse().unwrap())).unwrap();
        drop(first);
        let _third = shares.take(here).unwrap();
        assert!(shares.take(here).is_none());
    }

    #[test]
    fn what_is_given_back_is_forgotten_and_loopback_is_not_counted() {
        let shares = Shares::of(1);
        drop(shares.take(Origin("192.0.2.1".parse().unwrap())));
        let own = Origin("127.0.0.1".parse().unwrap());
        let _held = [shares.take(own).unwrap(), shares.take(own).unwrap()];
        assert!(shares.held.lock().unwrap().is_empty());
    }
}
