//! A witness as the operator of the broker names it.

use std::str::FromStr;

use pregao_protocol::log::cosignature::read_verifier_key;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::witness::Witness;

/// Where a witness is asked, and who it is: `URL,VKEY,OPERATOR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessAddress {
    /// `http://host:port` or `https://host:port`, without a slash at the end.
    pub url: String,
    /// As the broker's certificate and the listings name it.
    pub witness: Witness,
}

/// Why a text names no witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessAddressError {
    /// Not three parts.
    #[error("not of the form URL,VKEY,OPERATOR")]
    Parts,
    /// The first part is no address.
    #[error("the URL is not of the form http://host:port, or https://")]
    Url,
    /// The second part is no verifier key.
    #[error(
        "the key is not a verifier key for cosignatures, NAME+ID+KEY, as the witness prints it"
    )]
    Key,
    /// The third part is no name of an operator.
    #[error("an operator is 1 to 32 letters, digits, '-', '.', '/' or '_'")]
    Operator,
}

impl FromStr for WitnessAddress {
    type Err = WitnessAddressError;

    fn from_str(text: &str) -> Result<Self, WitnessAddressError> {
        let mut parts = text.split(',');
        let (Some(url), Some(key), Some(operator), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(WitnessAddressError::Parts);
        };
        let TsaAddress { url, authority: None } =
            url.parse().map_err(|_| WitnessAddressError::Url)?
        else {
            return Err(WitnessAddressError::Url);
        };
        let (name, key) = read_verifier_key(key).ok_or(WitnessAddressError::Key)?;
        let operator = operator.parse().map_err(|_| WitnessAddressError::Operator)?;
        Ok(Self { url, witness: Witness { name, key, operator } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_protocol::log::cosignature::verifier_key;
    use pregao_protocol::trust::key::SecretKey;

    fn vkey() -> String {
        let key = SecretKey::from_seed(&[1; 32]).public();
        verifier_key(&"witness.example/1".parse().unwrap(), &key)
    }

    #[test]
    fn an_address_is_where_who_and_whose() {
        let text = format!("https://witness.example:8443/,{},example", vkey());
        let address: WitnessAddress = text.parse().unwrap();
        assert_eq!(address.url, "https://witness.example:8443");
        assert_eq!(address.witness.name.as_str(), "witness.example/1");
        assert_eq!(address.witness.operator.as_str(), "example");
    }

    #[test]
    fn what_is_no_address_of_a_witness_is_refused_with_what_is_wrong() {
        use WitnessAddressError::{Key, Operator, Parts, Url};
        let (vkey, pin) = (vkey(), "ab".repeat(32));
        for (text, error) in [
            (String::new(), Parts),
            (format!("http://w:1,{vkey}"), Parts),
            (format!("http://w:1,{vkey},a,b"), Parts),
            (format!("w:1,{vkey},a"), Url),
            (format!("http://w:1/path,{vkey},a"), Url),
            (format!("http://w:1/#{pin},{vkey},a"), Url),
            ("http://w:1,witness+00000000+BAAA,a".to_owned(), Key),
            (format!("http://w:1,{},a", vkey.replace("witness", "Witness")), Key),
            (format!("http://w:1,{vkey},"), Operator),
            (format!("http://w:1,{vkey},a b"), Operator),
            (format!("http://w:1,{vkey},{}", "x".repeat(33)), Operator),
        ] {
            assert_eq!(text.parse::<WitnessAddress>(), Err(error), "{text}");
        }
    }
}
