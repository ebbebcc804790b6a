//! Verdicts in plain words.

use std::io::{self, Write};
use std::path::Path;

use pregao_protocol::audit::compare::{Contradiction, Finding, RecordedEnd};
use pregao_protocol::audit::evidence::{Accused, Evidence, Shown};
use pregao_protocol::audit::verdict::{
    AuctionShown, BidShown, Examined, Found, Pins, ReceiptShown, ReserveShown, RevealEnd,
    RevealShown, SealedShown, Standing, Subject, Verdict,
};
use pregao_protocol::log::{Entry, Receipt};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::reserve;
use pregao_protocol::room::auction::rule::Bidding;
use pregao_protocol::room::auction::{Late, Outcome, Phase};
use pregao_protocol::room::body::{Body, PriceRule, Side};
use pregao_protocol::trust::key::Fingerprint;

use super::letter::of_letter;
use super::timeline::of_deposit;
use super::{Judged, Kept};
use crate::rule;
use crate::text::amount::print_in;
use crate::text::sanitize::sanitize;

/// Tells what a file shows, or why it does not hold.
pub(super) fn file(
    path: &Path,
    judged: &Judged<'_>,
    pins: &Pins,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = sanitize(&path.display().to_string());
    match judged {
        Judged::Examined(examined, _) => verdict(&name, examined, pins, out),
        Judged::Evidence(evidence, shown) => self::evidence(&name, evidence, shown, out),
        Judged::Unread(why) => writeln!(out, "{name}: UNREADABLE: {}", sanitize(why)),
    }
}

fn verdict(
    name: &str,
    examined: &Examined<'_>,
    pins: &Pins,
    out: &mut impl Write,
) -> io::Result<()> {
    let shown = &examined.verdict;
    if let Found::Nothing(fault) = &examined.found {
        let why = sanitize(&fault.to_string());
        if shown.verdict == Standing::Unreadable {
            return writeln!(
                out,
                "{name}: UNREADABLE: {why}; give a file from `pregao export`, or evidence"
            );
        }
        let rule = shown.rule.map_or("?", |rule| rule.as_str());
        let place = shown.entry.map_or_else(String::new, |entry| format!(" at entry {entry}"));
        return writeln!(out, "{name}: DOES NOT HOLD: {why} (rule {rule}{place})");
    }
    writeln!(out, "{name}: holds: {}", headline(shown))?;
    let mut lines = Vec::new();
    if let Some(auction) = &shown.auction {
        of_auction(auction, &mut lines);
    }
    if let Some(reveal) = &shown.reveal {
        of_reveal(reveal, &mut lines);
    }
    if let Some(receipt) = &shown.receipt {
        of_receipt(receipt, &mut lines);
    }
    if let Found::Receipt(both) = &examined.found {
        lines.extend(of_left(&both.0));
    }
    if let Some(letter) = &shown.letter {
        of_letter(letter, &mut lines);
    }
    if let Some(deposit) = &shown.deposit {
        of_deposit(deposit, &mut lines);
    }
    of_trust(shown, pins, &mut lines);
    for line in lines {
        writeln!(out, "  {}", sanitize(&line))?;
    }
    Ok(())
}

fn headline(shown: &Verdict) -> String {
    let room = shown.room.map_or_else(String::new, |room| room.to_string());
    let size = shown.size.unwrap_or_default();
    match (shown.kind, &shown.receipt) {
        (Subject::Receipt, Some(receipt)) => {
            let (entry, verb, time) = (receipt.entry, receipt.verb, receipt.time);
            format!("receipt of entry {entry} ({verb}) of room {room}, stamped {time}")
        }
        (Subject::Letter, _) => format!("letter in box {room}"),
        (Subject::Deposit, _) => format!("what became of a letter in box {room}"),
        (Subject::Certificate, _) => "certificate of a broker for its other keys".to_owned(),
        _ => format!("log of room {room} with {size} entries"),
    }
}

fn of_auction(auction: &AuctionShown, lines: &mut Vec<String>) {
    let currency = auction.currency.to_string();
    let money = |minor: u64| print_in(minor, &currency);
    lines.push(format!("auction of \"{}\"", auction.title.as_str()));
    let first = money(auction.start.minor().max(1));
    let asked = match (&auction.sealed, auction.dutch) {
        (_, Some(dutch)) => format!(
            "price fell from {first} by {} every {} s, to {}; the earliest bid has it",
            money(dutch.fall.minor()),
            dutch.every,
            money(dutch.floor.minor())
        ),
        (Some(_), None) => format!("first bid at least {first}"),
        (None, None) => {
            let more = money(auction.increment.minor());
            format!("first bid at least {first}, then {more} more each time")
        }
    };
    lines.push(format!("  {asked}; listed {}, by the key {}", auction.listed, auction.seller));
    if let Some(sealed) = &auction.sealed {
        of_sealed(sealed, auction.reserve.is_some(), lines);
    }
    if let Some(reserve) = &auction.reserve {
        lines.push(format!("  {}", of_reserve(auction, reserve, &money)));
    }
    of_terms(auction, &money, lines);
    lines.push(format!("  {}", phase(auction)));
    if let Some(closed) = &auction.closed {
        let late = match closed.late {
            None => "in time".to_owned(),
            Some(late) => format!("LATE: {}; either side could withdraw", lateness(late)),
        };
        lines.push(format!("  closed by entry {} at {}, {late}", closed.entry, closed.time));
    }
    let unopened = auction.sealed.as_ref().map_or(0, |sealed| sealed.unopened);
    lines.push(match auction.bids.len() {
        0 if unopened == 1 => "  1 bid is still sealed".to_owned(),
        0 if unopened > 1 => format!("  {unopened} bids are still sealed"),
        0 => "  no bids".to_owned(),
        1 => "  1 bid, and why it counts:".to_owned(),
        count if auction.dutch.is_some() => {
            format!("  {count} bids, of which the earliest stamp is first, and why each counts:")
        }
        count => format!("  {count} bids, in the order that counts, and why each does:"),
    });
    lines.extend(auction.bids.iter().map(|bid| of_bid(bid, &money)));
    let void = auction.sealed.iter().flat_map(|sealed| &sealed.void);
    lines.extend(void.map(|void| {
        let says = void.says.as_ref().map(|says| format!(": “{}”", sanitize(says.as_str())));
        format!("    entry {}: VOID: {}{}", void.entry, void.cause, says.unwrap_or_default())
    }));
    for forfeit in &auction.forfeits {
        let bids: Vec<String> = forfeit.bids.iter().map(u64::to_string).collect();
        lines.push(format!(
            "  entry {} takes away the bids of entries {}: their author did not disclose in time",
            forfeit.entry,
            bids.join(", ")
        ));
    }
}

/// How sealed bids are opened, and what the winner pays.
fn of_sealed(sealed: &SealedShown, reserved: bool, lines: &mut Vec<String>) {
    let pays = match sealed.price {
        PriceRule::First => "its own amount",
        PriceRule::Second if reserved => "the highest that loses, and at least the reserve",
        PriceRule::Second => "the highest that loses",
    };
    lines
        .push(format!("  sealed bids: the highest wins, of equal ones the first, and pays {pays}"));
    let opened = sealed.opened.map(|entry| format!("; opened by entry {entry}"));
    lines.push(format!(
        "  the broker and {} of {} TSAs open them, from {} on{}",
        sealed.needed,
        sealed.of,
        sealed.opens,
        opened.unwrap_or_default()
    ));
    let locks: Vec<String> = sealed.locks.iter().map(ToString::to_string).collect();
    let tsas = if locks.len() == 1 { "TSA" } else { "TSAs" };
    lines.push(format!("  locked by the {tsas} {}", locks.join(", ")));
}

/// What is known of a hidden reserve.
fn of_reserve(
    auction: &AuctionShown,
    shown: &ReserveShown,
    money: &impl Fn(u64) -> String,
) -> String {
    let ReserveShown { standing, needed, of, opens, sealed, opened, amount, cause } = shown;
    let is_over = auction.bought || matches!(auction.phase, Phase::Ended(_));
    let sealed = sealed.map(|entry| format!(", sealed by entry {entry}")).unwrap_or_default();
    let opened = opened.map(|entry| format!(", opened by entry {entry}")).unwrap_or_default();
    match standing {
        reserve::Standing::Awaited if auction.phase == Phase::Open => {
            "hidden reserve: its seller has not sealed it yet, and nobody can bid".to_owned()
        }
        reserve::Standing::Awaited => {
            "hidden reserve: its seller never sealed it, and nobody could bid".to_owned()
        }
        reserve::Standing::Sealed if is_over => {
            format!("hidden reserve{sealed}: never opened, and nothing opens it any more")
        }
        reserve::Standing::Sealed if auction.sealed.is_some() => format!(
            "hidden reserve{sealed}: the broker and {needed} of {of} TSAs open it with the bids, from {opens} on"
        ),
        reserve::Standing::Sealed => format!(
            "hidden reserve{sealed}: its seller, or the broker and {needed} of {of} TSAs from {opens} on, open it"
        ),
        reserve::Standing::Open(_) => {
            let amount = amount.map(|amount| money(amount.minor())).unwrap_or_default();
            format!("hidden reserve of {amount}{sealed}{opened}")
        }
        reserve::Standing::Void(_) => {
            let cause = cause.map(|cause| cause.to_string()).unwrap_or_default();
            format!("hidden reserve{sealed}{opened}: VOID, so that it counts as none: {cause}")
        }
        reserve::Standing::Unopened => {
            format!("hidden reserve{sealed}: not opened within a day, so that it counts as none")
        }
    }
}

/// What not every listing says.
fn of_terms(auction: &AuctionShown, money: &impl Fn(u64) -> String, lines: &mut Vec<String>) {
    let mut terms: Vec<String> = auction
        .steps
        .iter()
        .map(|step| {
            let (from, more) = (money(step.from.minor()), money(step.increment.minor()));
            format!("from {from} on {more} more each time")
        })
        .collect();
    terms.extend(auction.begin.map(|begin| format!("bids count from {begin} on")));
    let raise = auction.max_raise.map(|most| money(most.minor()));
    terms.extend(raise.map(|most| format!("no bid raises the price by more than {most}")));
    let price = auction.buy_now.map(|price| money(price.minor()));
    terms.extend(price.map(|price| match auction.bought {
        true => format!("it could be bought at once for {price}, and was: no later bid counts"),
        false => {
            format!("it could be bought at once for {price}, until another bid was half of that")
        }
    }));
    terms.extend(auction.bids_each.map(|bids| {
        format!("no bidder was to have more than {bids} bids logged, which the broker alone could see to")
    }));
    terms.extend(auction.citizens.as_ref().map(|citizens| {
        let play = if citizens.test { "; test cards counted, so it was a play" } else { "" };
        format!(
            "one persona of each citizen was to list and bid, of those that a card enrolled from {} to {} by the issuer {}{play}; \
             the statement holds, and whose the bids are the broker alone saw",
            citizens.from, citizens.until, citizens.issuer
        )
    }));
    lines.extend(terms.into_iter().map(|term| format!("  {term}")));
    if let Some(rule) = &auction.rule {
        let bidding = if auction.sealed.is_some() { Bidding::Sealed } else { Bidding::Open };
        let why = "the seller's rule refuses bids that it does not answer with true:";
        lines.push(format!("  {why}"));
        lines.extend(rule::shown(rule, bidding).into_iter().map(|line| format!("    {line}")));
    }
}

fn phase(auction: &AuctionShown) -> String {
    let end = auction.end;
    let sold = |word: &str| {
        let price =
            auction.price.map(|price| print_in(price.minor(), &auction.currency.to_string()));
        match (auction.winner, price) {
            (Some(winner), Some(price)) => format!("{word}: entry {winner} won, for {price}"),
            _ => word.to_owned(),
        }
    };
    match auction.phase {
        Phase::Open => format!("NOT OVER: bids count until {end}"),
        Phase::Closed => "NOT OVER: it is closed, and no winner stands named".to_owned(),
        Phase::Settled { .. } => sold("NOT OVER: the two have not disclosed yet"),
        Phase::Ended(Outcome::Sold { .. }) => sold("sold"),
        Phase::Ended(Outcome::Unsold) => "unsold: there is no bid, or none that is left".to_owned(),
        Phase::Ended(Outcome::BelowReserve) => {
            "not sold: no bid that is left reaches the reserve".to_owned()
        }
        Phase::Ended(Outcome::Void) => {
            "void: no witness dates the close before the sealed bids could be read".to_owned()
        }
        Phase::Ended(Outcome::Unopened) => {
            "not sold: the sealed bids were not opened within a day".to_owned()
        }
        Phase::Ended(Outcome::Abandoned) => sold("not sold: the seller did not disclose in time"),
        Phase::Ended(Outcome::Unlisted { successor }) => {
            let again =
                successor.map(|room| format!("; by its word it is offered again in {room}"));
            format!(
                "not sold: the seller took it back before the first bid{}",
                again.unwrap_or_default()
            )
        }
        Phase::Ended(Outcome::Withdrawn(side)) => {
            sold(&format!("not sold: the {} withdrew, as the rules allowed", word(side)))
        }
    }
}

const fn lateness(late: Late) -> &'static str {
    match late {
        Late::Stamp => "it was stamped after the end and its grace",
        Late::Witness => "no witness saw it in time",
        Late::Settled => "the winner was named too long after it",
        Late::Opened => "what was sealed was opened too long after it could be, or not at all",
        Late::Sealing => "nobody could bid for too long after it was listed",
    }
}

const fn word(side: Side) -> &'static str {
    match side {
        Side::Seller => "seller",
        Side::Winner => "winner",
    }
}

fn of_bid(bid: &BidShown, money: &impl Fn(u64) -> String) -> String {
    let gone = if bid.forfeited { "; FORFEITED since" } else { "" };
    let under = bid.paddle.as_ref().map_or_else(String::new, |paddle| format!(", paddle {paddle}"));
    format!(
        "    entry {}: {} at {}, at least {} and before the end {}{under}{gone}",
        bid.entry,
        money(bid.amount.minor()),
        bid.time,
        money(bid.least.minor()),
        bid.end
    )
}

fn of_reveal(reveal: &RevealShown, lines: &mut Vec<String>) {
    lines.push(format!(
        "private room of seller and winner, after entry {} of auction {}",
        reveal.settled, reveal.auction
    ));
    let deadline = reveal.deadline;
    lines.push(match (reveal.end, reveal.by, &reveal.absent) {
        (RevealEnd::Disclosed, ..) => "  both disclosed".to_owned(),
        (RevealEnd::Withdrawn, Some(side), _) => format!("  the {} withdrew", word(side)),
        (RevealEnd::Absent, _, Some(gone)) => {
            let gone: Vec<&str> = gone.iter().map(|side| word(*side)).collect();
            format!("  absent at the deadline, {deadline}: {}", gone.join(" and "))
        }
        _ => format!("  NOT OVER: both have until {deadline}"),
    });
}

fn of_receipt(receipt: &ReceiptShown, lines: &mut Vec<String>) {
    lines.push(format!("the action's digest is {}, its key {}", receipt.digest, receipt.key));
    lines.push(
        "it shows that the broker logged it there; what followed in the log it does not show"
            .to_owned(),
    );
}

/// What the receipt of a letter says of it, in a line.
fn of_left(receipt: &Receipt) -> Option<String> {
    let entry = Entry::parse(&receipt.entry).ok()?;
    let action = Action::parse(&entry.action).ok()?;
    let Body::Deposit(deposit) = action.body() else { return None };
    let (bytes, digest) = (deposit.envelope.size.size(), deposit.envelope.digest);
    let files = deposit.attachments.len();
    let registered = if deposit.registered.is_some() { ", registered" } else { "" };
    Some(format!(
        "a letter was left: {bytes} bytes sealed, {files} files beside it{registered}, envelope {digest}; who wrote it, what \
         it says and what became of it is not shown"
    ))
}

fn of_trust(shown: &Verdict, pins: &Pins, lines: &mut Vec<String>) {
    if shown.simulated == Some(true) {
        lines.push("SIMULATED TIME: its stamps show no real time".to_owned());
    }
    match (shown.is_final, shown.cosigned.as_deref()) {
        (Some(is_final), Some(by)) => {
            let by: Vec<&str> = by.iter().map(|operator| operator.as_str()).collect();
            let by = if by.is_empty() { "nobody".to_owned() } else { by.join(", ") };
            let quorum = shown.quorum.unwrap_or_default();
            lines.push(if is_final {
                format!("final: witnessed by {by}; {quorum} of them must have lied if there is another log")
            } else {
                let all = if quorum == 1 { "operator" } else { "different operators" };
                format!("NOT FINAL: witnessed by {by}, and it takes {quorum} {all}")
            });
        }
        _ if shown.reveal.is_none() && shown.kind != Subject::Certificate => {
            lines.push(
                "no witnesses are named: the broker alone vouches that this is the only log"
                    .to_owned(),
            );
        }
        _ => {}
    }
    if shown.certified == Some(false) {
        lines.push(
            "THE BROKER'S CERTIFICATE IS NOT HERE: anybody could have made this under keys of their own; that \
             certificate, or a transcript of that broker, beside it would show"
                .to_owned(),
        );
    }
    lines.push("what it cannot show: compare these with what you know from elsewhere".to_owned());
    let pinned = |is: bool| if is { " (as you gave it)" } else { "" };
    if let Some(room) = shown.room {
        lines.push(format!("  room      {room}{}", pinned(pins.room == Some(room))));
    }
    if let Some(broker) = shown.broker {
        lines.push(format!("  broker    {broker}{}", pinned(pins.broker == Some(broker))));
    }
    let tsa = |print: &Fingerprint| pinned(pins.tsa.contains(print));
    for stamp in shown.stamps.iter().flatten() {
        lines.push(format!("  TSA       {stamp}{}", tsa(stamp)));
    }
    for authority in shown.authorities.iter().flatten() {
        lines.push(format!("  CA        {authority}{}", tsa(authority)));
    }
    for witness in shown.witnesses.iter().flatten() {
        let (name, operator, key) = (&witness.name, &witness.operator, witness.key);
        lines.push(format!("  witness   {key} {name}, run by {operator}"));
    }
}

fn evidence(
    name: &str,
    evidence: &Evidence,
    shown: &Result<Shown, String>,
    out: &mut impl Write,
) -> io::Result<()> {
    match shown {
        Ok(shown) => {
            let who = accused(evidence);
            let about = shown.room.map_or_else(String::new, |room| format!(" about room {room}"));
            let (by, what) = (shown.by, sanitize(&shown.what));
            writeln!(out, "{name}: holds: evidence{about}: {by} {what}")?;
            writeln!(out, "  {by} is the fingerprint of {who}: compare it with the one you know")
        }
        Err(why) => writeln!(out, "{name}: DOES NOT HOLD: {}", sanitize(why)),
    }
}

/// Whom evidence is against, by which key.
pub(crate) const fn accused(evidence: &Evidence) -> &'static str {
    match evidence.against() {
        Accused::Broker => "the broker's session key",
        Accused::Tsa => "the TSA's stamp key",
        Accused::Witness => "the witness's key",
    }
}

/// Tells where an auction bears out how its reveal room ended.
pub(super) fn end(
    reveal: &Path,
    auction: &Path,
    end: &RecordedEnd,
    out: &mut impl Write,
) -> io::Result<()> {
    let [reveal, auction] = [reveal, auction].map(|path| sanitize(&path.display().to_string()));
    let entry = end.entry;
    let standing = if end.is_final {
        "which is final: so is this end"
    } else {
        "which is not final: nor is this end"
    };
    writeln!(out, "{reveal}: its end is recorded by entry {entry} of {auction}, {standing}")
}

/// Tells what was found in two files together.
pub(super) fn finding(
    files: [&Path; 2],
    finding: &Finding,
    kept: &Kept<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    let [first, second] = files.map(|path| sanitize(&path.display().to_string()));
    let who = match finding.kind.against() {
        Accused::Broker => "broker",
        Accused::Tsa => "TSA",
        Accused::Witness => "witness",
    };
    let room = finding.room.map_or_else(String::new, |room| format!(", room {room}"));
    let (by, what) = (finding.by, sanitize(&finding.what));
    if !finding.is_certified {
        writeln!(
            out,
            "{second}: CONTRADICTS {first}{room}: whoever made their keys {what}; they name {who} {by}, and \
             nothing here shows that the keys are its"
        )?;
        return writeln!(out, "  keep both, and give a transcript of that broker beside them");
    }
    writeln!(out, "{second}: CONTRADICTS {first}: {who} {by}{room}: it {what}")?;
    match (kept, &finding.evidence) {
        (Kept::Written(_) | Kept::Failed(_) | Kept::After(_), _) => written(kept, out),
        (Kept::NotAsked, Some(_)) => {
            writeln!(out, "  keep both, they prove it; --evidence FILE writes the proof to a file")
        }
        (Kept::NotAsked, None) if finding.kind == Contradiction::Seen => {
            writeln!(
                out,
                "  the author alone says so: keep both, and ask for the log that they saw"
            )
        }
        (Kept::NotAsked, None) => writeln!(
            out,
            "  keep both; it takes a transcript with the broker's certificate to prove it to others"
        ),
    }
}

/// Tells that a broker signed exactly the log that does not hold.
pub(super) fn signed(
    path: &Path,
    shown: &Shown,
    kept: &Kept<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    let (name, what) = (sanitize(&path.display().to_string()), sanitize(&shown.what));
    writeln!(out, "{name}: ITS BROKER SIGNED THIS: {} {what}", shown.by)?;
    match kept {
        Kept::NotAsked => {
            writeln!(out, "  keep it, it proves that; --evidence FILE writes the proof to a file")
        }
        Kept::Written(_) | Kept::Failed(_) | Kept::After(_) => written(kept, out),
    }
}

fn written(kept: &Kept<'_>, out: &mut impl Write) -> io::Result<()> {
    match kept {
        Kept::NotAsked => Ok(()),
        Kept::Written(path) => writeln!(out, "  the evidence is in {}", path.display()),
        Kept::Failed(error) => {
            writeln!(out, "  THE EVIDENCE COULD NOT BE WRITTEN: {error}; keep what you checked")
        }
        Kept::After(path) => writeln!(
            out,
            "  {} has the proof above: check these files by themselves with another --evidence FILE",
            path.display()
        ),
    }
}
