//! Citizens and what is on their cards.

use std::sync::Arc;

use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};

use crate::authority::{self, Credential};
use crate::keys::{self, Role};
use crate::name::{self, Purpose};
use crate::{DAY, Pki, Plan, YEAR};

/// A generation of cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Until 2018: RSA 2048.
    V3,
    /// Until 2024: RSA 3072.
    V4,
    /// From 2024 on: P-256, and no certificates of authorities on the card.
    V5,
}

impl Profile {
    /// Number of the issuing authority.
    pub(crate) fn issuing(self) -> &'static str {
        match self {
            Self::V3 | Self::V4 => "0018",
            Self::V5 => "0019",
        }
    }
}

/// Who a citizen is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitizenData {
    /// Given names.
    pub given_name: String,
    /// Surname.
    pub surname: String,
    /// Eight digits.
    pub civil_number: String,
    /// Partition of the revocation lists.
    pub partition: u16,
}

impl CitizenData {
    /// The test citizen with the civil number `number`.
    #[must_use]
    pub fn numbered(number: u32) -> Self {
        Self {
            given_name: "Cidadã".to_owned(),
            surname: format!("de Teste {number}"),
            civil_number: format!("{number:08}"),
            partition: 0,
        }
    }

    /// The text in the subject: `BI`, the civil number and its check digit.
    #[must_use]
    pub fn serial_number(&self) -> String {
        let weighted = self.civil_number.chars().zip((2..=9).rev());
        let sum: u32 =
            weighted.map(|(digit, weight)| digit.to_digit(10).unwrap_or(0) * weight).sum();
        // Ten is written as zero.
        let check = (11 - sum % 11) % 11 % 10;
        format!("BI{}{check}", self.civil_number)
    }
}

/// What is on a card.
#[derive(Debug, Clone)]
pub struct CardMaterial {
    /// The generation.
    pub profile: Profile,
    /// The holder.
    pub citizen: CitizenData,
    /// Authentication key and certificate.
    pub authentication: Credential,
    /// Signature key and certificate.
    pub signature: Credential,
    /// Certificate of the authentication authority; on v3 and v4 cards file EF10.
    pub authentication_authority: Vec<u8>,
    /// Certificate of the signature authority; on v3 and v4 cards file EF0F.
    pub signature_authority: Vec<u8>,
    /// Certificate of *Cartão de Cidadão NNN*; on v3 and v4 cards file EF11.
    pub card_authority: Vec<u8>,
    /// What of these a client reads from the card: all three on v3 and v4, none on v5.
    pub issuers: Vec<Vec<u8>>,
}

/// What is wrong with a card's authentication certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Expired a day ago.
    Expired,
    /// Valid from tomorrow on.
    NotYetValid,
    /// With the key usage of a signature certificate.
    Usage,
    /// Without key usage.
    NoUsage,
    /// Says that it is an authority's.
    Authority,
    /// Signed by other keys under the same names.
    OtherAuthority,
    /// Issued by the signature authority.
    SignatureAuthority,
    /// Issued by a citizen: one level too many.
    ChainTooLong,
    /// With a critical extension that nobody knows.
    UnknownCritical,
}

impl Pki {
    /// Makes a card in good order.
    #[must_use]
    pub fn citizen(&self, profile: Profile, data: &CitizenData) -> CardMaterial {
        self.citizen_with(profile, data, |_| {})
    }

    /// Makes a card whose authentication certificate is `edit`ed before it is signed.
    #[must_use]
    pub fn citizen_with(
        &self,
        profile: Profile,
        data: &CitizenData,
        edit: impl FnOnce(&mut CertificateParams),
    ) -> CardMaterial {
        let branch = self.branch(profile);
        let mut params = self.citizen_params(profile, Purpose::Authentication, data);
        edit(&mut params);
        let key = keys::citizen(profile);
        self.material(profile, data, branch.authentication.certify(&key, &params))
    }

    /// Makes a card whose authentication certificate has a fault.
    #[must_use]
    pub fn faulty(&self, profile: Profile, data: &CitizenData, fault: Fault) -> CardMaterial {
        let now = self.plan().now;
        let edited = |edit: &dyn Fn(&mut CertificateParams)| self.citizen_with(profile, data, edit);
        match fault {
            Fault::Expired => {
                edited(&|params| params.not_after = authority::instant(now.saturating_sub(DAY)))
            }
            Fault::NotYetValid => {
                edited(&|params| params.not_before = authority::instant(now.saturating_add(DAY)))
            }
            Fault::Usage => {
                edited(&|params| params.key_usages = vec![KeyUsagePurpose::ContentCommitment])
            }
            Fault::NoUsage => edited(&|params| params.key_usages.clear()),
            Fault::Authority => edited(&|params| authority::as_authority(params, None)),
            Fault::UnknownCritical => {
                edited(&|params| params.custom_extensions.push(unknown_critical()))
            }
            Fault::OtherAuthority => {
                let foreign = Pki::new(self.plan().clone().foreign());
                foreign.citizen(profile, data)
            }
            Fault::SignatureAuthority => {
                let params = self.citizen_params(profile, Purpose::Authentication, data);
                let key = keys::citizen(profile);
                self.material(profile, data, self.branch(profile).signature.certify(&key, &params))
            }
            Fault::ChainTooLong => self.below_the_last(profile, data),
        }
    }

    /// A citizen below an authority that the authentication authority may not have below itself.
    fn below_the_last(&self, profile: Profile, data: &CitizenData) -> CardMaterial {
        let branch = self.branch(profile);
        let name = name::authentication(self.plan().mark(), "9999");
        let mut params = authority::params(name, self.plan().now, YEAR, YEAR);
        authority::as_authority(&mut params, Some(0));
        let between =
            branch.authentication.subordinate(Arc::new(keys::citizen(Profile::V5)), params);
        let params = self.citizen_params(profile, Purpose::Authentication, data);
        let key = keys::citizen(profile);
        let mut material = self.material(profile, data, between.certify(&key, &params));
        material.issuers.push(between.certificate);
        material
    }

    /// What the authentication certificate of a card in good order says.
    #[must_use]
    pub fn authentication_params(&self, profile: Profile, data: &CitizenData) -> CertificateParams {
        self.citizen_params(profile, Purpose::Authentication, data)
    }

    fn citizen_params(
        &self,
        profile: Profile,
        purpose: Purpose,
        data: &CitizenData,
    ) -> CertificateParams {
        let Plan { now, ocsp, .. } = self.plan();
        let name = name::citizen(self.plan().mark(), purpose, data);
        let mut params = authority::params(name, *now, 30 * DAY, 5 * YEAR);
        params.is_ca = IsCa::NoCa;
        match purpose {
            Purpose::Authentication => {
                params.key_usages =
                    vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
            }
            Purpose::Signature => params.key_usages = vec![KeyUsagePurpose::ContentCommitment],
        }
        authority::with_list(&mut params, &self.citizen_point(profile, data.partition));
        authority::with_ocsp(&mut params, ocsp);
        params
    }

    fn material(
        &self,
        profile: Profile,
        data: &CitizenData,
        authentication: Credential,
    ) -> CardMaterial {
        let branch = self.branch(profile);
        let key = keys::of(Role::CitizenSignature(profile), self.plan());
        let params = self.citizen_params(profile, Purpose::Signature, data);
        let authorities = [&branch.authentication, &branch.signature, &branch.card]
            .map(|authority| authority.certificate.clone());
        let issuers = match profile {
            Profile::V3 | Profile::V4 => authorities.to_vec(),
            Profile::V5 => Vec::new(),
        };
        let [authentication_authority, signature_authority, card_authority] = authorities;
        CardMaterial {
            profile,
            citizen: data.clone(),
            authentication,
            signature: branch.signature.certify(&key, &params),
            authentication_authority,
            signature_authority,
            card_authority,
            issuers,
        }
    }

    /// A responder to which the authentication authority delegated OCSP.
    #[must_use]
    pub fn responder(&self, profile: Profile) -> Credential {
        self.responder_with(profile, |_| {})
    }

    /// The same, `edit`ed before it is signed.
    #[must_use]
    pub fn responder_with(
        &self,
        profile: Profile,
        edit: impl FnOnce(&mut CertificateParams),
    ) -> Credential {
        let name = name::responder(self.plan().mark(), profile.issuing());
        let mut params = authority::params(name, self.plan().now, 30 * DAY, 90 * DAY);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        // Nobody need ask whether the responder itself is revoked (RFC 6960, 4.2.2.2.1).
        let no_check = [1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
        let null = yasna::construct_der(|writer| writer.write_null());
        params.custom_extensions.push(CustomExtension::from_oid_content(&no_check, null));
        edit(&mut params);
        let key: Arc<KeyPair> = keys::of(Role::Responder, self.plan());
        self.branch(profile).authentication.certify(&key, &params)
    }
}

/// An extension under an arc for examples, marked critical.
#[must_use]
fn unknown_critical() -> CustomExtension {
    let null = yasna::construct_der(|writer| writer.write_null());
    let mut extension = CustomExtension::from_oid_content(&[2, 999, 3], null);
    extension.set_criticality(true);
    extension
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_that_of_the_civil_number() {
        let text = |number| CitizenData::numbered(number).serial_number();
        // The published sample.
        assert_eq!(text(601), "BI000006017");
        // A remainder of 0 and a check digit of 10 are both written 0.
        assert_eq!(text(0), "BI000000000");
        assert_eq!(text(6), "BI000000060");
    }

    #[test]
    fn keys_of_authorities_are_those_of_every_pki_but_a_foreign_one() {
        let key = |plan: Plan| Pki::new(plan).root().pkcs8();
        let plan = Plan::quick(1_790_000_000);
        assert_eq!(key(plan.clone()), key(plan.clone()));
        assert_ne!(key(plan.clone()), key(plan.foreign()));
    }

    #[test]
    fn no_name_is_longer_than_x520_allows() {
        let pki = Pki::new(Plan::quick(1_790_000_000));
        let branch = pki.branch(Profile::V5);
        for authority in [pki.root(), &branch.card, &branch.authentication, &branch.signature] {
            let name = authority.params().distinguished_name.get(&rcgen::DnType::CommonName);
            let Some(rcgen::DnValue::Utf8String(name)) = name else { panic!("{name:?}") };
            assert!(name.len() <= 64, "{name}: {}", name.len());
        }
    }
}
