//! What one address may hold at once, so that it cannot keep others out.
//!
//! An IPv4 address is the same one whether it comes plain or mapped into IPv6, as it does on a socket that
//! listens on both. Loopback is not counted: it is the operator, or a proxy that counts for itself. The
//! TSA's limiter has the same rules.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts what addresses hold.
#[derive(Debug)]
pub(crate) struct IpLimiter {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl IpLimiter {
    /// At most `most` for one address.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// One more for an address, until the result is dropped; `None` if it holds as many as it may.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<IpPermit> {
        let address = holder(address);
        if !address.is_loopback() {
            let mut held = self.held.lock();
            let count = held.get(&address).copied().unwrap_or_default();
            if count >= self.most {
                return None;
            }
            held.insert(address, count.saturating_add(1));
        }
        Some(IpPermit { of: Arc::clone(self), address })
    }
}

/// Whom an address belongs to, as far as can be told: of IPv6 everybody has at least 64 bits for themselves.
pub(crate) fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

/// One of what an address may hold; given back when dropped.
#[derive(Debug)]
pub(crate) struct IpPermit {
    of: Arc<IpLimiter>,
    address: IpAddr,
}

impl Drop for IpPermit {
    fn drop(&mut self) {
        let mut held = self.of.held.lock();
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
