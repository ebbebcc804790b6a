//! `pregao-broker`: see `pregao-broker --help`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use pregao_broker::folder::Folder;
use pregao_broker::host;
use pregao_broker::listener::Capacity;
use pregao_broker::server::{Options, Ports, Server};
use pregao_broker::session::Limits;
use pregao_broker::tls::Roots;
use pregao_broker::witness::WitnessAddress;
use pregao_protocol::audit::evidence::LONGEST_PAUSE;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::value::label::{MAX_EFFORT, MAX_PASSES, MAX_SESSION};
use pregao_protocol::wire::puzzle::Effort;
use pregao_protocol::wire::session::{Ranking, Suite};

/// The house: keeps rooms in which people auction things without learning who they are.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// Folder for keys and stores; made if missing.
    #[arg(long, env = "PREGAO_BROKER_DATA")]
    data: PathBuf,
    /// Address of the TSA, as it prints it: http://host:port/#fingerprint; https:// if TLS is in front of it.
    #[arg(long)]
    tsa: TsaAddress,
    /// A further TSA that sellers may have lock sealed bids beside that of --tsa, as it prints its address:
    /// http://host:port/#fingerprint. Can be given eight times; each should have an operator of its own.
    #[arg(long = "lock-tsa", value_name = "ADDRESS")]
    lock_tsas: Vec<TsaAddress>,
    /// PEM file of the CAs that the TLS certificate of an https:// TSA or witness may come from, in place of the
    /// public ones.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Where peers connect; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where /healthz and /metrics are served; nowhere if not given.
    #[arg(long)]
    ops: Option<SocketAddr>,
    /// Who cosigns the logs of public rooms, besides the TSA: where it is asked, its verifier key as it prints
    /// it, and who runs it. Can be given more than once, five witnesses in all.
    #[arg(long = "witness", value_name = "URL,VKEY,OPERATOR")]
    witnesses: Vec<WitnessAddress>,
    /// How many different operators of witnesses make a head final and date a close: more than half of them, and the least
    /// that is if not given.
    #[arg(long, value_name = "N")]
    quorum: Option<u32>,
    /// For how many seconds a persona that stayed away from a reveal lists and bids nothing here; 0 for not at all. Who is
    /// refused for it reads until when.
    #[arg(long, default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(..=MAX_BARRED))]
    forfeit_pause: u64,
    /// How many passes each persona may get a day, to spend as a guest of whom the broker knows nothing: on opening a message
    /// box, or on leaving a letter. 0 for none, and no room for their keys; then guests are not let in.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_PASSES)))]
    passes_per_day: u32,
    /// Accept a TSA that runs in simulated time: for tests only.
    #[arg(long)]
    accept_simulated_time: bool,
    /// PEM certificate chain: peers then connect with wss://.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM key of --tls-cert.
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Most connections at once.
    #[arg(long, default_value_t = 10_000)]
    max_connections: usize,
    /// Most connections at once from one address; loopback is not counted.
    #[arg(long, default_value_t = 256)]
    max_per_address: usize,
    /// Frames a second that one session may send on average.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Frames that one session may send at once.
    #[arg(long, default_value_t = 200)]
    burst: u32,
    /// Most work that is asked for under load before an action or a connection is looked at, in leading zero bits of a
    /// hash; 0 never asks for any.
    #[arg(long, default_value_t = MAX_EFFORT, value_parser = clap::value_parser!(u8).range(..=i64::from(MAX_EFFORT)))]
    max_effort: u8,
    /// Seconds from connecting to an established session.
    #[arg(long, default_value_t = 10)]
    handshake_within: u64,
    /// Seconds of silence after which a connection is ended.
    #[arg(long, default_value_t = 90)]
    idle: u64,
    /// Longest life of a session in seconds; an hour at most.
    #[arg(long, default_value_t = MAX_SESSION, value_parser = clap::value_parser!(u64).range(1..=MAX_SESSION))]
    session_lifetime: u64,
    /// Form of the log lines on standard error.
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
}

/// Longest pause after a forfeit, in seconds (V-225).
const MAX_BARRED: u64 = LONGEST_PAUSE.as_secs();

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(arguments.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let folder = Folder::open(&arguments.data)?;
    let (options, ports) = options(arguments)?;
    let server = tokio::select! {
        server = Server::start(folder, options, ports, host::system()) => server?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    announce(&server);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    server.stop().await
}

/// One line on standard output, for people and for programs that start this one. Whoever closed it
/// does not want the line: that stops nobody from bidding.
fn announce(server: &Server) {
    use std::io::Write as _;
    let scheme = if server.tls { "wss" } else { "ws" };
    let fingerprint = server.shared.fingerprint();
    let ready = serde_json::json!({
        "url": format!("{scheme}://{}/#{fingerprint}", server.address),
        "fingerprint": fingerprint,
        "ops": server.ops.map(|ops| format!("http://{ops}")),
        "simulated": server.shared.certificate.simulated,
    });
    let mut out = std::io::stdout();
    if let Err(error) = writeln!(out, "ready {ready}").and_then(|()| out.flush()) {
        tracing::warn!(%error, %ready, "standard output cannot be written to");
    }
}

fn options(arguments: Arguments) -> anyhow::Result<(Options, Ports)> {
    let suites = Ranking::new(&Suite::ALL).unwrap_or_default();
    let ports = Ports {
        listen: arguments.listen,
        ops: arguments.ops,
        tls: arguments.tls_cert.zip(arguments.tls_key),
        capacity: Capacity {
            connections: arguments.max_connections,
            from_one_address: arguments.max_per_address,
        },
    };
    let options = Options {
        tsa: arguments.tsa,
        lock_tsas: arguments.lock_tsas,
        accept_simulated_time: arguments.accept_simulated_time,
        roots: arguments.tls_ca.as_deref().map(Roots::only).transpose()?.unwrap_or_default(),
        limits: Limits {
            handshake: Duration::from_secs(arguments.handshake_within),
            idle: Duration::from_secs(arguments.idle.max(3)),
            lifetime: Duration::from_secs(arguments.session_lifetime),
            rate: arguments.rate,
            burst: arguments.burst,
            under_way: 256,
            rooms: 256,
            max_effort: Effort::new(arguments.max_effort.into())?,
            // Without passes guests would cost the house without a bound.
            guests: arguments.passes_per_day > 0,
        },
        suites,
        witnesses: arguments.witnesses,
        quorum: arguments.quorum,
        barred_for: Duration::from_secs(arguments.forfeit_pause),
        passes_per_day: arguments.passes_per_day,
        checkers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    Ok((options, ports))
}

fn start_log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// The last words of a program that cannot run.
fn fail(error: &anyhow::Error) -> ExitCode {
    use std::io::Write as _;
    let mut words = format!("pregao-broker: {error}\n");
    for cause in error.chain().skip(1) {
        words.push_str(&format!("  because: {cause}\n"));
    }
    // If nobody reads them, the exit status is all that is left.
    let _ = std::io::stderr().write_all(words.as_bytes());
    ExitCode::FAILURE
}
