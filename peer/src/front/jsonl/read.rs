//! Commands as JSON lines.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Asked, GivenId};
use crate::command::{Command, UsageError};
use crate::front::lines::{LONGEST_LINE, TakenLine};

/// Longest `id` given back, in bytes, with its quotes.
pub(super) const LONGEST_ID: usize = 130;

/// Reads one line: nothing if it is empty. The `id` is given back with a mistake where it is
/// known.
pub(in crate::front) fn take_line(
    line: &TakenLine,
) -> Result<Option<Asked>, (GivenId, UsageError)> {
    let nameless = |message: &str| (None, usage_error(message));
    let TakenLine::Whole(bytes) = line else {
        return Err(nameless(&format!("the line is longer than {LONGEST_LINE} bytes")));
    };
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| nameless("the line is not UTF-8"))?;
    let Members { members, twice } = serde_json::from_str(text).map_err(|error| {
        nameless(&match error.classify() {
            serde_json::error::Category::Data => "the line is not a JSON object".to_owned(),
            _ => format!("the line is not JSON: {error}"),
        })
    })?;
    let id = id_of(&members).map_err(nameless)?;
    let named = |message: &str| (id.clone(), usage_error(message));
    if let Some(name) = twice {
        let name = crate::text::sanitize::shortened(&name, 20);
        return Err(named(&format!("the member `{name}` occurs twice")));
    }
    let mut rest = serde_json::Map::new();
    let mut yes = false;
    for (name, value) in members.into_iter().filter(|(name, _)| name != "id") {
        let value = serde_json::from_str::<Unique>(value.get())
            .and_then(|Unique| serde_json::from_str(value.get()));
        match (&*name, value.map_err(|error| named(&error.to_string()))?) {
            ("yes", serde_json::Value::Bool(agreed)) => yes = agreed,
            ("yes", _) => return Err(named("`yes` is neither true nor false")),
            (_, value) => drop(rest.insert(name, value)),
        }
    }
    // Commands without places would let unknown members pass.
    let alone = rest.len() == 1;
    let command: Command = serde_json::from_value(serde_json::Value::Object(rest))
        .map_err(|error| named(&error.to_string()))?;
    let usage = command.usage();
    if usage.arguments.is_empty() && usage.keywords.is_empty() && !alone {
        return Err(named(&format!("`{}` takes no members", command.usage().name)));
    }
    Ok(Some((id, command, yes)))
}

/// The one `id` among members, if there is one.
fn id_of(members: &[(String, Box<RawValue>)]) -> Result<GivenId, &'static str> {
    let mut ids = members.iter().filter(|(name, _)| name == "id").map(|(_, value)| value);
    match (ids.next(), ids.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err("the member `id` occurs twice"),
        (Some(id), None) if id.get() == "null" => Ok(None),
        (Some(id), None) if id.get().len() <= LONGEST_ID && is_a_name(id.get()) => {
            Ok(Some(id.clone()))
        }
        (Some(_), None) => Err("the id is neither a short string nor a number"),
    }
}

/// Whether JSON is a string or a number.
fn is_a_name(json: &str) -> bool {
    let string = json.starts_with('"') && serde_json::from_str::<String>(json).is_ok();
    string || json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Members of a JSON object, as written, and the first name that occurs twice.
pub(super) struct Members {
    pub(super) members: Vec<(String, Box<RawValue>)>,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let (mut members, mut names, mut twice) = (Vec::new(), HashSet::new(), None);
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !names.insert(name.clone()) {
                        twice.get_or_insert_with(|| name.clone());
                    }
                    members.push((name, value));
                }
                Ok(Members { members, twice })
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Any JSON in which no object has a member twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Unique;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unique, A::Error> {
                while let Some(Unique) = list.next_element()? {}
                Ok(Unique)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut names = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if names.contains(&name) {
                        let name = crate::text::sanitize::shortened(&name, 20);
                        let message = format!("the member `{name}` occurs twice");
                        return Err(de::Error::custom(message));
                    }
                    names.insert(name);
                    let Unique = map.next_value()?;
                }
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

fn usage_error(message: &str) -> UsageError {
    let advice =
        r#"send one object a line, e.g. {"id":"1","command":"bid","room":"3f2a","amount":"120"}"#;
    UsageError {
        message: crate::text::sanitize::shortened(message, 300),
        advice: advice.to_owned(),
    }
}
