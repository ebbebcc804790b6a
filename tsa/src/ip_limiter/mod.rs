//! What one address may hold at once, so that it cannot keep others out.
//!
//! An IPv4 address is the same one whether it comes plain or mapped into IPv6, as it does on a socket that
//! listens on both. Loopback is not counted: it is the operator, or a proxy that counts for itself. The
//! broker's limiter has the same rules.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(pub IpAddr);

/// Counts what addresses hold.
#[derive(Debug)]
pub struct IpLimiter {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl IpLimiter {
    /// At most `most` for one address.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// One more for an address, until the result is dropped; `None` if it holds as many as it may.
    #[must_use]
    pub fn take(self: &Arc<Self>, origin: Origin) -> Option<IpPermit> {
        let address = origin.0.to_canonical();
        if !address.is_loopback() {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let count = held.get(&address).copied().unwrap_or_default();
            if count >= self.most {
                return None;
            }
            held.insert(address, count.saturating_add(1));
        }
        Some(IpPermit { of: Arc::clone(self), address })
    }
}

/// One of what an address may hold; given back when dropped.
#[derive(Debug)]
pub struct IpPermit {
    of: Arc<IpLimiter>,
    address: IpAddr,
}

impl Drop for IpPermit {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            // An address that holds nothing takes no memory either.
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
