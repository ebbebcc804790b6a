//! `pregao-tsa`: the command line of the time-stamping and certification authority.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use pregao_protocol::trust::citizen::TestCards;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::witness::Operator;
use pregao_tsa::citizen::period::Length;
use pregao_tsa::citizen::{CitizenOptions, ocsp};
use pregao_tsa::host;
use pregao_tsa::independent::{self, Independent};
use pregao_tsa::keys;
use pregao_tsa::server::{self, Options, Server, StartError};
use pregao_tsa::service;
use pregao_tsa::stamper::{MAX_BATCH, Pace};
use pregao_tsa::state::Policy;
use pregao_tsa::store::Store;
use pregao_tsa::witness::Brokers;
use tokio::signal::unix::{SignalKind, signal};

/// Time-stamping and certification authority of Pregão.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Stamp, certify and issue tickets until told to stop.
    Serve(Serve),
    /// Cosign the heads of brokers' logs until told to stop, and nothing else: no CA, no stamps.
    Witness(WitnessAlone),
    /// Print new one-use invitations, one on each line.
    Invite {
        #[command(flatten)]
        folder: Folder,
        /// How many.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
        count: u16,
    },
    /// Give a persona no more tickets and certificates, also while the TSA runs.
    ///
    /// It is out of every broker within the hour for which a session lasts; what it hands in through
    /// witnesses counts until its certificate ends, within 7 days.
    Revoke {
        #[command(flatten)]
        folder: Folder,
        /// The persona's fingerprint, as `pregao whoami` and the broker's operator see it.
        persona: Fingerprint,
        /// Take it back.
        #[arg(long)]
        undo: bool,
    },
    /// Print the fingerprint of the CA, which clients pin.
    Fingerprint {
        #[command(flatten)]
        folder: Folder,
    },
}

#[derive(Args)]
struct Folder {
    /// Where keys, chain and invitations are kept.
    #[arg(long, env = "PREGAO_TSA_DATA")]
    data: PathBuf,
    /// Use the simulated TSA inside the folder, whose clock can be set.
    #[arg(long)]
    simulate: bool,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    folder: Folder,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Who gets a certificate.
    #[arg(long, value_enum, default_value = "open")]
    policy: Policy,
    /// With policy card: the folder of the state's certificates, with `anchors/`,
    /// `intermediates/` and `lists/` in it.
    ///
    /// Each file is DER or PEM; a change is noticed within seconds. The TSA fetches nothing: put
    /// the root "ECRaizEstado 002" into anchors/ (http://trust.ecee.gov.pt/ecraiz002.crt, SHA-256
    /// 3932e8a2a6f9e422594291c14dd87667bfd0a72e607dfdd2872beab0e4d21a10), the authorities "Cartão
    /// de Cidadão NNN" and "EC de Autenticação do Cartão de Cidadão NNNN" into intermediates/, and
    /// have a timer of the system (cron) fetch the revocation lists that all these and the cards name
    /// into lists/: first under a name that begins with a dot, then moved into place. A citizen of
    /// whom no list in force speaks is refused, and so is everybody while anchors/ is empty.
    #[arg(long, value_name = "FOLDER", required_if_eq("policy", "card"))]
    citizens: Option<PathBuf>,
    /// With policy card: accept cards of the state's test PKI, which anybody can have.
    #[arg(long, requires = "citizens")]
    accept_test_cards: bool,
    /// With policy card: ask this responder (OCSP) about every card. Then lists of the citizens'
    /// certificates are not needed; those of the authorities are.
    #[arg(long, value_name = "URL", requires = "citizens", value_parser = ocsp::address)]
    ocsp: Option<String>,
    /// PEM file of the CAs that the TLS certificate of an `https://` responder may come from, in place of
    /// the public ones.
    #[arg(long, value_name = "FILE", requires = "ocsp")]
    tls_ca: Option<PathBuf>,
    /// With policy card: how long a period is, 7d to 366d, with --simulate from 1h on. A citizen gets
    /// one token in each.
    #[arg(long, value_name = "LENGTH", requires = "citizens", default_value = "30d")]
    citizen_period: Length,
    /// How long the first digest of a batch waits for others, in milliseconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=500))]
    batch_ms: u64,
    /// How many digests close a batch at once.
    #[arg(long, default_value_t = 256, value_parser = batch_size)]
    batch_size: usize,
    /// Believe the system clock although it had jumped ahead. Check it first.
    #[arg(long)]
    accept_clock_jump: bool,
    /// For which brokers heads are cosigned: any that makes itself known (at most 16), none, or the one
    /// with this fingerprint. Can be given several times.
    #[arg(long = "witness", value_name = "any|none|FINGERPRINT", default_value = "any")]
    witness: Vec<Cosigned>,
    /// Who runs this TSA, as the listings of brokers name it: 1 to 32 letters, digits, '-', '.', '/'
    /// or '_'. Without it: "tsa-" and the first 16 digits of the CA's fingerprint.
    #[arg(long)]
    operator: Option<Operator>,
    /// How log lines on stderr look.
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Args)]
struct WitnessAlone {
    /// Where the key and what was cosigned are kept. Not the folder of a TSA.
    #[arg(long, env = "PREGAO_WITNESS_DATA")]
    data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Who runs this witness, as the listings of brokers name it: 1 to 32 letters, digits, '-', '.', '/'
    /// or '_'. A quorum counts operators.
    #[arg(long)]
    operator: Operator,
    /// The fingerprint of a broker for which heads are cosigned. Can be given several times.
    #[arg(long = "broker", value_name = "FINGERPRINT", required_unless_present = "any")]
    brokers: Vec<Fingerprint>,
    /// Cosign for any broker that makes itself known, at most 16 beside those named.
    #[arg(long)]
    any: bool,
    /// Cosign for brokers whose time is simulated as well. Dates are the system's all the same.
    #[arg(long)]
    simulated: bool,
    /// Believe the system clock although it had jumped ahead. Check it first.
    #[arg(long)]
    accept_clock_jump: bool,
    /// How log lines on stderr look.
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
}

/// For whom a TSA cosigns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cosigned {
    Any,
    None,
    Broker(Fingerprint),
}

impl FromStr for Cosigned {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Self::Any),
            "none" => Ok(Self::None),
            _ => text.parse().map(Self::Broker).map_err(
                |_| "neither \"any\" nor \"none\" nor the fingerprint of a broker, 64 digits",
            ),
        }
    }
}

/// The brokers that the values of `--witness` stand for; nothing for `none`.
fn brokers(values: &[Cosigned]) -> Option<Brokers> {
    let named: BTreeSet<Fingerprint> = values
        .iter()
        .filter_map(|value| match value {
            Cosigned::Broker(fingerprint) => Some(*fingerprint),
            Cosigned::Any | Cosigned::None => None,
        })
        .collect();
    let any = values.contains(&Cosigned::Any);
    (any || !named.is_empty()).then_some(Brokers { any, named, simulated: false })
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn batch_size(text: &str) -> Result<usize, String> {
    let size: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1..=MAX_BATCH).contains(&size) { Ok(size) } else { Err(format!("not in 1..={MAX_BATCH}")) }
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) if serve.citizen_period.is_short() && !serve.folder.simulate => {
            let text = "a --citizen-period below 7d is for tests: only with --simulate\n";
            Cli::command().error(ErrorKind::ValueValidation, text).exit()
        }
        Command::Serve(serve)
            if serve.witness.contains(&Cosigned::None) && serve.witness.len() > 1 =>
        {
            let text = "--witness none is for no broker at all: leave the others out\n";
            Cli::command().error(ErrorKind::ArgumentConflict, text).exit()
        }
        Command::Serve(serve) => run(serve),
        Command::Witness(alone) => run_alone(alone),
        Command::Invite { folder, count } => match invite(&folder, count) {
            Ok(()) => ExitCode::SUCCESS,
            Err((error, advice)) => fail(error.as_ref(), advice),
        },
        Command::Revoke { folder, persona, undo } => match revoke(&folder, persona, undo) {
            Ok(()) => ExitCode::SUCCESS,
            Err((error, advice)) => fail(error.as_ref(), advice),
        },
        Command::Fingerprint { folder } => {
            match server::fingerprint(&folder.data, folder.simulate) {
                Ok(fingerprint) => match print(&fingerprint.to_string()) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => fail(&error, "give it a standard output that can be written to"),
                },
                Err(error) => fail(&error, "run `pregao-tsa serve` once to make the keys"),
            }
        }
    }
}

fn run(serve: Serve) -> ExitCode {
    serving(serve.log_format, async {
        match Server::start(options(serve), host::system()).await {
            Ok(server) => announce(server).await,
            Err(error) => start_failure(&error),
        }
    })
}

fn run_alone(alone: WitnessAlone) -> ExitCode {
    let brokers = Brokers {
        any: alone.any,
        named: alone.brokers.into_iter().collect(),
        simulated: alone.simulated,
    };
    let options = independent::Options {
        data: alone.data,
        listen: alone.listen,
        operator: alone.operator,
        brokers,
        accept_clock_jump: alone.accept_clock_jump,
    };
    serving(alone.log_format, async {
        match Independent::start(options, host::system()).await {
            Ok(witness) => announce_alone(witness).await,
            Err(error) => fail(&error, error.advice()),
        }
    })
}

/// Sets the log up, and runs what serves.
fn serving(log_format: LogFormat, server: impl Future<Output = ExitCode>) -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(server),
        Err(error) => fail(&error, "the system refuses threads: check its limits"),
    }
}

fn options(serve: Serve) -> Options {
    let tests = if serve.accept_test_cards { TestCards::Accepted } else { TestCards::Refused };
    let (ocsp, tls_ca, period) = (serve.ocsp, serve.tls_ca, serve.citizen_period);
    let citizen = |folder| CitizenOptions { folder, tests, ocsp, tls_ca, period };
    let citizens = serve.citizens.map(citizen);
    let witness = brokers(&serve.witness);
    let tsa = service::Options {
        data: serve.folder.data,
        policy: serve.policy,
        simulate: serve.folder.simulate,
        pace: Pace { wait: Duration::from_millis(serve.batch_ms), size: serve.batch_size },
        accept_clock_jump: serve.accept_clock_jump,
        citizens,
        witness,
        operator: serve.operator,
    };
    Options { listen: serve.listen, tsa }
}

async fn announce(server: Server) -> ExitCode {
    let Some(shutdown) = shutdown() else { return no_signals() };
    let authority = server.authority();
    let url = format!("http://{}/#{authority}", server.address());
    let stamp = server.stamp();
    let simulated = server.simulated();
    let tests = server.accepts_test_cards();
    // An address and a fingerprint need no escaping.
    let ready = format!(
        r#"{{"url":"{url}","authority":"{authority}","stamp":"{stamp}","simulated":{simulated},"test_cards":{tests}}}"#
    );
    if simulated {
        tracing::warn!("time is simulated: these stamps prove nothing");
    }
    if tests {
        tracing::warn!("test cards are accepted: anybody can have as many as they like");
    }
    tracing::info!(url, "ready");
    // Whoever closed it does not want the line: that stops nobody from getting stamps.
    if let Err(error) = print(&format!("ready {ready}")) {
        tracing::warn!(%error, "standard output cannot be written to");
    }
    server.run(shutdown).await;
    ExitCode::SUCCESS
}

async fn announce_alone(alone: Independent) -> ExitCode {
    let Some(shutdown) = shutdown() else { return no_signals() };
    let url = format!("http://{}", alone.address());
    let (key, operator) = (alone.witness().verifier_key(), &alone.witness().identity().operator);
    tracing::info!(url, key, %operator, "ready");
    // Neither address nor key nor operator needs escaping. The second line is for a broker's operator.
    let ready = format!(r#"ready {{"url":"{url}","key":"{key}","operator":"{operator}"}}"#);
    let given = format!("--witness {url},{key},{operator}");
    if let Err(error) = print(&format!("{ready}\n{given}")) {
        tracing::warn!(%error, "standard output cannot be written to");
    }
    alone.run(shutdown).await;
    ExitCode::SUCCESS
}

/// Completes when the system asks the process to end; nothing if it refuses to tell.
fn shutdown() -> Option<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    Some(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
    })
}

fn no_signals() -> ExitCode {
    fail(&std::io::Error::last_os_error(), "the system refuses signal handlers")
}

fn invite(folder: &Folder, count: u16) -> Result<(), (Box<dyn Error>, &'static str)> {
    const ADVICE: &str = "check that --data names the folder of a TSA and that it can be written";
    let path = keys::folder(&folder.data, folder.simulate);
    keys::create_folder(&path).map_err(|error| (error.into(), ADVICE))?;
    let store = Store::open(&path).map_err(|error| (error.into(), ADVICE))?;
    let host = host::system();
    for _ in 0..count {
        let bytes = host.random::<16>().map_err(|error| (error.into(), ADVICE))?;
        let code = hex::encode(bytes);
        store.add_invite(&code).map_err(|error| (error.into(), ADVICE))?;
        let lost = "a code is of no use unread: free standard output, then ask for others";
        print(&code).map_err(|error| (error.into(), lost))?;
    }
    Ok(())
}

fn revoke(
    folder: &Folder,
    persona: Fingerprint,
    undo: bool,
) -> Result<(), (Box<dyn Error>, &'static str)> {
    const ADVICE: &str = "check that --data names the folder of a TSA and that it can be written";
    let path = keys::folder(&folder.data, folder.simulate);
    if !path.join("tsa.db").exists() {
        return Err((format!("there is no TSA in {}", path.display()).into(), ADVICE));
    }
    let store = Store::open(&path).map_err(|error| (error.into(), ADVICE))?;
    let changed = store.set_revoked(persona, !undo).map_err(|error| (error.into(), ADVICE))?;
    let line = match (undo, changed) {
        (false, true) => "revoked: no more tickets and certificates from now on",
        (false, false) => "it was revoked before",
        (true, true) => "taken back: it gets tickets and certificates again",
        (true, false) => "it was not revoked",
    };
    print(line).map_err(|error| (error.into(), "it is done; only this line was not written"))
}

fn start_failure(error: &StartError) -> ExitCode {
    fail(error, error.advice())
}

/// One line on stdout.
fn print(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

/// What happened, with its causes, then what to do.
fn fail(error: &dyn Error, advice: &str) -> ExitCode {
    let mut text = format!("pregao-tsa: {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    let _ = writeln!(std::io::stderr().lock(), "{text}\npregao-tsa: {advice}");
    ExitCode::FAILURE
}
