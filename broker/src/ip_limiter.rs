//! What one address may hold at once, so that it cannot keep others out.
//!
//! An IPv4 address is the same one whether it comes plain or mapped into IPv6, as it does on a socket that
//! listens on both. Loopback is not counted: it is the operator, or a proxy that counts for itself. The
//! TSA's limiter has the same rules.

use std::collections::HashMap;
use std::net::IpAddr;
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
        let address = address.to_canonical();
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
mod tests {
    use super::*;

    fn from(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn an_address_holds_as_many_as_it_may_and_others_theirs() {
        let limiter = IpLimiter::new(2);
        let first = limiter.take(from("192.0.2.1")).unwrap();
        let _second = limiter.take(from("192.0.2.1")).unwrap();
        assert!(limiter.take(from("192.0.2.1")).is_none());
        let _other = limiter.take(from("192.0.2.2")).unwrap();
        drop(first);
        let _third = limiter.take(from("192.0.2.1")).unwrap();
        assert!(limiter.take(from("192.0.2.1")).is_none());
    }

    #[test]
    fn an_address_mapped_into_ipv6_is_the_plain_one() {
        let limiter = IpLimiter::new(1);
        let held = limiter.take(from("::ffff:192.0.2.1")).unwrap();
        assert!(limiter.take(from("192.0.2.1")).is_none());
        assert!(limiter.take(from("::ffff:192.0.2.1")).is_none());
        // The same digits in other words of IPv6 are another address.
        let _other = limiter.take(from("::192.0.2.1")).unwrap();
        drop(held);
        let _plain = limiter.take(from("192.0.2.1")).unwrap();
        assert!(limiter.take(from("::ffff:c000:201")).is_none());
    }

    #[test]
    fn loopback_is_not_counted_in_any_of_its_forms() {
        let limiter = IpLimiter::new(1);
        for own in ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"] {
            let _held = [limiter.take(from(own)).unwrap(), limiter.take(from(own)).unwrap()];
        }
        assert!(limiter.held.lock().is_empty());
    }

    #[test]
    fn what_is_given_back_or_refused_is_forgotten() {
        let limiter = IpLimiter::new(1);
        drop(limiter.take(from("192.0.2.1")));
        assert!(limiter.held.lock().is_empty());
        let none = IpLimiter::new(0);
        assert!(none.take(from("192.0.2.1")).is_none());
        assert!(none.held.lock().is_empty());
    }
}
