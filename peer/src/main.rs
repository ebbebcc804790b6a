//! `pregao`: see `pregao --help`.

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use pregao::cli::{Card, Cli, Enrol, Shared, Task, read_other, state_folder, verify};
use pregao::command::{Command, EvidenceTask, UsageError};
use pregao::desk::enrol::card::{self, TokenKept};
use pregao::desk::enrol::reader::InReader;
use pregao::desk::enrol::report::EnrolObserver;
use pregao::desk::enrol::{EnrolError, enrol, reader, renew, require_certified, spend};
use pregao::desk::evidence::shelf;
use pregao::desk::signer::Readers;
use pregao::desk::{self, Ended, Options};
use pregao::front::channel::{Front, pair};
use pregao::front::exit::{Out, Status};
use pregao::front::jsonl::LEAVE_WITHIN;
use pregao::front::pin_source::PinSource;
use pregao::front::{agent, jsonl, oneshot};
use pregao::net::broker::SILENT_FOR;
use pregao::net::tls::Roots;
use pregao::net::{Internet, Reach};
use pregao::text::moment::TimeZone;
use pregao::text::sanitize::{sanitize, with_causes};
use pregao::vault::{Passphrase, Vault};
use pregao::{chat, cli, host};
use pregao_protocol::host::Host;
use pregao_protocol::trust::citizen::TestCards;
use pregao_protocol::value::report::Advised as _;
use pregao_protocol::wire::session::Ranking;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(cli));
            // A thread may still wait for a line of standard input that never comes.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(status) => status.into(),
        Err(error) => fail(&error),
    }
}

async fn run(cli: Cli) -> anyhow::Result<Status> {
    start_log();
    let mut out = Out::standard();
    let host = host::system();
    match cli.task {
        Task::Enrol(arguments) => {
            enrolment(&cli.shared, &arguments, &host, &mut out)?;
            Ok(out.end(true))
        }
        Task::Card(arguments) => {
            with_a_card(&cli.shared, &arguments, &host, &mut out)?;
            Ok(out.end(true))
        }
        Task::Rule(asked) => {
            let checked = cli::rule::run(&asked.task, cli.shared.json, &mut out);
            let holds = checked
                .map_err(|error| anyhow::anyhow!("{}\n{}", with_causes(&error), error.advice()))?;
            Ok(out.end(holds))
        }
        Task::Verify(asked) => {
            let broker = cli.shared.broker.as_ref().map(cli::BrokerName::fingerprint);
            let status = verify::run(&asked, broker, cli.shared.json, &mut out)?;
            Ok(out.end_as(status))
        }
        Task::Chat => {
            if cli.shared.card.pin_file.is_some() {
                bail!(
                    "the chat takes no --pin-file\nleave it out: the chat asks for the PIN; scripts use pregao prove"
                );
            }
            let (front, desk) = open(&cli.shared, Use::default(), &host)?;
            chat::run(front, &host).await?;
            desk.await.context("a part of the program failed")?;
            Ok(Status::CarriedOut)
        }
        Task::Json => {
            let (front, desk) = open(&cli.shared, Use::PATIENT, &host)?;
            // Large: what was written in one piece is to be read in one.
            let input = tokio::io::BufReader::with_capacity(1 << 20, tokio::io::stdin());
            // Standard input is taken: only a file can hold the PIN.
            let pins = PinSource::of(cli.shared.card.pin_file.as_deref(), false);
            let output = tokio::io::stdout();
            let status = jsonl::run(front, input, output, std::io::stderr(), &pins, &host).await;
            // It takes its leave of the broker, if that listens.
            let _ = tokio::time::timeout(LEAVE_WITHIN, desk).await;
            Ok(status)
        }
        Task::Agent => agent(&cli.shared, &host).await,
        Task::Command(given) => {
            let ok = alone(&cli.shared, given.read(), &host, &mut out).await?;
            Ok(out.end(ok))
        }
        Task::Other(words) => {
            let ok = alone(&cli.shared, read_other(&words), &host, &mut out).await?;
            Ok(out.end(ok))
        }
    }
}

/// The program without a screen, until it is stopped.
async fn agent(shared: &Shared, host: &Host) -> anyhow::Result<Status> {
    // From here on it is asked to stop, and does not break off.
    let stop = agent::stop_signals(host)?;
    let (front, desk) = open(shared, Use { patient: true, discreet: true }, host)?;
    let form = if shared.json { oneshot::OutputFormat::Json } else { oneshot::OutputFormat::Text };
    // Nobody sits at it: what is typed at a terminal is not for it.
    let input = (!std::io::stdin().is_terminal())
        .then(|| tokio::io::BufReader::with_capacity(1 << 20, tokio::io::stdin()));
    let pins = PinSource::of(shared.card.pin_file.as_deref(), false);
    let (output, aside) = (tokio::io::stdout(), std::io::stderr());
    let ends = agent::Ends { input, output, aside, stop };
    let status = agent::run(front, ends, form, &pins, host).await;
    // It keeps what it met, and takes its leave of the broker, if that listens.
    let _ = tokio::time::timeout(LEAVE_WITHIN, desk).await;
    Ok(status)
}

/// One command of the chat by itself.
async fn alone(
    shared: &Shared,
    command: Result<Command, UsageError>,
    host: &Host,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let command = match command {
        Ok(command) => command,
        Err(error) => bail!("{}\n{}", error.message, error.advice),
    };
    let form = if shared.json { oneshot::OutputFormat::Json } else { oneshot::OutputFormat::Text };
    if let Command::Help { about } = &command {
        for line in pregao::command::table::help(about.as_deref()) {
            writeln!(out, "{line}")?;
        }
        return Ok(true);
    }
    if let Command::Evidence(task) = &command {
        return evidence(shared, task, out);
    }
    let (front, desk) = open(shared, Use::PATIENT, host)?;
    let pins = PinSource::of(shared.card.pin_file.as_deref(), true);
    let ran = oneshot::run(front, (command, shared.yes), form, &pins, host, out).await;
    // It keeps what it met, and takes its leave of the broker, if that listens.
    let _ = tokio::time::timeout(LEAVE_WITHIN, desk).await;
    Ok(ran?)
}

/// What is kept as evidence: it is in the clear, and takes neither passphrase nor broker.
fn evidence(shared: &Shared, task: &EvidenceTask, out: &mut impl Write) -> anyhow::Result<bool> {
    let folder = folder(shared)?.join("evidence");
    if shared.json && *task == EvidenceTask::List {
        for item in shelf::items(&folder)? {
            writeln!(out, "{}", serde_json::to_string(&item)?)?;
        }
        return Ok(true);
    }
    let lines = shelf::answer(&folder, task).map_err(|report| {
        anyhow::anyhow!("{} ({})\n{}", report.message, report.code, report.advice)
    })?;
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(true)
}

/// How a desk is used.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    /// See [`Options::patient`].
    patient: bool,
    /// See [`Options::discreet`].
    discreet: bool,
}

impl Use {
    /// By a script.
    const PATIENT: Self = Self { patient: true, discreet: false };
}

/// Opens the vault and a desk over it.
fn open(
    shared: &Shared,
    Use { patient, discreet }: Use,
    host: &Host,
) -> anyhow::Result<(Front, Ended)> {
    let folder = folder(shared)?;
    if !Vault::exists(&folder) {
        bail!(
            "there is no persona in {}\nmake one first: pregao enrol --tsa http://host:port/#fingerprint",
            folder.display()
        );
    }
    let passphrase = passphrase(shared, Ask::Once)?;
    let vault = Vault::open(&folder, &passphrase).map_err(|error| {
        let advice = error.advice();
        anyhow::anyhow!("{}\n{advice}", with_causes(&error))
    })?;
    require_certified(vault.contents()).map_err(|error| two_lines(&error))?;
    let known = vault.contents().brokers.last().and_then(|broker| broker.parse().ok());
    let named = shared.broker.as_ref().map(|broker| {
        let advice = "only `verify` takes a fingerprint alone; give ws://host:port/#fingerprint";
        broker.address().cloned().with_context(|| format!("where is the broker?\n{advice}"))
    });
    let Some(broker) = named.transpose()?.or(known) else {
        bail!(
            "no broker is known\ngive one with --broker ws://host:port/#fingerprint, as the broker printed it"
        );
    };
    let tls = roots(shared)?;
    let loaded = state_pki(shared, &folder)?;
    let options = Options {
        broker,
        suites: Ranking::default(),
        tls,
        evidence: folder.join("evidence"),
        exports: folder.join("export"),
        patient,
        discreet,
        state: loaded.state.map(Arc::new),
        passed_over: loaded.passed_over,
        // A machine that does not say where it is counts as in UTC, and shows times so.
        zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
        cards: Arc::new(Readers),
        reader: shared.card.reader.clone(),
        route: shared.proxy.clone(),
        host: host.clone(),
        net: Arc::new(Internet),
        witnesses: shared.witnesses.clone(),
        lock_tsas: shared.lock_tsas.clone(),
        final_by: shared.final_by.clone(),
        silent: SILENT_FOR,
    };
    let (front, back) = pair();
    let desk = desk::start(vault, options, back)?;
    Ok((front, desk))
}

/// Whose TLS certificates are believed.
fn roots(shared: &Shared) -> anyhow::Result<Roots> {
    let given = shared.tls_ca.as_deref().map(Roots::only).transpose();
    let given = given.map_err(|error| {
        anyhow::anyhow!("{}\ncheck the file given with --tls-ca", with_causes(&error))
    })?;
    Ok(given.unwrap_or_default())
}

/// The state's certificates, if the user has any.
fn state_pki(shared: &Shared, vault: &Path) -> anyhow::Result<state_folder::Loaded> {
    let folder = shared.citizen.clone().unwrap_or_else(|| vault.join("citizen"));
    let tests = if shared.accept_test_cards { TestCards::Accepted } else { TestCards::Refused };
    state_folder::load(&folder, tests).map_err(|error| {
        anyhow::anyhow!("{}\n{}", with_causes(&error), state_folder::advice(&error))
    })
}

fn enrolment(
    shared: &Shared,
    arguments: &Enrol,
    host: &Host,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let folder = folder(shared)?;
    let there = Vault::exists(&folder);
    if arguments.tsa.is_none() && !there && !arguments.spend {
        return Err(two_lines(&EnrolError::NoAddress));
    }
    if arguments.card && shared.proxy.is_some() {
        bail!(
            "--card takes no --proxy: citizen and persona are not to come by one way\ngive it with --spend"
        );
    }
    let tls = roots(shared)?;
    let reach = Reach { host, net: &Internet, tls: &tls };
    // Without a card nothing is asked, made or contacted.
    let options = &shared.card;
    let card = || reader::find(options.reader.as_deref(), options.pin_file.as_deref());
    let card = arguments.card.then(card).transpose();
    let card = card.map_err(|error| two_lines(&error.into()))?;
    let asked = if there || arguments.spend { Ask::Once } else { Ask::Twice };
    let passphrase = passphrase(shared, asked)?;
    let invite = arguments.invite.as_deref();
    let spending = arguments.spending(shared);
    let outcome = match (card, &arguments.tsa) {
        (Some(card), _) => boxed(with_card(&folder, &passphrase, card, arguments, reach)),
        _ if arguments.spend => boxed(spend(&folder, &passphrase, &spending, reach)),
        (None, Some(tsa)) if !there => {
            let (work, route) = (arguments.work(), shared.proxy.as_ref());
            boxed(enrol(&folder, &passphrase, work, tsa, invite, route, reach))
        }
        // The same persona, certified again; everything kept stays.
        _ => boxed(renew(&folder, &passphrase, invite, &spending, reach)),
    };
    let report = outcome.map_err(|error| two_lines(&error))?;
    if shared.json {
        writeln!(out, "{}", report.json())?;
        return Ok(());
    }
    for line in report.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn boxed(
    outcome: Result<impl EnrolObserver + 'static, EnrolError>,
) -> Result<Box<dyn EnrolObserver>, EnrolError> {
    outcome.map(|report| -> Box<dyn EnrolObserver> { Box::new(report) })
}

/// The first visit of a citizen.
fn with_card(
    folder: &Path,
    passphrase: &Passphrase,
    mut card: InReader,
    arguments: &Enrol,
    reach: Reach<'_>,
) -> Result<TokenKept, EnrolError> {
    let (work, tsa) = (arguments.work(), arguments.tsa.as_ref());
    let enrolment = card::begin(folder, passphrase, work, tsa, reach)?;
    enrolment.finish(&mut card, arguments.wait())
}

/// What happened, and what to do. The TSA's words are in it: nothing in them steers the terminal.
fn two_lines(error: &EnrolError) -> anyhow::Error {
    let happened = match error {
        EnrolError::Signer(signer) => signer.to_string(),
        other => sanitize(&with_causes(other)),
    };
    anyhow::anyhow!("{happened}\n{}", sanitize(&error.advice()))
}

fn with_a_card(
    shared: &Shared,
    arguments: &Card,
    host: &Host,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    cli::card::run(&arguments.task, &shared.card, shared.json, host, out).map_err(|error| {
        // A reader's name comes from whoever made the reader.
        let lines: Vec<String> = with_causes(&error).lines().map(sanitize).collect();
        anyhow::anyhow!("{}\n{}", lines.join("\n"), error.advice())
    })
}

fn folder(shared: &Shared) -> anyhow::Result<PathBuf> {
    let folder = shared.folder();
    folder.context("no folder for the vault\nset HOME, or give one with --data")
}

/// How often a passphrase is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Once,
    Twice,
}

fn passphrase(shared: &Shared, ask: Ask) -> anyhow::Result<Passphrase> {
    if let Some(file) = &shared.passphrase_file {
        let advice = |error: &pregao::vault::VaultError| error.advice();
        return Passphrase::from_file(file)
            .map_err(|error| anyhow::anyhow!("{error}\n{}", advice(&error)));
    }
    if let Ok(text) = std::env::var("PREGAO_PASSPHRASE") {
        return Ok(Passphrase::new(text));
    }
    if !std::io::stdin().is_terminal() {
        bail!("no passphrase\ngive it with --passphrase-file or in PREGAO_PASSPHRASE");
    }
    let first = rpassword::prompt_password("Passphrase of the vault: ")?;
    if ask == Ask::Twice && rpassword::prompt_password("Once more: ")? != first {
        bail!("the two passphrases differ\nnothing was made; try again");
    }
    Ok(Passphrase::new(first))
}

/// Diagnostics on standard error, only if asked for: the chat owns the screen.
fn start_log() {
    if let Ok(filter) = EnvFilter::try_from_env("PREGAO_LOG") {
        // What goes over HTTP is nobody's to read in a log: invitations, tokens, certificates.
        let filter = ["ureq_proto=off", "ureq=info"]
            .iter()
            .filter_map(|directive| directive.parse().ok())
            .fold(filter, EnvFilter::add_directive);
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}

/// The last words of a program that cannot go on.
fn fail(error: &anyhow::Error) -> ExitCode {
    let mut words = format!("pregao: {error}\n");
    for cause in error.chain().skip(1) {
        words.push_str(&format!("  because: {cause}\n"));
    }
    // If nobody reads them, the exit status is all that is left.
    let _ = std::io::stderr().write_all(words.as_bytes());
    Status::Refused.into()
}
