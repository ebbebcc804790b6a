//! A PKI like that of the Portuguese state, generated for tests and marked as such.
//!
//! It mimics names, levels, algorithms and extensions of the real one, with "(Teste) " before every
//! authority's name and hosts below `teste.cartaodecidadao.pt`, as on the state's own test cards:
//!
//! - root *ECRaizEstado 002*, RSA 4096, self-signed
//! - *Cartão de Cidadão 006*, RSA 4096, and *008*, P-521, which signs with SHA-256
//! - *EC de Autenticação do Cartão de Cidadão 0018*, RSA, and *0019*, P-384, path length 0; beside
//!   each the authority of signature certificates, with a shorter name than the real one, which
//!   fills its 64 bytes and leaves no room for the mark
//! - citizens: RSA 2048 (v3), RSA 3072 (v4), P-256 (v5), each with an authentication and a signature
//!   certificate, the subject in the real order
//! - complete and delta revocation lists, partitioned with a critical issuing distribution point
//!
//! Keys of authorities are made once per process and are the same for every [`Pki`] in it:
//! [`Strength::Quick`] keeps the RSA ones at 2048 bits. A PKI with other keys under the same names
//! is [`Plan::foreign`]. Times are seconds since 1970, so a PKI can live in simulated time.
//!
//! ```
//! use pregao_test_pki::{CitizenData, Pki, Plan, Profile};
//!
//! let pki = Pki::new(Plan::quick(1_790_000_000));
//! let card = pki.citizen(Profile::V5, &CitizenData::numbered(1));
//! assert!(card.issuers.is_empty(), "v5 cards carry no certificates of authorities");
//! ```

use std::io;
use std::path::Path;
use std::sync::OnceLock;

mod authority;
mod card;
mod keys;
mod list;
mod name;

pub use authority::{Authority, Credential, instant, rsa_public_key};
pub use card::{CardMaterial, CitizenData, Fault, Profile};
pub use keys::Strength;
pub use list::{ListPlan, Oddity, Only, Reason};
pub use rcgen;

use keys::Role;
use name::Mark;

/// One day in seconds.
pub const DAY: u64 = 86_400;
/// One year in seconds, near enough.
pub const YEAR: u64 = 365 * DAY;

/// How a test PKI is to be made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The instant in seconds since 1970 around which everything is valid.
    pub now: u64,
    /// Length of the authorities' RSA keys.
    pub strength: Strength,
    /// Keys of its own, under the same names: what an impostor would make.
    pub foreign: bool,
    /// Whether names and hosts carry the mark of test cards. Without it the PKI passes for the
    /// real one in everything but its keys, as refusals of test cards need to be tested.
    pub marked: bool,
    /// Where citizen certificates say that their OCSP responder is.
    pub ocsp: String,
}

impl Plan {
    /// As the real PKI, marked, valid around `now`.
    #[must_use]
    pub fn real(now: u64) -> Self {
        let ocsp = "http://ocsp.auc.teste.cartaodecidadao.pt/publico/ocsp".to_owned();
        Self { now, strength: Strength::Real, foreign: false, marked: true, ocsp }
    }

    /// With short RSA keys of authorities: made in a moment.
    #[must_use]
    pub fn quick(now: u64) -> Self {
        Self { strength: Strength::Quick, ..Self::real(now) }
    }

    /// The same, by an impostor.
    #[must_use]
    pub fn foreign(mut self) -> Self {
        self.foreign = true;
        self
    }

    /// The same without the mark of test cards.
    #[must_use]
    pub fn unmarked(mut self) -> Self {
        self.marked = false;
        self.ocsp = self.ocsp.replace("teste.", "");
        self
    }

    fn mark(&self) -> Mark {
        if self.marked { Mark::Test } else { Mark::None }
    }
}

/// The authorities of the test PKI. Branches are made when they are first asked for.
#[derive(Debug)]
pub struct Pki {
    plan: Plan,
    root: Authority,
    rsa: OnceLock<Branch>,
    curve: OnceLock<Branch>,
}

/// The authorities of one generation of cards.
#[derive(Debug)]
pub struct Branch {
    /// *Cartão de Cidadão NNN*.
    pub card: Authority,
    /// *EC de Autenticação do Cartão de Cidadão NNNN*.
    pub authentication: Authority,
    /// The authority of signature certificates.
    pub signature: Authority,
}

impl Pki {
    /// Makes the root; the rest follows when it is needed.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let mark = plan.mark();
        let mut params = authority::params(name::root(mark), plan.now, 7 * YEAR, 17 * YEAR);
        authority::as_authority(&mut params, None);
        let root = Authority::root(keys::of(Role::Root, &plan), params);
        Self { plan, root, rsa: OnceLock::new(), curve: OnceLock::new() }
    }

    /// How it was made.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &Authority {
        &self.root
    }

    /// The authorities above cards of a generation; v3 and v4 share theirs.
    #[must_use]
    pub fn branch(&self, profile: Profile) -> &Branch {
        match profile {
            Profile::V3 | Profile::V4 => self.rsa.get_or_init(|| {
                self.make(
                    [Role::CardRsa, Role::AuthenticationRsa, Role::SignatureRsa],
                    "006",
                    "0018",
                )
            }),
            Profile::V5 => self.curve.get_or_init(|| {
                self.make(
                    [Role::CardCurve, Role::AuthenticationCurve, Role::SignatureCurve],
                    "008",
                    "0019",
                )
            }),
        }
    }

    fn make(&self, roles: [Role; 3], card: &str, number: &str) -> Branch {
        let (mark, now) = (self.plan.mark(), self.plan.now);
        let [card_role, authentication, signature] = roles;
        let mut params = authority::params(name::card(mark, card), now, 3 * YEAR, 9 * YEAR);
        authority::as_authority(&mut params, Some(1));
        authority::with_list(&mut params, &self.root_point());
        let above = self.root.subordinate(keys::of(card_role, &self.plan), params);
        let issuing = |role, name| {
            let mut params = authority::params(name, now, 2 * YEAR, 8 * YEAR);
            authority::as_authority(&mut params, Some(0));
            authority::with_list(&mut params, &self.card_point(card));
            above.subordinate(keys::of(role, &self.plan), params)
        };
        Branch {
            authentication: issuing(authentication, name::authentication(mark, number)),
            signature: issuing(signature, name::signature(mark, number)),
            card: above,
        }
    }

    /// Where the list of the root is.
    #[must_use]
    pub fn root_point(&self) -> String {
        format!("http://crls.{}ecee.gov.pt/crls/ARL-002.crl", self.plan.mark().host())
    }

    /// Where the list of *Cartão de Cidadão `number`* is.
    #[must_use]
    pub fn card_point(&self, number: &str) -> String {
        let host = self.plan.mark().host();
        format!(
            "http://pki2.{host}cartaodecidadao.pt/entidade-certificacao-cc/lista-revogacao/CC_Root{number}.crl"
        )
    }

    /// Where the list of one partition of citizens is.
    #[must_use]
    pub fn citizen_point(&self, profile: Profile, partition: u16) -> String {
        let host = self.plan.mark().host();
        let issuing = profile.issuing();
        format!(
            "http://pki.{host}cartaodecidadao.pt/publico/lrc/cc_sub-ec_cidadao_autenticacao_crl{issuing}_p{partition:04}.crl"
        )
    }

    /// Lists in force that hold nothing against anybody: of the root, of both *Cartão de Cidadão*,
    /// and of both authentication authorities for partition 0.
    #[must_use]
    pub fn lists(&self) -> Vec<Vec<u8>> {
        let now = self.plan.now;
        let mut lists = vec![self.root.list(&ListPlan::around(now))];
        for profile in [Profile::V4, Profile::V5] {
            let branch = self.branch(profile);
            lists.push(branch.card.list(&ListPlan::around(now)));
            let point = self.citizen_point(profile, 0);
            lists.push(branch.authentication.list(&ListPlan::around(now).at(&point)));
        }
        lists
    }

    /// What belongs among the anchors: the root.
    #[must_use]
    pub fn anchors(&self) -> Vec<Vec<u8>> {
        vec![self.root.certificate.clone()]
    }

    /// What belongs among the intermediates: both *Cartão de Cidadão* and both authentication
    /// authorities.
    #[must_use]
    pub fn intermediates(&self) -> Vec<Vec<u8>> {
        [Profile::V4, Profile::V5]
            .map(|profile| self.branch(profile))
            .iter()
            .flat_map(|branch| [&branch.card, &branch.authentication])
            .map(|authority| authority.certificate.clone())
            .collect()
    }

    /// Writes the folder that the programs read: `anchors/` (PEM), `intermediates/` (DER) and
    /// `lists/` (DER), with the lists of [`Self::lists`].
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_folder(&self, folder: &Path) -> io::Result<()> {
        self.write_folder_with(folder, &self.lists())
    }

    /// The same with other lists.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_folder_with(&self, folder: &Path, lists: &[Vec<u8>]) -> io::Result<()> {
        let (anchors, intermediates) = (folder.join("anchors"), folder.join("intermediates"));
        for one in [&anchors, &intermediates, &folder.join("lists")] {
            std::fs::create_dir_all(one)?;
        }
        std::fs::write(anchors.join("ecraizestado-002.pem"), self.root.pem())?;
        for (position, der) in self.intermediates().iter().enumerate() {
            std::fs::write(intermediates.join(format!("{position}.der")), der)?;
        }
        for (position, der) in lists.iter().enumerate() {
            std::fs::write(folder.join("lists").join(format!("{position}.crl")), der)?;
        }
        Ok(())
    }
}
