//! A SOCKS proxy on the way to the TSA, so that it does not see from where one comes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ureq::{Proxy, ProxyProtocol};

/// A SOCKS5 proxy (RFC 1928), `socks5://[user:password@]host:port`. Names are resolved by the proxy:
/// asking for them here would tell the resolver where one is going.
#[derive(Clone)]
pub struct ProxyAddress {
    /// As typed, with user and password.
    typed: String,
    shown: String,
    proxy: Proxy,
}

/// A text that is not the address of a SOCKS5 proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a proxy address of the form socks5://host:port, and not `none`")]
pub struct ProxyAddressError;

impl FromStr for ProxyAddress {
    type Err = ProxyAddressError;

    fn from_str(text: &str) -> Result<Self, ProxyAddressError> {
        let rest = ["socks5://", "socks5h://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let place = rest.and_then(|rest| rest.rsplit('@').next()).ok_or(ProxyAddressError)?;
        // The library takes paths and absent ports as well, which here are slips of the pen.
        let port = place.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none_or(|port| port == 0) || place.contains(['/', '?', '#']) {
            return Err(ProxyAddressError);
        }
        let read = Proxy::new(text).map_err(|_| ProxyAddressError)?;
        if read.host().is_empty() {
            return Err(ProxyAddressError);
        }
        let mut build = Proxy::builder(ProxyProtocol::Socks5)
            .host(read.host())
            .port(read.port())
            .resolve_target(false);
        if let Some(user) = read.username() {
            build = build.username(user).password(read.password().unwrap_or_default());
        }
        let proxy = build.build().map_err(|_| ProxyAddressError)?;
        Ok(Self { typed: text.to_owned(), shown: format!("socks5://{place}"), proxy })
    }
}

impl ProxyAddress {
    pub(super) fn proxy(&self) -> Proxy {
        self.proxy.clone()
    }
}

/// By which way the user wants to go to the TSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Without a proxy.
    Straight,
    /// Through this proxy.
    Through(ProxyAddress),
}

/// The word for no proxy.
const STRAIGHT: &str = "none";

impl FromStr for Route {
    type Err = ProxyAddressError;

    fn from_str(text: &str) -> Result<Self, ProxyAddressError> {
        if text == STRAIGHT { Ok(Self::Straight) } else { text.parse().map(Self::Through) }
    }
}

impl Route {
    /// The proxy to go through: as the user wants it this time, or as it was kept.
    #[must_use]
    pub fn proxy(wanted: Option<&Self>, kept: Option<&ProxyAddress>) -> Option<ProxyAddress> {
        match wanted {
            Some(Self::Through(proxy)) => Some(proxy.clone()),
            Some(Self::Straight) => None,
            None => kept.cloned(),
        }
    }
}

impl PartialEq for ProxyAddress {
    fn eq(&self, other: &Self) -> bool {
        self.typed == other.typed
    }
}

impl Eq for ProxyAddress {}

/// Whole, for keeping it in a vault.
impl Serialize for ProxyAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.typed)
    }
}

impl<'de> Deserialize<'de> for ProxyAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Without user and password.
impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_resolves_names_and_is_shown_without_its_password() {
        for text in ["socks5://127.0.0.1:9050", "socks5h://127.0.0.1:9050"] {
            let proxy: ProxyAddress = text.parse().unwrap();
            assert!(!proxy.proxy.resolve_target());
            assert_eq!(proxy.to_string(), "socks5://127.0.0.1:9050");
            assert_eq!((proxy.proxy.host(), proxy.proxy.port()), ("127.0.0.1", 9_050));
        }
        let proxy: ProxyAddress = "socks5://me:se%40cret@proxy.example:1080".parse().unwrap();
        assert_eq!(format!("{proxy} {proxy:?}").matches("cret").count(), 0);
        assert_eq!(proxy.proxy.username(), Some("me"));
        assert_eq!(proxy.proxy.password(), Some("se@cret"));
        // Kept whole, and the same afterwards.
        let kept = serde_json::to_string(&proxy).unwrap();
        assert!(kept.contains("cret"));
        let again: ProxyAddress = serde_json::from_str(&kept).unwrap();
        assert_eq!((again.proxy.password(), &again), (Some("se@cret"), &proxy));
        assert!(serde_json::from_str::<ProxyAddress>("\"http://h:1\"").is_err());
        assert_eq!("none".parse(), Ok(Route::Straight));
        assert!("".parse::<Route>().is_err() && "None".parse::<Route>().is_err());
        assert!("socks5://[::1]:9050".parse::<ProxyAddress>().is_ok());
    }

    #[test]
    fn what_is_no_socks5_proxy_is_refused() {
        for text in [
            "",
            "127.0.0.1:9050",
            "socks5://",
            "socks5://127.0.0.1",
            "socks5://:9050",
            "socks5://127.0.0.1:0",
            "socks5://127.0.0.1:65536",
            "socks5://127.0.0.1:9050/path",
            "socks5://127.0.0.1:9050/",
            "socks5://127.0.0.1:9050#x",
            "socks4://127.0.0.1:9050",
            "http://127.0.0.1:9050",
            "socks5://ho st:9050",
        ] {
            assert!(text.parse::<ProxyAddress>().is_err(), "{text}");
        }
    }
}
