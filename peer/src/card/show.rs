//! What `pregao card` prints: readers, who holds a card, and a trial signature.

use pregao_protocol::value::clock::Time;
use pregao_protocol::value::label::TEST_SIGN;
use serde_json::{Value, json};

use super::prompt::{self, PromptError, Terminal};
use super::{Card, CardError, Facts, Seen, facts};
use crate::text::sanitize::sanitize;

/// A line for each reader.
pub(crate) fn readers(seen: &[Seen], json: bool) -> Vec<String> {
    seen.iter().map(|seen| if json { reader_json(seen) } else { reader_text(seen) }).collect()
}

fn reader_text(seen: &Seen) -> String {
    let what = match &seen.card {
        Ok(card) => {
            let pinpad = if card.has_pinpad() { ", keypad for the PIN" } else { "" };
            format!("{} (citizen card {}{pinpad})", card.holder().name, card.generation())
        }
        Err(CardError::EmptyReader) => "empty".to_owned(),
        Err(error) => error.to_string(),
    };
    format!("{}  {}: {what}", seen.number, sanitize(&seen.reader))
}

fn reader_json(seen: &Seen) -> String {
    let mut line = json!({"event": "reader", "number": seen.number, "reader": seen.reader});
    let more = match &seen.card {
        Ok(card) => json!({
            "state": "card",
            "holder": card.holder().name,
            "generation": card.generation().to_string(),
            "pinpad": card.has_pinpad(),
        }),
        Err(CardError::EmptyReader) => json!({"state": "empty"}),
        Err(error) => json!({"state": "failed", "message": error.to_string()}),
    };
    if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
        line.extend(more);
    }
    line.to_string()
}

/// What the card says of itself as of `now`, and the civil number if it was asked for.
pub(crate) fn show(
    card: &mut Card,
    civil_number: bool,
    json: bool,
    now: Time,
) -> Result<Vec<String>, CardError> {
    let tries = card.tries_left()?;
    let holder = card.holder();
    let number = if civil_number {
        holder.civil_number.expose().to_owned()
    } else {
        holder.civil_number.to_string()
    };
    let unreadable = || CardError::Certificate("no names and dates in it".to_owned());
    let own = facts(card.certificate()).ok_or_else(unreadable)?;
    let authorities: Vec<Facts> = card.issuers().iter().filter_map(|der| facts(der)).collect();
    if json {
        let names: Vec<&str> = authorities.iter().map(|facts| facts.subject.as_str()).collect();
        let line = json!({
            "event": "card",
            "reader": card.reader(),
            "holder": holder.name,
            "civil_number": number,
            "generation": card.generation().to_string(),
            "issuer": own.issuer,
            "authorities": names,
            "not_before": own.not_before,
            "not_after": own.not_after,
            "tries_left": tries.left(),
            "pinpad": card.has_pinpad(),
        });
        return Ok(vec![line.to_string()]);
    }
    let mut lines = vec![
        format!("name          {}", holder.name),
        format!("civil number  {number}"),
        format!("card          {} in {}", card.generation(), sanitize(card.reader())),
        format!("valid         {} to {}{}", own.not_before, own.not_after, outside(&own, now)),
        format!("issued by     {}, as the card says: nobody judged that here", own.issuer),
    ];
    let above = |facts: &Facts| format!("on the card   {}, by {}", facts.subject, facts.issuer);
    lines.extend(authorities.iter().map(above));
    lines.push(format!("PIN           {tries}"));
    Ok(lines)
}

/// What to say of a certificate that is not valid at the time.
fn outside(facts: &Facts, now: Time) -> &'static str {
    if now > facts.not_after {
        " - EXPIRED: nobody accepts this card"
    } else if now < facts.not_before {
        " - NOT VALID YET: compare this machine's clock"
    } else {
        ""
    }
}

/// Has the card sign these random bytes under a label that nothing accepts.
pub(crate) fn test_sign(
    card: &mut Card,
    random: [u8; 32],
    pin_file: Option<&std::path::Path>,
    terminal: &mut dyn Terminal,
    json: bool,
) -> Result<Vec<String>, PromptError> {
    let message = [TEST_SIGN.as_bytes(), &random].concat();
    let lines = ["trial: signs random bytes, which are then thrown away; nothing is sent"];
    let signature = prompt::sign(card, &message, &lines, pin_file, terminal)?;
    let bits = signature.len() * 8;
    Ok(vec![if json {
        json!({
            "event": "test-signed",
            "holder": card.holder().name,
            "generation": card.generation().to_string(),
            "signature_bits": bits,
        })
        .to_string()
    } else {
        format!(
            "the card of {} signs, and its signature of {bits} bits verifies",
            card.holder().name
        )
    }])
}
