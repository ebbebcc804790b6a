//! Where a letter goes, as people hand it over: `pregao-box:<name of the box>@<address of its broker>`.
//!
//! The name is a hash over the box's opening, which states its keys: whoever has the right name has the right keys,
//! whatever the broker says.

use std::fmt;
use std::str::FromStr;

use pregao_protocol::log::RoomName;

use crate::net::broker::BrokerAddress;

/// How such a text begins.
const BEGINNING: &str = "pregao-box:";

/// A box with the broker that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxAddress {
    /// The box.
    pub name: RoomName,
    /// Where it is.
    pub broker: BrokerAddress,
}

/// Not such a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the address of a box: it reads {BEGINNING}NAME@BROKER, with 64 hexadecimal digits before the @"
)]
pub struct BoxAddressError;

impl FromStr for BoxAddress {
    type Err = BoxAddressError;

    fn from_str(text: &str) -> Result<Self, BoxAddressError> {
        let rest = text.trim().strip_prefix(BEGINNING).ok_or(BoxAddressError)?;
        let (name, broker) = rest.split_once('@').ok_or(BoxAddressError)?;
        let name = name.parse().map_err(|_| BoxAddressError)?;
        let broker = broker.parse().map_err(|_| BoxAddressError)?;
        Ok(Self { name, broker })
    }
}

impl fmt::Display for BoxAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEGINNING}{}@{}", self.name, self.broker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written_and_nothing_else_is_one() {
        let text =
            format!("pregao-box:{}@ws://127.0.0.1:7002/#{}", "3f".repeat(32), "0a".repeat(32));
        let address: BoxAddress = text.parse().unwrap();
        assert_eq!(address.name, RoomName([0x3f; 32]));
        assert_eq!(address.to_string(), text);
        assert_eq!(format!("  {text}\n").parse(), Ok(address));
        for wrong in [
            String::new(),
            "pregao-box:".to_owned(),
            text.replace("pregao-box:", ""),
            text.replace('@', " "),
            text.replace("3f3f", "3f3"),
            text.replace("ws://", "http://"),
            text.replace("0a0a", "0a0"),
            text.replacen('3', "g", 1),
        ] {
            assert_eq!(wrong.parse::<BoxAddress>(), Err(BoxAddressError), "{wrong}");
        }
    }
}
