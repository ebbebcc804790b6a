//! Revocation lists: complete ones, delta lists, and lists that nobody should use.

use yasna::models::{GeneralizedTime, ObjectIdentifier, UTCTime};
use yasna::{DERWriter, DERWriterSeq, Tag};

use crate::DAY;
use crate::authority::{Authority, instant};

/// Why a certificate is in a list, by its number in RFC 5280.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No reason is given.
    Unspecified = 0,
    /// Its key became known.
    KeyCompromise = 1,
    /// Suspended: how cards are issued.
    Hold = 6,
    /// In a delta list: no longer in the list.
    Remove = 8,
    /// A number that means nothing.
    Unknown = 11,
}

/// Of whom a list speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Of everybody.
    Everybody,
    /// Not of authorities.
    Citizens,
    /// Of authorities only.
    Authorities,
}

/// What is odd about a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A critical extension that nobody knows.
    UnknownCritical,
    /// The same on each entry.
    UnknownCriticalEntry,
    /// An extension that nobody knows and that need not be known.
    UnknownHarmless,
    /// Speaks of certificates of other issuers too.
    Indirect,
    /// Speaks of some reasons only.
    SomeReasons,
    /// Speaks of attribute certificates.
    Attributes,
    /// A field in its scope that no standard has.
    UnknownScope,
    /// A signature with one bit changed.
    BrokenSignature,
}

/// What a list says.
#[derive(Debug, Clone)]
pub struct ListPlan {
    /// Its number.
    pub number: Option<u64>,
    /// Of a delta list: the number of the complete list it starts from.
    pub delta_of: Option<u64>,
    /// First instant, in seconds since 1970.
    pub this_update: u64,
    /// Last instant.
    pub next_update: Option<u64>,
    /// The distribution point it is for; written into a critical extension.
    pub point: Option<String>,
    /// Of whom it speaks.
    pub only: Only,
    /// Serial numbers, big-endian, with the reason.
    pub entries: Vec<(Vec<u8>, Reason)>,
    /// What is odd about it.
    pub oddity: Option<Oddity>,
}

impl ListPlan {
    /// An empty list, number 100, of yesterday, in force for a week.
    #[must_use]
    pub fn around(now: u64) -> Self {
        Self {
            number: Some(100),
            delta_of: None,
            this_update: now.saturating_sub(DAY),
            next_update: Some(now.saturating_add(6 * DAY)),
            point: None,
            only: Only::Everybody,
            entries: Vec::new(),
            oddity: None,
        }
    }

    /// An empty delta list, number 103, on list 100, of an hour ago, in force for a day.
    #[must_use]
    pub fn delta(now: u64) -> Self {
        Self {
            number: Some(103),
            delta_of: Some(100),
            this_update: now.saturating_sub(3600),
            next_update: Some(now.saturating_add(DAY - 3600)),
            ..Self::around(now)
        }
    }

    /// For one distribution point.
    #[must_use]
    pub fn at(mut self, point: &str) -> Self {
        self.point = Some(point.to_owned());
        self
    }

    /// With one more entry.
    #[must_use]
    pub fn with(mut self, serial: &[u8], reason: Reason) -> Self {
        self.entries.push((serial.to_vec(), reason));
        self
    }

    /// With an oddity.
    #[must_use]
    pub fn odd(mut self, oddity: Oddity) -> Self {
        self.oddity = Some(oddity);
        self
    }

    fn has_scope(&self) -> bool {
        let odd = matches!(
            self.oddity,
            Some(
                Oddity::Indirect | Oddity::SomeReasons | Oddity::Attributes | Oddity::UnknownScope
            )
        );
        self.point.is_some() || self.only != Only::Everybody || odd
    }
}

impl Authority {
    /// Signs a revocation list.
    #[must_use]
    pub fn list(&self, plan: &ListPlan) -> Vec<u8> {
        let algorithm = self.algorithm();
        let content = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_u8(1);
                writer.next().write_der(&algorithm);
                writer.next().write_der(&self.name());
                write_time(writer.next(), plan.this_update);
                if let Some(next_update) = plan.next_update {
                    write_time(writer.next(), next_update);
                }
                if !plan.entries.is_empty() {
                    writer.next().write_sequence(|writer| write_entries(writer, plan));
                }
                writer.next().write_tagged(Tag::context(0), |writer| {
                    writer.write_sequence(|writer| write_extensions(writer, plan));
                });
            });
        });
        let mut signature = self.sign(&content);
        if plan.oddity == Some(Oddity::BrokenSignature)
            && let Some(last) = signature.last_mut()
        {
            *last ^= 1;
        }
        yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_der(&content);
                writer.next().write_der(&algorithm);
                writer.next().write_bitvec_bytes(&signature, signature.len() * 8);
            });
        })
    }
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5280, 5.1.2.4).
fn write_time(writer: DERWriter<'_>, seconds: u64) {
    let time = instant(seconds);
    if time.year() < 2050 {
        writer.write_utctime(&UTCTime::from_datetime(time));
    } else {
        writer.write_generalized_time(&GeneralizedTime::from_datetime(time));
    }
}

fn write_entries(writer: &mut DERWriterSeq<'_>, plan: &ListPlan) {
    for (serial, reason) in &plan.entries {
        writer.next().write_sequence(|writer| {
            writer.next().write_bigint_bytes(serial, true);
            write_time(writer.next(), plan.this_update);
            let unknown = plan.oddity == Some(Oddity::UnknownCriticalEntry);
            if *reason == Reason::Unspecified && !unknown {
                return;
            }
            writer.next().write_sequence(|writer| {
                if *reason != Reason::Unspecified {
                    let code = yasna::construct_der(|writer| writer.write_enum(*reason as i64));
                    write_extension(writer, &[2, 5, 29, 21], false, &code);
                }
                if unknown {
                    write_extension(writer, &[2, 999, 5], true, &null());
                }
            });
        });
    }
}

fn write_extensions(writer: &mut DERWriterSeq<'_>, plan: &ListPlan) {
    if let Some(number) = plan.number {
        write_extension(writer, &[2, 5, 29, 20], false, &integer(number));
    }
    if let Some(base) = plan.delta_of {
        write_extension(writer, &[2, 5, 29, 27], true, &integer(base));
    }
    if plan.has_scope() {
        write_extension(writer, &[2, 5, 29, 28], true, &scope(plan));
    }
    match plan.oddity {
        Some(Oddity::UnknownCritical) => write_extension(writer, &[2, 999, 4], true, &null()),
        Some(Oddity::UnknownHarmless) => write_extension(writer, &[2, 999, 4], false, &null()),
        _ => {}
    }
}

/// The issuing distribution point (RFC 5280, 5.2.5).
fn scope(plan: &ListPlan) -> Vec<u8> {
    let flag = |writer: &mut DERWriterSeq<'_>, tag| {
        let write = |writer: DERWriter<'_>| writer.write_bool(true);
        writer.next().write_tagged_implicit(Tag::context(tag), write);
    };
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            if let Some(point) = &plan.point {
                writer.next().write_tagged(Tag::context(0), |writer| {
                    writer.write_tagged_implicit(Tag::context(0), |writer| {
                        writer.write_sequence(|writer| {
                            writer.next().write_tagged_implicit(Tag::context(6), |writer| {
                                writer.write_ia5_string(point);
                            });
                        });
                    });
                });
            }
            match plan.only {
                Only::Everybody => {}
                Only::Citizens => flag(writer, 1),
                Only::Authorities => flag(writer, 2),
            }
            match plan.oddity {
                Some(Oddity::SomeReasons) => {
                    writer.next().write_tagged_implicit(Tag::context(3), |writer| {
                        writer.write_bitvec_bytes(&[0b0100_0000], 2);
                    });
                }
                Some(Oddity::Indirect) => flag(writer, 4),
                Some(Oddity::Attributes) => flag(writer, 5),
                Some(Oddity::UnknownScope) => flag(writer, 6),
                _ => {}
            }
        });
    })
}

fn write_extension(writer: &mut DERWriterSeq<'_>, oid: &[u64], critical: bool, value: &[u8]) {
    writer.next().write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(oid));
        if critical {
            writer.next().write_bool(true);
        }
        writer.next().write_bytes(value);
    });
}

fn integer(number: u64) -> Vec<u8> {
    yasna::construct_der(|writer| writer.write_u64(number))
}

fn null() -> Vec<u8> {
    yasna::construct_der(|writer| writer.write_null())
}
