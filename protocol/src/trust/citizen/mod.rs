//! Whether the state vouches for the person behind a citizen card (SPEC 3.4).
//!
//! The Portuguese citizen card carries a certificate for authentication. [`StatePki`] holds what
//! an operator trusts of the state's PKI, and [`StatePki::verify`] is the only maker of a
//! [`Citizen`]. Nothing is fetched here: certificates and revocation lists are arguments, and so
//! is the time.
//!
//! # The folder of the state's certificates
//!
//! The programs read the three inputs of [`StatePki::new`] from a folder with three folders in it;
//! each file is DER, or PEM with one or more blocks ([`blocks`]). Which files count, how long they may
//! be and what is reported, [`folder`] says.
//!
//! - `anchors/`: what is trusted. Best the root *ECRaizEstado 002* (SHA-256 of its DER
//!   `3932e8a2a6f9e422594291c14dd87667bfd0a72e607dfdd2872beab0e4d21a10`, from
//!   `http://trust.ecee.gov.pt/ecraiz002.crt`: compare the hash, the address is not protected). Cards
//!   issued before 2020 hang below the older *ECRaizEstado*, whose self-signed certificate or whose
//!   *Cartão de Cidadão 004* and *005* can be anchors too. Instead of a root, issuing authorities can
//!   be pinned one by one.
//! - `intermediates/`: *Cartão de Cidadão 006*, *007* and *008* (008:
//!   `e290db26ae4511a596da70d0ba2d1113fde6fa2c53ffce12e2b129f4ad33f7b5`) and every *EC de Autenticação
//!   do Cartão de Cidadão NNNN*. Cards of before 2024 bring theirs along, cards since then bring none,
//!   so without 0019
//!   (`667c149e29bf5c5563992de6239c964f6a9bca67b8fcb09a41f2eccfe29707fb`) and 0020
//!   (`325970922731ae5dd5be94ccf0a200d922c5bb9ae65474e37ef694e46d51496e`) they are refused with
//!   `citizen.authority`. A new one appears about every two years. The signature authorities (*EC de
//!   Assinatura Digital Qualificada …*) do not belong here.
//! - `lists/`: revocation lists. For the roots' authorities
//!   `http://crls.ecee.gov.pt/crls/ARL-002.crl`; for the issuing authorities below 008
//!   `http://pki2.cartaodecidadao.pt/entidade-certificacao-cc/lista-revogacao/CC_Root008.crl`; for
//!   citizens the partitions named in their own certificates, such as
//!   `http://pki.cartaodecidadao.pt/publico/lrc/cc_sub-ec_cidadao_autenticacao_crlNNNN_pPPPP.crl`, complete
//!   lists and delta lists. Where citizens are asked about by OCSP
//!   ([`Revocation::RequiredOfAuthorities`]), the lists of authorities are enough; of the citizens'
//!   then either all partitions or none, for a card of a partition that is not there is refused.

use std::collections::HashMap;

use rustls_pki_types::CertificateDer;
use x509_parser::num_bigint::BigUint;
use x509_parser::pem::Pem;
use zeroize::Zeroize as _;

use crate::value::clock::Time;
use crate::value::label;

mod error;
pub mod folder;
mod form;
mod holder;
mod key;
mod list;
mod path;

pub use error::{ChainFault, CitizenError, ListFault, Listed, PkiError, PkiInput};
pub use holder::{CivilNumber, Holder};
pub use key::{CardKey, KeyKind, verify_signed};

use form::{Answers, Form};
use list::{Line, List, RejectedList, Spoken};
use path::{Authorities, Ground};

/// Longest certificate accepted, in bytes of its DER.
pub const MAX_CERTIFICATE: usize = label::MAX_CARD_CERTIFICATE;
/// Most certificates that may come with a citizen's.
pub const MAX_SENT: usize = 8;
/// Longest revocation list accepted, in bytes of its DER.
pub const MAX_LIST: usize = 16 * 1024 * 1024;
/// Most authorities above a citizen, the anchor included.
pub const MAX_AUTHORITIES: usize = 5;

/// What issues authentication certificates; a number follows.
const ISSUER: &str = "EC de Autenticação do Cartão de Cidadão";
/// What issues certificates for qualified signatures, which are not for this.
const SIGNATURE_ISSUER: &str = "EC de Assinatura";
/// Prefix of names in the state's test PKI.
const TEST_PREFIX: &str = "(Teste) ";

/// Whether cards that the state made for tests are as good as real ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestCards {
    /// Every test certificate is refused.
    #[default]
    Refused,
    /// For test installations only: anybody can have such a card.
    Accepted,
}

/// Whether a citizen is accepted without word on revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Every certificate below the anchor must be covered by a valid list.
    Required,
    /// As [`Self::Required`] for authorities, and [`Self::WhereListed`] for the citizen's own
    /// certificate: for whoever asks the state's responder (OCSP) about that.
    RequiredOfAuthorities,
    /// Lists are asked where the issuer has any here.
    WhereListed,
}

/// Whether the lists spoke of every certificate below the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationStatus {
    /// They did, and held nothing against any of them.
    Checked,
    /// They did not speak of all of them: ask elsewhere.
    Unchecked,
}

/// A citizen that the state vouches for: made by [`StatePki::verify`] only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Citizen {
    /// Given names and surname as the card shows them.
    pub name: String,
    /// Given names; empty if the certificate has none.
    pub given_name: String,
    /// Surname; empty if the certificate has none.
    pub surname: String,
    /// The number under which the state knows the citizen for life.
    pub civil_number: CivilNumber,
    /// The card's authentication key.
    pub key: CardKey,
    /// Certificate of the issuing authority, in DER: OCSP asks by it.
    pub issuer: Vec<u8>,
    /// The last instant of the certificate.
    pub not_after: Time,
    /// Whether any certificate on the path is of the state's test PKI.
    pub test: bool,
    /// Whether revocation lists were asked.
    pub revocation: RevocationStatus,
}

/// Wipes the names; the number wipes itself.
impl Drop for Citizen {
    fn drop(&mut self) {
        self.name.zeroize();
        self.given_name.zeroize();
        self.surname.zeroize();
    }
}

/// Shows that there is a citizen, and not who.
impl std::fmt::Debug for Citizen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Citizen")
            .field("civil_number", &self.civil_number)
            .field("key", &self.key.kind())
            .field("not_after", &self.not_after)
            .field("test", &self.test)
            .field("revocation", &self.revocation)
            .finish_non_exhaustive()
    }
}

/// What an operator trusts of the state's PKI.
#[derive(Debug)]
pub struct StatePki {
    anchors: Vec<Form>,
    intermediates: Vec<Form>,
    /// Positions of the intermediates among those that were given.
    positions: Vec<usize>,
    /// Intermediates that are not used, by their positions.
    unused: Vec<(usize, CitizenError)>,
    /// With their positions among the lists that were given.
    lists: Vec<(usize, List)>,
    refused: Vec<RejectedList>,
    /// The highest numbers of lists that were in use before.
    floors: HashMap<Line, BigUint>,
    tests: TestCards,
}

/// Something in the state's PKI that the operator should look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A list that is not used at all.
    #[error("list {position} is not used: {fault}")]
    List {
        /// Position among the lists, from 0.
        position: usize,
        /// What is wrong with it.
        fault: ListFault,
    },
    /// A certificate, needed to get to an anchor, that is not used at all.
    #[error("intermediate {position} is not used: {cause}")]
    Intermediate {
        /// Position among the intermediates, from 0.
        position: usize,
        /// What is wrong with it.
        cause: CitizenError,
    },
    /// A list that is no longer or not yet valid.
    #[error("list {position} is not in force; its last instant is {next_update}")]
    ListTime {
        /// Position among the lists, from 0.
        position: usize,
        /// The last instant of the list.
        next_update: Time,
    },
    /// An authority that is not valid now.
    #[error("{place} {position}: {cause}")]
    Authority {
        /// Anchor or intermediate.
        place: PkiInput,
        /// Position in it, from 0.
        position: usize,
        /// What is wrong.
        cause: CitizenError,
    },
}

impl Warning {
    /// Of what it speaks: one of the inputs, and the position in it.
    #[must_use]
    pub const fn of(&self) -> (PkiInput, usize) {
        match self {
            Self::List { position, .. } | Self::ListTime { position, .. } => {
                (PkiInput::List, *position)
            }
            Self::Intermediate { position, .. } => (PkiInput::Intermediate, *position),
            Self::Authority { place, position, .. } => (*place, *position),
        }
    }

    /// Whether that input is as good as absent, whatever the time.
    #[must_use]
    pub const fn is_unused(&self) -> bool {
        match self {
            Self::List { .. } | Self::Intermediate { .. } => true,
            Self::ListTime { .. } | Self::Authority { .. } => false,
        }
    }
}

impl StatePki {
    /// Takes up certificates and revocation lists, each in DER.
    ///
    /// A list or an intermediate that cannot be used stops nothing: it is named by [`Self::warnings`].
    /// A citizen whose issuer such a list claims is refused unless a better list is there; an
    /// intermediate that is no authority's, or a test authority's while test cards are refused
    /// (V-104, V-106), is as good as absent.
    ///
    /// # Errors
    /// [`PkiError::NoAnchor`]; [`PkiError::Anchor`] for the first anchor that is such.
    pub fn new(
        anchors: Vec<Vec<u8>>,
        intermediates: Vec<Vec<u8>>,
        lists: Vec<Vec<u8>>,
        tests: TestCards,
    ) -> Result<Self, PkiError> {
        if anchors.is_empty() {
            return Err(PkiError::NoAnchor);
        }
        let anchor = |(position, der): (usize, &Vec<u8>)| {
            authority(der, tests).map_err(|cause| PkiError::Anchor { position, cause })
        };
        let mut pki = Self {
            anchors: anchors.iter().enumerate().map(anchor).collect::<Result<_, _>>()?,
            intermediates: Vec::new(),
            positions: Vec::new(),
            unused: Vec::new(),
            lists: Vec::new(),
            refused: Vec::new(),
            floors: HashMap::new(),
            tests,
        };
        for (position, der) in intermediates.iter().enumerate() {
            match authority(der, tests) {
                Ok(form) => {
                    pki.intermediates.push(form);
                    pki.positions.push(position);
                }
                Err(cause) => pki.unused.push((position, cause)),
            }
        }
        for (position, der) in lists.into_iter().enumerate() {
            match List::read(&der) {
                Ok(list) => pki.take(position, list),
                Err((issuer, fault)) => pki.refused.push(RejectedList { position, issuer, fault }),
            }
        }
        Ok(pki)
    }

    /// Keeps a list, unless its issuer is known here and did not sign it.
    fn take(&mut self, position: usize, list: List) {
        let mut issuers = self
            .anchors
            .iter()
            .chain(&self.intermediates)
            .filter(|form| form.subject == list.issuer())
            .peekable();
        if issuers.peek().is_some() && !issuers.any(|form| list.signed_by(form)) {
            let issuer = Some(list.issuer().to_vec());
            self.refused.push(RejectedList { position, issuer, fault: ListFault::Signature });
        } else {
            self.lists.push((position, list));
        }
    }

    /// Takes the place of `before` at `at`: refuses the lists of a scope if all of them have lower
    /// numbers than one that was in use, for whoever is between the lists and us can give old ones
    /// again. Lists whose issuer is not among the certificates here are not looked after.
    #[must_use]
    pub fn succeed(mut self, before: &Self, at: Time) -> Self {
        self.floors = before.floors.clone();
        for (_, list) in &before.lists {
            if let Some(number) = list.proven_number(at) {
                let floor = self.floors.entry(list.line()).or_default();
                *floor = number.clone().max(floor.clone());
            }
        }
        for (line, floor) in &self.floors {
            let proven = |list: &List| list.proven_number(Time::MAX).is_some();
            let mut of_line = self.lists.iter().filter(|(_, list)| list.line() == *line);
            if of_line.any(|(_, list)| proven(list) && !list.is_below(floor)) {
                continue;
            }
            self.lists.retain(|(position, list)| {
                let keep = list.line() != *line;
                if !keep {
                    let (position, issuer) = (*position, Some(list.issuer().to_vec()));
                    self.refused.push(RejectedList { position, issuer, fault: ListFault::Older });
                }
                keep
            });
        }
        self
    }

    /// What the operator should look at, as of `at`.
    #[must_use]
    pub fn warnings(&self, at: Time) -> Vec<Warning> {
        let refused = self.refused.iter();
        let refused = refused.map(|one| Warning::List { position: one.position, fault: one.fault });
        let old = self.lists.iter().filter(|(_, list)| !list.in_force(at));
        let old = old.map(|(position, list)| Warning::ListTime {
            position: *position,
            next_update: list.next_update(),
        });
        let unused = self.unused.iter();
        let unused = unused.map(|(position, cause)| Warning::Intermediate {
            position: *position,
            cause: cause.clone(),
        });
        let anchors = self.anchors.iter().enumerate();
        let anchors = anchors.map(|(position, form)| (PkiInput::Anchor, position, form));
        let intermediates = self.positions.iter().zip(&self.intermediates);
        let intermediates = intermediates.map(|(at, form)| (PkiInput::Intermediate, *at, form));
        let expired = anchors.chain(intermediates).filter_map(|(place, position, form)| {
            let cause = form.authority_in_force(at).err()?;
            Some(Warning::Authority { place, position, cause })
        });
        refused.chain(unused).chain(old).chain(expired).collect()
    }

    /// Judges the authentication certificate `leaf` of a citizen at the time `at`.
    ///
    /// `sent` are the certificates of authorities that came with it: hints, never trusted by
    /// themselves.
    ///
    /// # Errors
    /// [`CitizenError`] naming the first rule that is broken (V-100 to V-113).
    pub fn verify(
        &self,
        leaf: &[u8],
        sent: &[Vec<u8>],
        at: Time,
        revocation: Revocation,
    ) -> Result<Citizen, CitizenError> {
        self.judge(leaf, sent, at, at, revocation)
    }

    /// As [`Self::verify`] with [`Revocation::WhereListed`], of a card that signed at `at` and is
    /// looked up at `read` or, if that is earlier, at `at`: the certificates are judged as of the
    /// signature, the lists are those valid when they are read (V-122).
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_later(
        &self,
        leaf: &[u8],
        sent: &[Vec<u8>],
        at: Time,
        read: Time,
    ) -> Result<Citizen, CitizenError> {
        self.judge(leaf, sent, at, at.max(read), Revocation::WhereListed)
    }

    /// The certificates as of `at`, the lists as of `read`.
    fn judge(
        &self,
        leaf: &[u8],
        sent: &[Vec<u8>],
        at: Time,
        read: Time,
        revocation: Revocation,
    ) -> Result<Citizen, CitizenError> {
        let form = Form::read(leaf)?;
        self.refuse_tests(&form)?;
        require_in_force(&form, at)?;
        require_authentication(&form)?;
        let holder = Holder::read(leaf)?;
        let key = CardKey::of(&form)?;
        let sent = path::vouched(sent, &self.anchors, &self.intermediates)?;
        let ground =
            Ground { anchors: &self.anchors, intermediates: &self.intermediates, sent: &sent };
        let found = std::cell::RefCell::new(None);
        path::find(&form, &ground, at, |authorities| {
            authorities.iter().try_for_each(|authority| self.refuse_tests(authority))?;
            let status = self.revocation(&form, authorities, read, revocation)?;
            let issuer = authorities.first().map(|issuer| issuer.der.to_vec());
            let test = form.test || authorities.iter().any(|authority| authority.test);
            found.replace(issuer.map(|issuer| (issuer, test, status)));
            Ok(())
        })?;
        let (issuer, test, revocation) =
            found.take().ok_or(CitizenError::Authority("there is no path"))?;
        let Holder { name, given_name, surname, civil_number } = holder;
        let not_after = form.not_after;
        Ok(Citizen {
            name,
            given_name,
            surname,
            civil_number,
            key,
            issuer,
            not_after,
            test,
            revocation,
        })
    }

    /// V-106.
    fn refuse_tests(&self, form: &Form) -> Result<(), CitizenError> {
        match self.tests {
            TestCards::Refused if form.test => Err(CitizenError::TestCard),
            TestCards::Refused | TestCards::Accepted => Ok(()),
        }
    }

    /// Asks the lists about every certificate below the anchor (V-113).
    fn revocation(
        &self,
        leaf: &Form,
        authorities: &Authorities<'_>,
        at: Time,
        revocation: Revocation,
    ) -> Result<RevocationStatus, CitizenError> {
        let mut status = RevocationStatus::Checked;
        let below = std::iter::once(leaf).chain(authorities.iter().copied());
        for (position, (form, issuer)) in below.zip(authorities.iter().copied()).enumerate() {
            let listed = if position == 0 { Listed::Citizen } else { Listed::Authority };
            match list::consult(&self.lists, &self.refused, form, issuer, listed, at)? {
                Spoken::Yes => {}
                Spoken::No => match (revocation, listed) {
                    (Revocation::Required, _)
                    | (Revocation::RequiredOfAuthorities, Listed::Authority) => {
                        return Err(CitizenError::ListMissing(listed));
                    }
                    (Revocation::RequiredOfAuthorities, Listed::Citizen)
                    | (Revocation::WhereListed, _) => status = RevocationStatus::Unchecked,
                },
            }
        }
        Ok(status)
    }
}

/// Reads certificates that must be authorities'.
/// An authority as the operator gave it (V-104, V-106).
fn authority(der: &[u8], tests: TestCards) -> Result<Form, CitizenError> {
    let form = Form::read(der)?;
    if tests == TestCards::Refused && form.test {
        Err(CitizenError::TestCard)
    } else if !form.may_certify() {
        Err(CitizenError::Chain(ChainFault::NotAuthority))
    } else if webpki::anchor_from_trusted_cert(&CertificateDer::from(der)).is_err() {
        Err(CitizenError::Malformed("no certificate in DER"))
    } else {
        Ok(form)
    }
}

/// V-101 of the citizen's own certificate.
fn require_in_force(form: &Form, at: Time) -> Result<(), CitizenError> {
    if at < form.not_before {
        return Err(CitizenError::NotYetValid { not_before: form.not_before });
    }
    if at > form.not_after {
        return Err(CitizenError::Expired { not_after: form.not_after });
    }
    Ok(())
}

/// V-102 and, by the issuer's name, V-103.
fn require_authentication(form: &Form) -> Result<(), CitizenError> {
    if form.authority.is_some() {
        return Err(CitizenError::Usage("it is an authority's"));
    }
    let usage = form.usage.ok_or(CitizenError::Usage("it does not say for what it is"))?;
    if usage.non_repudiation {
        return Err(CitizenError::Usage("it is for qualified signatures"));
    }
    if !usage.digital_signature || usage.certificates || usage.lists {
        return Err(CitizenError::Usage("it is not for signing a login"));
    }
    match form.answers {
        Some(Answers::Revocation) => return Err(CitizenError::Usage("it answers OCSP")),
        Some(Answers::Time) => return Err(CitizenError::Usage("it signs time")),
        None => {}
    }
    let issuer = form.issuer_name.strip_prefix(TEST_PREFIX).unwrap_or(&form.issuer_name);
    if issuer.starts_with(SIGNATURE_ISSUER) {
        return Err(CitizenError::Usage("it is for qualified signatures"));
    }
    if !issuer.starts_with(ISSUER) {
        return Err(CitizenError::Authority("its issuer does not issue citizen cards"));
    }
    Ok(())
}

/// Judges the certificate of an OCSP responder that `issuer` delegated to (RFC 6960, 4.2.2.2;
/// V-114): signed by the issuer itself, valid now, and certified for nothing but this.
///
/// Neither the issuer nor revocation is judged here: of the responder's own revocation nothing is
/// asked, whether its certificate says so (`nocheck`) or not.
///
/// # Errors
/// [`CitizenError`] naming what is wrong.
pub fn verify_responder(responder: &[u8], issuer: &[u8], at: Time) -> Result<(), CitizenError> {
    let form = Form::read(responder)?;
    require_in_force(&form, at)?;
    let signs = form.usage.is_none_or(|usage| usage.digital_signature);
    if form.authority.is_some() || form.answers != Some(Answers::Revocation) || !signs {
        return Err(CitizenError::Usage("it is not for answering OCSP"));
    }
    if path::issued(&Form::read(issuer)?, &form) {
        Ok(())
    } else {
        Err(CitizenError::Authority("the authority it names did not sign it"))
    }
}

/// What is in a file of certificates or lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// The DER of each good block, in their order.
    pub ders: Vec<Vec<u8>>,
    /// How many blocks are no PEM, or have another label.
    pub faulty: usize,
}

/// The DER inside a file of certificates or lists: of each PEM block labelled `label`
/// (`CERTIFICATE`, `X509 CRL`), or the file itself if it is DER. One bad block spoils no other.
///
/// # Errors
/// [`PkiError::File`] for a file without any such block.
pub fn blocks(file: &[u8], label: &str) -> Result<Blocks, PkiError> {
    if file.first() == Some(&0x30) {
        return Ok(Blocks { ders: vec![file.to_vec()], faulty: 0 });
    }
    let mut blocks = Blocks { ders: Vec::new(), faulty: 0 };
    for block in Pem::iter_from_buffer(file) {
        match block {
            Ok(block) if block.label == label => blocks.ders.push(block.contents),
            Ok(_) | Err(_) => blocks.faulty += 1,
        }
    }
    if blocks.ders.is_empty() { Err(PkiError::File) } else { Ok(blocks) }
}

#[cfg(test)]
mod tests;
