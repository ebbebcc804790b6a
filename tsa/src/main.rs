//! `pregao-tsa`: the command line of the time-stamping and certification authority.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use pregao_protocol::citizen::TestCards;
use pregao_tsa::citizen::period::Length;
use pregao_tsa::citizen::{CitizenOptions, ocsp};
use pregao_tsa::host;
use pregao_tsa::keys;
use pregao_tsa::opened;
use pregao_tsa::server::{self, Options, Server, StartError};
use pregao_tsa::stamper::{MAX_BATCH, Pace};
use pregao_tsa::state::Policy;
use pregao_tsa::store::Store;
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
    /// Print new one-use invitations, one on each line.
    Invite {
        #[command(flatten)]
        folder: Folder,
        /// How many.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
        count: u16,
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
    /// How log lines on stderr look.
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
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
        Command::Serve(serve) => run(serve),
        Command::Invite { folder, count } => match invite(&folder, count) {
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
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match serve.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, "the system refuses threads: check its limits"),
    };
    runtime.block_on(async {
        match Server::start(options(serve), host::system()).await {
            Ok(server) => announce(server).await,
            Err(error) => start_failure(&error),
        }
    })
}

fn options(serve: Serve) -> Options {
    let tests = if serve.accept_test_cards { TestCards::Accepted } else { TestCards::Refused };
    let (ocsp, tls_ca, period) = (serve.ocsp, serve.tls_ca, serve.citizen_period);
    let citizen = |folder| CitizenOptions { folder, tests, ocsp, tls_ca, period };
    let citizens = serve.citizens.map(citizen);
    let tsa = opened::Options {
        data: serve.folder.data,
        policy: serve.policy,
        simulate: serve.folder.simulate,
        pace: Pace { wait: Duration::from_millis(serve.batch_ms), size: serve.batch_size },
        accept_clock_jump: serve.accept_clock_jump,
        citizens,
    };
    Options { listen: serve.listen, tsa }
}

async fn announce(server: Server) -> ExitCode {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return fail(&std::io::Error::last_os_error(), "the system refuses signal handlers");
    };
    let authority = server.authority();
    let url = format!("http://{}/#{authority}", server.address());
    let simulated = server.simulated();
    let tests = server.accepts_test_cards();
    // An address and a fingerprint need no escaping.
    let ready = format!(
        r#"{{"url":"{url}","authority":"{authority}","simulated":{simulated},"test_cards":{tests}}}"#
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
    server
        .run(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("shutting down");
        })
        .await;
    ExitCode::SUCCESS
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
