//! Reads what a seller types of an auction: its listing, the listing of an item again, and the end of one without bids.

use pregao_protocol::room::auction::paddle::MAX_BIDS;
use pregao_protocol::room::body::PriceRule;

use super::{Word, Words, bounded, closed_quotes, named_or_current, usage_error, wrong_usage};
use crate::command::unclear::split_price;
use crate::command::{
    Command, LocksAsked, LocksAskedError, NewListing, UsageError, default_currency, table,
};
use crate::text::{amount, duration, moment, sanitize};

/// Most characters of a title.
const LONGEST_TITLE: usize = 80;
/// Most characters of a description.
const LONGEST_DESCRIPTION: usize = 1_000;

/// Reads the words after `/list`.
pub(crate) fn list(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let first_keyword = words
        .words
        .iter()
        .enumerate()
        .skip(2)
        .find(|(_, word)| !word.quoted && keyword(&word.text).is_some())
        .map_or(words.words.len(), |(index, _)| index);
    let (positional, pairs) = words.words.split_at_checked(first_keyword).unwrap_or((&[], &[]));
    let mut terms = Terms::read(pairs)?;
    let (title, start) = title_and_start(positional, &mut terms.currency)?;
    let currency = terms.currency.take().unwrap_or_else(default_currency);
    amount::parse(&start, &currency)?;
    terms.check_amounts(&currency)?;
    terms.check_times()?;
    let listing = terms.into_listing(title, start, currency)?;
    match listing.meaningless() {
        Some(odd) => Err(usage_error(&odd.message(), odd.advice())),
        None => Ok(Command::List(Box::new(listing))),
    }
}

/// What comes before the keywords of a listing: its title and its start price, with a currency behind it or not.
fn title_and_start(
    positional: &[Word],
    currency: &mut Option<String>,
) -> Result<(String, String), UsageError> {
    let mut head: Vec<&str> = positional.iter().map(|word| word.text.as_str()).collect();
    if head.len() > 2
        && let Some(Ok(code)) = head.last().map(|word| amount::currency(word))
    {
        currency.get_or_insert(code);
        head.pop();
    }
    if let Some([.., title, start]) = positional.get(..head.len()).filter(|_| head.len() > 2)
        && !title.quoted
    {
        split_price(&title.text, &start.text)?;
    }
    let start = head.pop().filter(|_| !head.is_empty());
    let Some(start) = start else {
        return Err(wrong_usage(&table::LIST, "the title or the start price is missing"));
    };
    let title = bounded("title", &head.join(" "), 1, LONGEST_TITLE)?;
    Ok((title, start.to_owned()))
}

/// Reads the words after `/relist`.
pub(crate) fn relist(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let wrong = |message: String| Err(wrong_usage(&table::RELIST, &message));
    let (mut room, mut start, mut duration, mut until) = (None, None, None, None);
    let mut rest = words.words.iter().peekable();
    let is_keyword = |word: &Word| !word.quoted && table::RELIST.keyword(&word.text).is_some();
    if let Some(named) = rest.next_if(|word| !is_keyword(word)) {
        room = Some(named.text.as_str());
    }
    while let Some(word) = rest.next() {
        let Some(keyword) = table::RELIST.keyword(&word.text).filter(|_| !word.quoted) else {
            let shown = sanitize::shortened(&word.text, 20);
            return wrong(format!("`{shown}` is not expected here"));
        };
        let Some(value) = rest.next() else {
            return wrong(format!("`{}` has no value", keyword.name));
        };
        let place = match keyword.name {
            "start" => &mut start,
            "for" => &mut duration,
            _ => &mut until,
        };
        if place.replace(value.text.clone()).is_some() {
            return wrong(format!("`{}` occurs twice", keyword.name));
        }
    }
    start.as_deref().map(amount::check_form).transpose()?;
    match (&duration, &until) {
        (Some(_), Some(_)) => {
            return wrong("an auction runs either for a time or until one".to_owned());
        }
        (Some(duration), None) => drop(duration::parse(duration)?),
        (None, Some(until)) => drop(moment::read(until)?),
        (None, None) => {}
    }
    let room = named_or_current(&table::RELIST, room, current)?;
    Ok(Command::Relist { room, start, duration, until })
}

/// Reads the words after `/unlist`.
pub(crate) fn unlist(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    let (room, successor) = match *words.texts().as_slice() {
        [] => (None, None),
        [room] => (Some(room), None),
        [room, successor] => (Some(room), Some(successor)),
        _ => return Err(wrong_usage(&table::UNLIST, "there are too many words")),
    };
    let room = named_or_current(&table::UNLIST, room, current)?;
    let successor = successor.map(|room| named_or_current(&table::UNLIST, Some(room), current));
    Ok(Command::Unlist { room, successor: successor.transpose()? })
}

/// The terms after title and price of a listing.
#[derive(Default)]
struct Terms {
    duration: Option<String>,
    until: Option<String>,
    begins: Option<String>,
    step: Option<String>,
    steps: Option<String>,
    raise: Option<String>,
    buy: Option<String>,
    extend: Option<String>,
    fixed_end: bool,
    grace: Option<String>,
    sealed: Option<String>,
    tsas: Option<String>,
    rule: Option<String>,
    bids: Option<String>,
    reserve: Option<String>,
    one_per_citizen: bool,
    dutch: Option<String>,
    every: Option<String>,
    currency: Option<String>,
    description: Option<String>,
}

impl Terms {
    /// Reads pairs of keyword and value, each keyword at most once; a description runs on to the
    /// next keyword, so that it need not be quoted.
    fn read(words: &[Word]) -> Result<Self, UsageError> {
        let wrong = |message: String| Err(wrong_usage(&table::LIST, &message));
        let mut terms = Self::default();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some((name, glued)) = keyword(&word.text).filter(|_| !word.quoted) else {
                let shown = sanitize::shortened(&word.text, 20);
                return wrong(format!("`{shown}` is not expected here"));
            };
            if let Some(flag) = terms.flag(name) {
                if glued.is_some() {
                    return wrong(format!("`{name}` takes no value"));
                }
                if std::mem::replace(flag, true) {
                    return wrong(format!("`{name}` occurs twice"));
                }
                continue;
            }
            let value = glued.or_else(|| words.next().map(|value| value.text.as_str()));
            let Some(mut value) = value.map(str::to_owned) else {
                return wrong(format!("`{name}` has no value"));
            };
            match name {
                "currency" => value = amount::currency(&value)?,
                "desc" => {
                    let goes_on = |word: &&Word| word.quoted || keyword(&word.text).is_none();
                    while let Some(more) = words.next_if(goes_on) {
                        value.push(' ');
                        value.push_str(&more.text);
                    }
                }
                _ => {}
            }
            if terms.value(name).replace(value).is_some() {
                return wrong(format!("`{name}` occurs twice"));
            }
        }
        Ok(terms)
    }

    /// The term of a keyword that stands alone.
    fn flag(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "fixed-end" => Some(&mut self.fixed_end),
            "one-per-citizen" => Some(&mut self.one_per_citizen),
            _ => None,
        }
    }

    /// The term of a keyword with a value; of all others the description.
    fn value(&mut self, name: &str) -> &mut Option<String> {
        match name {
            "for" => &mut self.duration,
            "until" => &mut self.until,
            "begins" => &mut self.begins,
            "step" => &mut self.step,
            "steps" => &mut self.steps,
            "raise" => &mut self.raise,
            "buy" => &mut self.buy,
            "extend" => &mut self.extend,
            "grace" => &mut self.grace,
            "sealed" => &mut self.sealed,
            "tsas" => &mut self.tsas,
            "rule" => &mut self.rule,
            "bids" => &mut self.bids,
            "reserve" => &mut self.reserve,
            "dutch" => &mut self.dutch,
            "every" => &mut self.every,
            "currency" => &mut self.currency,
            _ => &mut self.description,
        }
    }

    fn check_amounts(&self, currency: &str) -> Result<(), UsageError> {
        let minor = |amount: &Option<String>| {
            amount.as_deref().map(|amount| amount::parse(amount, currency)).transpose()
        };
        if minor(&self.step)? == Some(0) {
            let advice = "type a step of at least one minor unit".to_owned();
            return Err(usage_error("the step is zero", advice));
        }
        for (name, amount) in
            [("largest raise", &self.raise), ("price to buy", &self.buy), ("floor", &self.dutch)]
        {
            if minor(amount)? == Some(0) {
                let message = format!("the {name} is zero");
                return Err(usage_error(&message, "leave it out, or type an amount".to_owned()));
            }
        }
        self.steps.as_deref().map(|steps| amount::steps(steps, currency)).transpose()?;
        Ok(())
    }

    fn check_times(&self) -> Result<(), UsageError> {
        match (&self.duration, &self.until) {
            (Some(duration), None) => drop(duration::parse(duration)?),
            (None, Some(until)) => drop(moment::read(until)?),
            (None, None) => {
                let message = "how long the auction runs is missing";
                let advice = "add for example: for 10m, or: until 18:00".to_owned();
                return Err(usage_error(message, advice));
            }
            (Some(_), Some(_)) => {
                let message = "an auction runs either for a time or until one";
                return Err(usage_error(message, "leave out `for` or `until`".to_owned()));
            }
        }
        if let Some(begins) = &self.begins
            && duration::parse(begins).is_err()
        {
            moment::read(begins)?;
        }
        for time in [&self.extend, &self.every, &self.grace] {
            time.as_deref().map(duration::parse).transpose()?;
        }
        if self.fixed_end && self.extend.is_some() {
            let message = "an end that is fixed cannot be extended";
            return Err(usage_error(message, "leave out `extend` or `fixed-end`".to_owned()));
        }
        Ok(())
    }

    fn into_listing(
        self,
        title: String,
        start: String,
        currency: String,
    ) -> Result<NewListing, UsageError> {
        let sealed = self.sealed.as_deref().map(price_rule).transpose()?;
        let description = self.description.filter(|text| !text.is_empty());
        if let Some(text) = &description {
            bounded("description", text, 1, LONGEST_DESCRIPTION)?;
        }
        Ok(NewListing {
            title,
            start,
            currency,
            increment: self.step,
            steps: self.steps,
            raise: self.raise,
            buy: self.buy,
            begins: self.begins,
            duration: self.duration,
            until: self.until,
            extend: self.extend,
            fixed_end: self.fixed_end,
            grace: self.grace,
            sealed,
            tsas: self.tsas.as_deref().map(locks_asked).transpose()?,
            rule: None,
            rule_file: self.rule,
            bids: self.bids.as_deref().map(bids_each).transpose()?,
            reserve: self.reserve,
            one_per_citizen: self.one_per_citizen,
            dutch: self.dutch,
            every: self.every,
            description,
        })
    }
}

/// How many bids each bidder may make, as it is typed.
fn bids_each(typed: &str) -> Result<u32, UsageError> {
    let bids = typed.parse().ok().filter(|bids| (1..=MAX_BIDS).contains(bids));
    bids.ok_or_else(|| {
        let shown = sanitize::shortened(typed, 20);
        let message = format!("`bids` takes a number from 1 to {MAX_BIDS}, not `{shown}`");
        usage_error(&message, "write for example: bids 3".to_owned())
    })
}

/// How many TSAs are to lock sealed bids, as it is typed.
fn locks_asked(typed: &str) -> Result<LocksAsked, UsageError> {
    typed.parse().map_err(|error: LocksAskedError| {
        let message = format!("`tsas` is {error}: `{}`", sanitize::shortened(typed, 20));
        usage_error(&message, "write for example: sealed first tsas 2-of-3".to_owned())
    })
}

/// What the winner of sealed bids pays, as it is typed.
fn price_rule(typed: &str) -> Result<PriceRule, UsageError> {
    match typed {
        "first" => Ok(PriceRule::First),
        "second" => Ok(PriceRule::Second),
        other => {
            let shown = sanitize::shortened(other, 20);
            let message = format!("`sealed` takes `first` or `second`, not `{shown}`");
            let advice =
                "with `first` the winner pays their own bid, with `second` the highest that loses";
            Err(usage_error(&message, advice.to_owned()))
        }
    }
}

/// A keyword of a listing in its one name, and the value glued to it: `for=90s`, `--step`.
fn keyword(word: &str) -> Option<(&'static str, Option<&str>)> {
    let word = word.strip_prefix("--").unwrap_or(word);
    let (name, value) =
        word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    table::LIST.keyword(name).map(|keyword| (keyword.name, value))
}
