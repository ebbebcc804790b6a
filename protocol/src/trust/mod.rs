//! Keys, and who vouches for them.
//!
//! - [`key`] signing keys that know their purpose; [`jws`] the one signed container; [`seal`] what only
//!   one reader may open
//! - [`persona`] pseudonyms, and the one-time keys derived from them
//! - [`certificate`] the CA's word for a persona; [`jwks`] from a pinned CA to the keys of its TSA
//! - [`timelock`] keys that a TSA keeps until an instant
//! - [`prekey`] keys to which letters are sealed, before anybody quantum; [`agreement`] what two boxes share
//! - [`broker`] what a broker says of itself; [`witness`] who besides it vouches for its logs
//! - [`blind`] signatures by whoever does not see what they sign; [`pass`] a broker's, that admit a guest
//! - [`citizen`] whether the state vouches for the holder of a citizen card; [`enrolment`] how a citizen
//!   gets a persona certified that nobody can tell is theirs

pub mod agreement;
pub mod blind;
pub mod broker;
pub mod certificate;
pub mod citizen;
pub mod enrolment;
pub mod jwks;
pub mod jws;
pub mod key;
pub mod pass;
pub mod persona;
pub mod prekey;
pub mod seal;
pub mod timelock;
pub mod witness;
