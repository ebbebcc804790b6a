//! What is written on a card: the directory of PKCS#15 and the citizen's identity.

use anyhow::Result;
use pregao_test_pki::CardMaterial;
use yasna::{DERWriter, Tag};

use super::files::{Access, Application, FileId};
use super::profile::{CITIZEN, EID, Identity, NATIONAL, Pin, Profile, Purpose};

/// The folder of the citizen's certificates and data.
const CITIZEN_FOLDER: FileId = 0x5F00;
/// The folder of PKCS#15 itself.
const DIRECTORY_FOLDER: FileId = 0x4F00;
/// The card was activated: the byte at offset 5.
const TRACE: [u8; 16] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Where the authentication certificate lies, from the master file.
#[must_use]
pub fn certificate_path(profile: Profile) -> [FileId; 2] {
    match profile {
        Profile::V3 | Profile::V4 | Profile::Unknown => [CITIZEN_FOLDER, 0xEF09],
        Profile::V5 => [CITIZEN_FOLDER, 0xEF02],
    }
}

/// The applications of a card with their files.
///
/// # Errors
/// If the material does not fit the files.
pub(super) fn applications(material: &CardMaterial, holder: &Identity) -> Result<Vec<Application>> {
    Ok(match Profile::from(material.profile) {
        Profile::V3 => vec![citizen(material, holder, 2048)?],
        Profile::V4 => vec![citizen(material, holder, 3072)?],
        Profile::V5 => vec![eid(material), national(holder)],
        Profile::Unknown => Vec::new(),
    })
}

/// v3 and v4: everything in one application.
fn citizen(material: &CardMaterial, identity: &Identity, bits: u32) -> Result<Application> {
    let mut card = Application::new(CITIZEN, true);
    card.folder(&[DIRECTORY_FOLDER], b"DF issuer");
    card.folder(&[CITIZEN_FOLDER], b"DF holder");
    let free = Access::Free;
    card.add(&[0x2F00], &directory(), 128, free);
    card.add(&[0x0003], &TRACE, 0, free);
    card.add(&[DIRECTORY_FOLDER, 0x5031], &objects(), 256, free);
    card.add(&[DIRECTORY_FOLDER, 0x5032], &token(), 128, free);
    let mut holder = |id: FileId, bytes: &[u8], size: usize, read: Access| {
        card.add(&[CITIZEN_FOLDER, id], bytes, size, read);
    };
    holder(0x4401, &pins(), 512, free);
    holder(0xEF0C, &certificates(), 1024, free);
    holder(0xEF0D, &keys(bits), 512, free);
    holder(0xEF0E, &keys(bits), 512, free);
    holder(0xEF09, &material.authentication.certificate, 2500, free);
    holder(0xEF08, &material.signature.certificate, 2500, free);
    holder(0xEF10, &material.authentication_authority, 2500, free);
    holder(0xEF0F, &material.signature_authority, 2500, free);
    holder(0xEF11, &material.card_authority, 2500, free);
    holder(0xEF02, &identity_by_offset(identity)?, 15500, free);
    holder(0xEF05, &[], 2700, Access::After(Pin::Address));
    // The place of the signed digests. What is in it is no CMS: nothing here reads it.
    holder(0xEF06, &[0x77, 0x82, 0x00, 0x02, 0x30, 0x00], 4000, free);
    holder(0xEF07, &[], 1000, free);
    Ok(card)
}

/// v5: keys and certificates.
fn eid(material: &CardMaterial) -> Application {
    let mut card = Application::new(EID, true);
    card.folder(&[CITIZEN_FOLDER], b"DF holder");
    card.add(&[0x0003], &TRACE, 0, Access::Free);
    let [folder, id] = certificate_path(Profile::V5);
    card.add(&[folder, id], &material.authentication.certificate, 2500, Access::Free);
    card.add(&[CITIZEN_FOLDER, 0xEF04], &material.signature.certificate, 2500, Access::Free);
    card
}

/// v5: identity.
fn national(holder: &Identity) -> Application {
    let mut card = Application::new(NATIONAL, false);
    let free = Access::Free;
    card.add(&[0x0101], machine_readable(holder).concat().as_bytes(), 128, free);
    card.add(&[0x0102], &[0x62, 0x00], 64, free);
    card.add(&[0x010D], &identity_by_tag(holder), 1024, free);
    card.add(&[0x010E], &[0x6E, 0x00], 541, free);
    card.add(&[0x010F], &[0x6F, 0x00], 256, free);
    card.add(&[0x011D], &[0x77, 0x82, 0x00, 0x02, 0x30, 0x00], 2500, free);
    card
}

// ---------------------------------------------------------------------------------- PKCS#15

/// A path as PKCS#15 writes it, from the master file on.
fn path(writer: DERWriter<'_>, path: &[FileId]) {
    let bytes: Vec<u8> = [0x3F00].iter().chain(path).flat_map(|id| id.to_be_bytes()).collect();
    writer.write_sequence(|writer| writer.next().write_bytes(&bytes));
}

/// EF.DIR: where the directory of PKCS#15 is.
fn directory() -> Vec<u8> {
    let entry = |writer: DERWriter<'_>, tag: u64, bytes: &[u8]| {
        writer.write_tagged_implicit(Tag::application(tag), |writer| writer.write_bytes(bytes));
    };
    yasna::construct_der(|writer| {
        writer.write_tagged_implicit(Tag::application(1), |writer| {
            writer.write_sequence(|writer| {
                entry(writer.next(), 15, b"DF issuer");
                entry(writer.next(), 16, b"PORTUGAL EID");
                entry(writer.next(), 17, &[0x4F, 0x00]);
            });
        });
    })
}

/// EF.ODF: which file lists what.
fn objects() -> Vec<u8> {
    let lists = [(0, 0xEF0D), (1, 0xEF0E), (4, 0xEF0C), (8, 0x4401)];
    let write = |(tag, id): (u64, FileId)| {
        yasna::construct_der(|writer| {
            writer.write_tagged(Tag::context(tag), |writer| path(writer, &[CITIZEN_FOLDER, id]));
        })
    };
    lists.into_iter().flat_map(write).collect()
}

/// EF.TokenInfo.
fn token() -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            writer.next().write_bytes(&SERIAL);
            writer.next().write_utf8_string("GEMALTO");
            writer.next().write_tagged_implicit(Tag::context(0), |writer| {
                writer.write_utf8_string("CARTAO DE CIDADAO");
            });
            // Read-only, with pseudo-random numbers of its own.
            writer.next().write_bitvec_bytes(&[0b1001_0000], 4);
        });
    })
}

/// The chip's serial number, in TokenInfo and in the CPLC.
pub(super) const SERIAL: [u8; 8] = [0x00, 0x00, 0x54, 0x45, 0x53, 0x54, 0x45, 0x00];

/// Label, flags and PIN that every object begins with.
fn common(writer: DERWriter<'_>, label: &str, flags: &[u8], bits: usize, pin: Option<u8>) {
    writer.write_sequence(|writer| {
        writer.next().write_utf8_string(label);
        writer.next().write_bitvec_bytes(flags, bits);
        if let Some(pin) = pin {
            writer.next().write_bytes(&[pin]);
        }
    });
}

/// What belongs to one kind of object alone.
fn special(writer: DERWriter<'_>, fill: impl FnOnce(&mut yasna::DERWriterSeq<'_>)) {
    writer.write_tagged(Tag::context(1), |writer| writer.write_sequence(fill));
}

/// EF.AODF: the three PINs.
fn pins() -> Vec<u8> {
    let write = |(pin, label, id): (Pin, &str, u8)| {
        yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                common(writer.next(), label, &[0b1100_0000], 2, None);
                writer.next().write_sequence(|writer| writer.next().write_bytes(&[id]));
                special(writer.next(), |writer| {
                    // Local, initialized, padded.
                    writer.next().write_bitvec_bytes(&[0b0100_1100], 6);
                    // ASCII digits.
                    writer.next().write_enum(1);
                    writer.next().write_u8(4);
                    writer.next().write_u8(8);
                    writer.next().write_u8(8);
                    writer.next().write_tagged_implicit(Tag::context(0), |writer| {
                        writer.write_u8(pin.reference());
                    });
                    writer.next().write_bytes(&[0xFF]);
                    path(writer.next(), &[CITIZEN_FOLDER]);
                });
            });
        })
    };
    let pins = [
        (Pin::Authentication, "PIN de Autenticação", 1),
        (Pin::Signature, "PIN de Assinatura", 2),
        (Pin::Address, "PIN de Morada", 3),
    ];
    pins.into_iter().flat_map(write).collect()
}

/// EF.PrKDF, and EF.PuKDF which differs in nothing that matters here.
fn keys(bits: u32) -> Vec<u8> {
    let write = |(purpose, label, id, pin): (Purpose, &str, u8, u8)| {
        let reference = Profile::V4.key_reference(purpose);
        yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                common(writer.next(), label, &[0b1000_0000], 1, Some(pin));
                writer.next().write_sequence(|writer| {
                    writer.next().write_bytes(&[id]);
                    match purpose {
                        Purpose::Authentication => {
                            writer.next().write_bitvec_bytes(&[0b0010_0000], 3);
                        }
                        Purpose::Signature => {
                            writer.next().write_bitvec_bytes(&[0b0000_0000, 0b0100_0000], 10);
                        }
                    }
                    writer.next().write_u8(reference);
                });
                special(writer.next(), |writer| {
                    path(writer.next(), &[CITIZEN_FOLDER]);
                    writer.next().write_u32(bits);
                });
            });
        })
    };
    let keys = [
        (Purpose::Authentication, "CITIZEN AUTHENTICATION KEY", 0x45, 1),
        (Purpose::Signature, "CITIZEN SIGNATURE KEY", 0x46, 2),
    ];
    keys.into_iter().flat_map(write).collect()
}

/// EF.CDF: the five certificates.
fn certificates() -> Vec<u8> {
    let write = |(label, id, authority, file): (&str, u8, bool, FileId)| {
        yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                common(writer.next(), label, &[], 0, None);
                writer.next().write_sequence(|writer| {
                    writer.next().write_bytes(&[id]);
                    if authority {
                        writer.next().write_bool(true);
                    }
                });
                special(writer.next(), |writer| path(writer.next(), &[CITIZEN_FOLDER, file]));
            });
        })
    };
    let certificates = [
        ("CITIZEN AUTHENTICATION CERTIFICATE", 0x45, false, 0xEF09),
        ("CITIZEN SIGNATURE CERTIFICATE", 0x46, false, 0xEF08),
        ("SIGNATURE SUB CA", 0x51, true, 0xEF0F),
        ("AUTHENTICATION SUB CA", 0x52, true, 0xEF10),
        ("ROOT CA", 0x50, true, 0xEF11),
    ];
    certificates.into_iter().flat_map(write).collect()
}

// --------------------------------------------------------------------------------- identity

/// EF02 of v3 and v4: UTF-8 at fixed offsets, padded with NUL.
fn identity_by_offset(holder: &Identity) -> Result<Vec<u8>> {
    let [first, second, third] = machine_readable(holder);
    let fields: [(usize, usize, &str); 20] = [
        (0, 40, "República Portuguesa"),
        (40, 80, "PRT"),
        (120, 34, "Cartão de Cidadão"),
        (154, 28, &holder.document_number),
        (182, 16, &holder.card_number),
        (214, 16, &holder.version),
        (230, 20, &holder.issued),
        (310, 20, &holder.expires),
        (330, 120, &holder.surname),
        (450, 120, &holder.given_name),
        (570, 2, &holder.sex),
        (572, 6, &holder.nationality),
        (578, 20, &holder.birth_date),
        (606, 18, &holder.civil_number),
        (1104, 18, &holder.tax_number),
        (1122, 22, &holder.social_security_number),
        (1144, 18, &holder.health_number),
        (1282, 30, &first),
        (1312, 30, &second),
        (1342, 30, &third),
    ];
    let mut file = vec![0; 15500];
    for (offset, length, text) in fields {
        anyhow::ensure!(
            text.len() <= length,
            "{text:?} is longer than its field of {length} bytes"
        );
        let field = file.iter_mut().skip(offset);
        field.zip(text.bytes()).for_each(|(byte, value)| *byte = value);
    }
    Ok(file)
}

/// 010D of v5: UTF-8 under private tags.
fn identity_by_tag(holder: &Identity) -> Vec<u8> {
    let fields: [(u64, &str); 22] = [
        (0x00, "República Portuguesa"),
        (0x01, "PRT"),
        (0x02, "Cartão de Cidadão"),
        (0x03, &holder.document_number),
        (0x04, &holder.version),
        (0x05, &holder.issued),
        (0x06, "Lisboa"),
        (0x07, &holder.expires),
        (0x08, &holder.surname),
        (0x09, &holder.given_name),
        (0x0A, &holder.sex),
        (0x0B, &holder.nationality),
        (0x0C, &holder.birth_date),
        (0x0D, &holder.height),
        (0x10, &holder.civil_number),
        (0x11, ""),
        (0x12, ""),
        (0x13, ""),
        (0x14, ""),
        (0x15, &holder.tax_number),
        (0x16, &holder.social_security_number),
        (0x17, &holder.health_number),
    ];
    yasna::construct_der(|writer| {
        writer.write_tagged_implicit(Tag::application(13), |writer| {
            writer.write_sequence(|writer| {
                for (tag, text) in fields {
                    writer.next().write_tagged_implicit(Tag::private(tag), |writer| {
                        writer.write_utf8_string(text);
                    });
                }
            });
        });
    })
}

/// Three lines of thirty characters. The check digits are not computed: nothing here reads them.
fn machine_readable(holder: &Identity) -> [String; 3] {
    let plain = |text: &str| -> String {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '<' };
        text.chars().map(letter).collect()
    };
    let names = format!("{}<<{}", plain(&holder.surname), plain(&holder.given_name));
    [format!("I<PRT{}", holder.civil_number), "PRT".to_owned(), names]
        .map(|line| format!("{line:<<30}").chars().take(30).collect())
}
