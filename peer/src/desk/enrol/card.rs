//! The first visit: the citizen card signs a blinded request, and the TSA signs a token unseen.

use std::path::Path;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::trust::enrolment::token::TokenRequest;
use pregao_protocol::trust::enrolment::{Application, ApplicationAnswer, EnrolmentError, Offer};
use pregao_protocol::trust::jwks::{TsaAddress, TsaKeys};
use pregao_protocol::trust::key::{Fingerprint, Persona, PublicKey, SecretKey};
use pregao_protocol::trust::seal::{SealError, SealKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;

use super::issuer::IssuerConflict;
use super::report::UNPINNED;
use super::{EnrolError, SignerError, fresh, issuer, require_own_authority, short_name, time_for};
use crate::net::Reach;
use crate::net::tsa::{TsaClient, TsaError};
use crate::vault::{
    AskedToken, Contents, HeldToken, KeptEnrolment, Passphrase, Secret, TrustedTsa, Vault,
    WorkFactor,
};

/// Signs for this protocol as a citizen card does: a reader and a dialogue, or in tests a key.
pub trait CitizenSigner {
    /// The authentication certificate, DER.
    fn certificate(&self) -> &[u8];
    /// CA certificates that the card carries, DER.
    fn issuers(&self) -> &[Vec<u8>];
    /// Shows whose card it is and what is about to happen, and collects the PIN, or makes sure that it can be typed: an
    /// offer that is asked for afterwards lives for two minutes.
    ///
    /// # Errors
    /// [`SignerError`], also if the holder does not want it.
    fn consent(&mut self, notice: &[String]) -> Result<(), SignerError>;
    /// Signs with the authentication key over SHA-256 of `message`.
    ///
    /// # Errors
    /// [`SignerError`].
    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// How long a token lies before it is spent. Spent at once, the time alone would tell whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// At random: [`SHORTEST_WAIT`] to [`LONGEST_WAIT`].
    Random,
    /// As long as the user wants.
    For(Duration),
}

/// Least random wait.
pub const SHORTEST_WAIT: Duration = Duration::from_secs(3_600);
/// What is said of a TSA whose issuer takes the state's test cards.
const TESTS: &str =
    "TEST CARDS are taken by this TSA, which anybody can have: its personas prove nothing";
/// Greatest random wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);

impl Wait {
    fn duration(self, host: &Host) -> Result<Duration, EnrolError> {
        match self {
            Self::For(duration) => Ok(duration),
            Self::Random => host.random().map(spread).map_err(|_| EnrolError::Random),
        }
    }
}

/// A wait from random bytes, evenly over whole seconds.
fn spread(random: [u8; 8]) -> Duration {
    let seconds = LONGEST_WAIT.saturating_sub(SHORTEST_WAIT).as_secs().saturating_add(1);
    let more = u64::from_le_bytes(random).checked_rem(seconds).unwrap_or_default();
    SHORTEST_WAIT.saturating_add(Duration::from_secs(more))
}

/// A token was fetched and verified, and lies in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKept {
    /// The persona it was made for.
    pub persona: Fingerprint,
    /// The CA that is to certify it.
    pub authority: Fingerprint,
    /// Whether that CA was pinned, and not trusted at first use.
    pub pinned: bool,
    /// Whether TSA and CA run in simulated time.
    pub simulated: bool,
    /// Name of the issuer's key.
    pub issuer: Digest,
    /// End of the issuer's period.
    pub period_until: Time,
    /// Proposed time for spending it.
    pub spend_after: Time,
    /// From then on it buys nothing.
    pub spend_until: Time,
    /// How long it is to lie.
    pub wait: Duration,
}

/// An application to the TSA that only lacks the card. The vault is open and holds the request.
#[derive(Debug)]
pub struct CardEnrolment {
    host: Host,
    vault: Vault,
    authority: TsaClient,
    keys: TsaKeys,
    persona: PublicKey<Persona>,
    asked: AskedToken,
    pinned: bool,
}

/// Opens the vault in `folder`, or makes it with a fresh persona, and keeps a request for a token of
/// the present period in it: a request once sent is the only one that the TSA answers. Blocks.
///
/// # Errors
/// [`EnrolError`]. Nothing was said to the TSA that concerns the user.
pub fn begin(
    folder: &Path,
    passphrase: &Passphrase,
    work: WorkFactor,
    address: Option<&TsaAddress>,
    reach: Reach<'_>,
) -> Result<CardEnrolment, EnrolError> {
    issuer::with_evidence(folder, request(folder, passphrase, work, address, reach))
}

fn request(
    folder: &Path,
    passphrase: &Passphrase,
    work: WorkFactor,
    address: Option<&TsaAddress>,
    reach: Reach<'_>,
) -> Result<CardEnrolment, EnrolError> {
    let vault = if Vault::exists(folder) { Some(Vault::open(folder, passphrase)?) } else { None };
    let own = vault.as_ref().map(|vault| vault.contents().tsa.clone());
    let address = match (address, &own) {
        (Some(address), _) => address.clone(),
        (None, Some(own)) => own.address(),
        (None, None) => return Err(EnrolError::NoAddress),
    };
    // Straight, whatever proxy the persona uses: the two are not to come by one way.
    let authority = TsaClient::by(address.clone(), None, reach);
    let (keys, jwks) = authority.keys()?;
    if keys.enrolment.is_none() {
        return Err(TsaError::NoCitizens.into());
    }
    vault.as_ref().map(|vault| require_own_authority(vault, &keys)).transpose()?;
    let now = time_for(&authority, &keys)?;
    let before = vault.as_ref().and_then(|vault| vault.contents().enrolment.clone());
    let before = before.unwrap_or_default();
    let issuer = issuer::signing(&keys, &jwks, now, &before)?;
    if before.held.as_ref().is_some_and(|held| held.issuer.id == issuer.id) {
        return Err(EnrolError::AlreadyHeld { until: issuer.until });
    }
    let seed = match &vault {
        Some(vault) => vault.contents().persona.clone(),
        None => Secret::new(fresh(reach.host)?),
    };
    let persona = SecretKey::<Persona>::from_seed(seed.expose()).public();
    let fingerprint = keys.authority.fingerprint();
    let asked = match before.asked.clone().filter(|asked| asked.issuer.id == issuer.id) {
        Some(asked) => asked,
        None => {
            let key = keys.issuer(issuer.id).ok_or(EnrolError::NoIssuer { now })?;
            let request = TokenRequest::new(&key.key, fingerprint, &persona, fresh(reach.host)?)?;
            AskedToken { issuer, request }
        }
    };
    let kept = Some(KeptEnrolment { asked: Some(asked.clone()), ..before });
    let pinned = address.authority.is_some() || own.as_ref().is_some_and(|own| own.pinned);
    let proxy = own.and_then(|own| own.proxy);
    let tsa =
        TrustedTsa { url: address.url.clone(), authority: fingerprint, keys: jwks, pinned, proxy };
    let vault = match vault {
        Some(mut vault) => {
            vault.update(|contents| (contents.tsa, contents.enrolment) = (tsa, kept))?;
            vault
        }
        None => {
            let mut contents = Contents::new(seed, tsa, Vec::new());
            contents.enrolment = kept;
            Vault::create(folder, passphrase, work, contents)?
        }
    };
    let host = reach.host.clone();
    Ok(CardEnrolment { host, vault, authority, keys, persona, asked, pinned })
}

impl CardEnrolment {
    /// What the holder is told before the card is asked to sign.
    #[must_use]
    pub fn notice(&self) -> Vec<String> {
        let AskedToken { issuer, .. } = &self.asked;
        let (until, name) = (issuer.until, short_name(issuer.id));
        let authority = self.keys.authority.fingerprint();
        let mut lines = vec![
            "your card proves once that you are a person; you then trade under a pseudonym".to_owned(),
            format!("the TSA of the CA {authority} alone gets the card's certificate, sealed, with name and \
                     civil number; it may ask the state (OCSP) about it"),
            format!("the card signs the TSA's challenge and a blinded request for a token, one for each \
                     citizen until {until}: whoever gets this signature has proof that you applied there"),
            "the CA does not learn which persona is yours, if you spend the token at another time and \
             from another address"
                .to_owned(),
            format!("issuer of this period: {name} - others who enrol now must see the same name"),
        ];
        if !self.pinned {
            lines.push(UNPINNED.to_owned());
        }
        if self.keys.issuer(issuer.id).is_some_and(|issuer| issuer.test) {
            lines.push(TESTS.to_owned());
        }
        lines
    }

    /// Has the card sign, fetches the token, verifies and keeps it. Blocks.
    ///
    /// # Errors
    /// [`EnrolError`]; the request stays in the vault and is sent again the next time.
    pub fn finish(
        self,
        signer: &mut dyn CitizenSigner,
        wait: Wait,
    ) -> Result<TokenKept, EnrolError> {
        let folder = self.vault.folder().to_owned();
        issuer::with_evidence(&folder, self.fetch(signer, wait))
    }

    fn fetch(
        mut self,
        signer: &mut dyn CitizenSigner,
        wait: Wait,
    ) -> Result<TokenKept, EnrolError> {
        let wait = wait.duration(&self.host)?;
        signer.consent(&self.notice())?;
        let offer = self.offer()?;
        let blind_signature = self.exchange(&offer, signer)?;
        let authority = self.keys.authority.fingerprint();
        let AskedToken { issuer, request } = &self.asked;
        let shown = self.keys.issuer(issuer.id).ok_or(EnrolmentError::Key)?;
        let token = request.finish(&shown.key, authority, &self.persona, &blind_signature)?;
        let now = if self.keys.simulated { offer.time } else { self.host.clock.wall() };
        let spend_after = whole_seconds(now.plus(wait));
        let issuer = issuer.clone();
        let kept = TokenKept {
            persona: self.persona.fingerprint(),
            authority,
            pinned: self.pinned,
            simulated: self.keys.simulated,
            issuer: issuer.id,
            period_until: issuer.until,
            spend_after,
            spend_until: issuer.spend_until,
            wait,
        };
        let held = HeldToken { issuer, token, spend_after: Some(spend_after) };
        self.vault.update(|contents| {
            let before = contents.enrolment.take().unwrap_or_default();
            contents.enrolment = Some(before.fetched(held));
        })?;
        Ok(kept)
    }

    /// An offer for the issuer that the request was made for.
    fn offer(&self) -> Result<Offer, EnrolError> {
        let (offer, signed) = self.authority.offer(&self.keys)?;
        let kept = &self.asked.issuer;
        let until = kept.until;
        let now = if self.keys.simulated { offer.time } else { self.host.clock.wall() };
        if now >= until || offer.time >= until {
            Err(EnrolError::PeriodOver { until })
        } else if offer.issuer == kept.id {
            Ok(offer)
        } else {
            let jwks = &self.vault.contents().tsa.keys;
            Err(IssuerConflict::offered(kept, offer.issuer, signed, jwks))
        }
    }

    /// Hands the application in; gives the signature over the blinded request.
    fn exchange(
        &self,
        offer: &Offer,
        signer: &mut dyn CitizenSigner,
    ) -> Result<Vec<u8>, EnrolError> {
        let reply = SealKey::from_random(fresh(&self.host)?);
        let blinded = self.asked.request.blinded.clone();
        let signature = signer.sign(&offer.statement(&reply.public(), &blinded))?;
        let mut application = Application {
            certificate: signer.certificate().to_vec(),
            issuers: signer.issuers().iter().take(label::MAX_CARD_ISSUERS).cloned().collect(),
            blinded,
            reply: reply.public(),
            signature,
        };
        let sealed = match application.seal(offer, fresh(&self.host)?) {
            // They only help the TSA to find the way to the state's own.
            Err(EnrolmentError::Sealed(SealError::TooLong { .. })) => {
                application.issuers.clear();
                application.seal(offer, fresh(&self.host)?)?
            }
            other => other?,
        };
        let answer =
            self.authority.apply(offer.challenge, &sealed).map_err(|error| match error {
                refused @ TsaError::Refused(_) => EnrolError::Authority(refused),
                lost => EnrolError::AnswerLost(lost),
            })?;
        match ApplicationAnswer::open(&answer, offer.challenge, &reply)? {
            ApplicationAnswer::Signed { blind_signature } => Ok(blind_signature),
            ApplicationAnswer::Refused(report) => Err(TsaError::Refused(report).into()),
        }
    }
}

/// A time that people can type and compare.
fn whole_seconds(time: Time) -> Time {
    time.minus(Duration::from_micros(time.as_micros().checked_rem(1_000_000).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_wait_lies_between_an_hour_and_a_day() {
        let wait = |number: u64| spread(number.to_le_bytes());
        assert_eq!(wait(0), SHORTEST_WAIT);
        assert_eq!(wait(82_800), LONGEST_WAIT);
        assert_eq!(wait(82_801), SHORTEST_WAIT);
        let host = crate::host::system();
        for _ in 0..100 {
            let drawn = Wait::Random.duration(&host).unwrap();
            assert!((SHORTEST_WAIT..=LONGEST_WAIT).contains(&drawn));
        }
        assert_eq!(Wait::For(Duration::ZERO).duration(&host).unwrap(), Duration::ZERO);
    }

    #[test]
    fn a_proposed_time_has_no_fraction() {
        let time = Time::from_micros(1_700_000_000_999_999).unwrap();
        assert_eq!(whole_seconds(time).to_string(), "2023-11-14T22:13:20.000000Z");
        assert_eq!(whole_seconds(whole_seconds(time)), whole_seconds(time));
    }
}
