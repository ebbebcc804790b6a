//! `pregao rule check`: what a rule means, whether it can be listed, and what it answers about a bid. Nothing is sent.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use pregao_protocol::room::auction::rule::{Answer, Bidding, Rule, State, Variable, sample_states};
use serde_json::json;

use crate::rule::{SourceError, refused, shown, source};
use crate::text::usage_error::UsageError;
use crate::text::{amount, duration};

/// What to do with a seller's rule.
#[derive(Debug, Clone, Args)]
pub struct RuleTask {
    /// What to do with it.
    #[command(subcommand)]
    pub task: RuleTasks,
}

/// The subcommands of `rule`.
#[derive(Debug, Clone, Subcommand)]
pub enum RuleTasks {
    /// Explain a rule, ask it about sample bids as a listing does, and about one of your choice
    Check(Check),
}

/// A rule, and the bid that it is asked about. Amounts are as in `bid`; a rule knows them in minor units.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// File with the rule
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Bid to ask it about
    #[arg(long, value_name = "AMOUNT")]
    pub amount: Option<String>,
    /// Highest bid before it [default: none]
    #[arg(long, value_name = "AMOUNT")]
    pub highest: Option<String>,
    /// Least that it may be [default: the start, or one step above the highest]
    #[arg(long, value_name = "AMOUNT")]
    pub least: Option<String>,
    /// Price from which bids start
    #[arg(long, value_name = "AMOUNT", default_value = "1")]
    pub start: String,
    /// Least step between bids
    #[arg(long, value_name = "AMOUNT", default_value = "1")]
    pub step: String,
    /// How many bids came before it [default: 1 if there is a highest]
    #[arg(long, value_name = "NUMBER")]
    pub bids: Option<u32>,
    /// How many of them were under its paddle
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub paddle_bids: u32,
    /// How long after the listing it comes
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    pub elapsed: String,
    /// How long before the end it comes
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub remaining: String,
    /// Currency of the amounts
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    pub currency: String,
    /// The rule is for sealed bids
    #[arg(long)]
    pub sealed: bool,
}

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An amount or a duration cannot be read.
    #[error("{}", .0.message)]
    Usage(UsageError),
    /// Nothing can be written.
    #[error("the answer cannot be written")]
    Write(#[from] io::Error),
}

impl From<UsageError> for CheckError {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

impl CheckError {
    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Source(_) => "name a file with the rule in it".to_owned(),
            Self::Usage(error) => error.advice.clone(),
            Self::Write(_) => "look at where the output goes".to_owned(),
        }
    }
}

impl Check {
    fn bidding(&self) -> Bidding {
        if self.sealed { Bidding::Sealed } else { Bidding::Open }
    }

    fn minor(&self, text: &str) -> Result<i64, UsageError> {
        // Amounts end far below.
        Ok(i64::try_from(amount::parse(text, &self.currency)?).unwrap_or(i64::MAX))
    }

    /// What the rule is asked about; the amount is 0 if none was given.
    fn state(&self) -> Result<State, UsageError> {
        let minor =
            |text: &Option<String>| text.as_deref().map(|text| self.minor(text)).transpose();
        let seconds = |text: &str| -> Result<i64, UsageError> {
            Ok(i64::try_from(duration::parse(text)?.as_secs()).unwrap_or(i64::MAX))
        };
        let (start, step, highest) =
            (self.minor(&self.start)?, self.minor(&self.step)?, minor(&self.highest)?);
        let least = highest.map_or(start.max(1), |highest| highest.saturating_add(step));
        Ok(State {
            amount: minor(&self.amount)?.unwrap_or(0),
            highest: highest.unwrap_or(0),
            least: minor(&self.least)?.unwrap_or(least),
            start,
            bids: self.bids.map_or_else(|| i64::from(highest.is_some()), i64::from),
            paddle_bids: self.paddle_bids.into(),
            elapsed: seconds(&self.elapsed)?,
            remaining: seconds(&self.remaining)?,
        })
    }
}

/// Runs `pregao rule check`. Gives whether the rule can be listed and accepts the bid, if there is one.
///
/// # Errors
/// [`CheckError`], with advice.
pub fn run(task: &RuleTasks, json: bool, out: &mut impl Write) -> Result<bool, CheckError> {
    let RuleTasks::Check(check) = task;
    let (source, bidding, state) = (source(&check.file)?, check.bidding(), check.state()?);
    let rule = Rule::read(&source, bidding);
    let lasts = state.elapsed.saturating_add(state.remaining);
    let step = check.minor(&check.step)?;
    let errs = rule.as_ref().ok().and_then(|rule| {
        let samples = sample_states(bidding, state.start, step, lasts);
        samples.into_iter().find_map(|state| match rule.ask(&state) {
            Answer::Errs(fault) => Some((state, fault)),
            Answer::Accepts | Answer::Refuses | Answer::Says(_) => None,
        })
    });
    let asked = rule.as_ref().ok().filter(|_| check.amount.is_some());
    let answer = asked.map(|rule| rule.ask(&state));
    let accepts = answer.as_ref().is_none_or(|answer| *answer == Answer::Accepts);
    let holds = rule.is_ok() && errs.is_none() && accepts;
    if json {
        let told = json!({
            "rule": rule.is_ok(),
            "error": rule.as_ref().err().map(ToString::to_string),
            "words": rule.as_ref().map(Rule::words).unwrap_or_default(),
            "errs": errs.map(|(state, fault)| json!({"state": numbers(&state, bidding), "error": fault.to_string()})),
            "state": answer.as_ref().map(|_| numbers(&state, bidding)),
            "answer": answer.as_ref().map(value),
        });
        writeln!(out, "{told}")?;
        return Ok(holds);
    }
    for line in shown(&source, bidding) {
        writeln!(out, "{line}")?;
    }
    if rule.is_err() {
        return Ok(holds);
    }
    match errs {
        None => writeln!(out, "It has an answer in every state that a listing asks it about.")?,
        Some((state, fault)) => {
            writeln!(
                out,
                "IT CANNOT BE LISTED: {fault}, with {}",
                numbers_in_words(&state, bidding)
            )?;
        }
    }
    if let Some(answer) = &answer {
        let told =
            refused(answer).unwrap_or_else(|| "the seller's rule accepts this bid".to_owned());
        writeln!(out, "With {}:", numbers_in_words(&state, bidding))?;
        writeln!(out, "  {told}")?;
    }
    Ok(holds)
}

fn known(bidding: Bidding) -> impl Iterator<Item = Variable> {
    Variable::ALL.iter().copied().filter(move |variable| variable.is_known(bidding))
}

fn numbers(state: &State, bidding: Bidding) -> serde_json::Value {
    known(bidding)
        .map(|variable| (variable.name().to_owned(), state.value(variable).into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn numbers_in_words(state: &State, bidding: Bidding) -> String {
    let numbers =
        known(bidding).map(|variable| format!("{} {}", variable.name(), state.value(variable)));
    numbers.collect::<Vec<_>>().join(", ")
}

fn value(answer: &Answer) -> serde_json::Value {
    match answer {
        Answer::Accepts => json!(true),
        Answer::Refuses => json!(false),
        Answer::Says(saying) => json!(saying.as_str()),
        Answer::Errs(fault) => json!({"error": fault.to_string()}),
    }
}

#[cfg(test)]
mod tests;
