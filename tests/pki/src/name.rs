//! Names, in the order and spelling of the real ones.

use rcgen::{DistinguishedName, DnType, DnValue};

/// Whether names say that they are for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Test,
    None,
}

impl Mark {
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Test => "(Teste) ",
            Self::None => "",
        }
    }

    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::Test => "teste.",
            Self::None => "",
        }
    }
}

fn portuguese() -> DistinguishedName {
    let mut name = DistinguishedName::new();
    let country = "PT".try_into().expect("letters are printable");
    name.push(DnType::CountryName, DnValue::PrintableString(country));
    name
}

pub(crate) fn root(mark: Mark) -> DistinguishedName {
    let mut name = portuguese();
    name.push(DnType::OrganizationName, "Sistema de Certificação Eletrónica do Estado");
    name.push(DnType::CommonName, format!("{}ECRaizEstado 002", mark.prefix()));
    name
}

pub(crate) fn card(mark: Mark, number: &str) -> DistinguishedName {
    let mut name = portuguese();
    name.push(DnType::OrganizationName, "SCEE - Sistema de Certificação Electrónica do Estado");
    name.push(DnType::OrganizationalUnitName, "ECEstado");
    name.push(DnType::CommonName, format!("{}Cartão de Cidadão {number}", mark.prefix()));
    name
}

fn issuing(common: String) -> DistinguishedName {
    let mut name = portuguese();
    name.push(DnType::OrganizationName, "Instituto dos Registos e do Notariado I.P.");
    name.push(DnType::OrganizationalUnitName, "Cartão de Cidadão");
    name.push(second_unit(), "subECEstado");
    name.push(DnType::CommonName, common);
    name
}

pub(crate) fn authentication(mark: Mark, number: &str) -> DistinguishedName {
    issuing(format!("{}EC de Autenticação do Cartão de Cidadão {number}", mark.prefix()))
}

/// "Digital" is left out: with the mark the name would pass the 64 bytes that X.520 allows.
pub(crate) fn signature(mark: Mark, number: &str) -> DistinguishedName {
    issuing(format!("{}EC de Assinatura Qualificada do Cartão de Cidadão {number}", mark.prefix()))
}

/// What a citizen's two certificates are for, as their subject says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Authentication,
    Signature,
}

pub(crate) fn citizen(
    mark: Mark,
    purpose: Purpose,
    data: &crate::CitizenData,
) -> DistinguishedName {
    let unit = match purpose {
        Purpose::Authentication => "Autenticação do Cidadão",
        Purpose::Signature => "Assinatura Qualificada do Cidadão",
    };
    let mut name = portuguese();
    name.push(DnType::OrganizationName, "Cartão de Cidadão");
    name.push(DnType::OrganizationalUnitName, "Cidadão Português");
    name.push(second_unit(), format!("{}{unit}", mark.prefix()));
    name.push(surname(), data.surname.as_str());
    name.push(given_name(), data.given_name.as_str());
    name.push(serial_number(), data.serial_number());
    name.push(DnType::CommonName, format!("{} {}", data.given_name, data.surname));
    name
}

/// The same attribute as `OrganizationalUnitName`, which this library takes once only.
fn second_unit() -> DnType {
    DnType::CustomDnType(vec![2, 5, 4, 11])
}

pub(crate) fn surname() -> DnType {
    DnType::CustomDnType(vec![2, 5, 4, 4])
}

pub(crate) fn given_name() -> DnType {
    DnType::CustomDnType(vec![2, 5, 4, 42])
}

pub(crate) fn serial_number() -> DnType {
    DnType::CustomDnType(vec![2, 5, 4, 5])
}

pub(crate) fn responder(mark: Mark, number: &str) -> DistinguishedName {
    issuing(format!("{}OCSP do Cartão de Cidadão {number}", mark.prefix()))
}
