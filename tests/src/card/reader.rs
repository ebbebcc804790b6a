//! A real `pcscd` with two virtual reader slots, in namespaces of its own.
//!
//! The driver of the virtual readers listens on every address of the machine, and there is one
//! socket of `pcscd` for all programs. So it runs in a network and a mount namespace that hold
//! nothing else, and whoever uses it runs there too: a test starts its own executable again with
//! [`inside`]. [`Readers::open`] refuses to run anywhere else.

use std::ffi::{CString, OsStr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use pcsc::{Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State};
use tempfile::NamedTempFile;

/// How long `pcscd` may take until its readers are there, and a reader to notice a card.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long a test inside may run.
const INSIDE_WITHIN: Duration = Duration::from_secs(300);
/// Between two looks at something that is awaited.
const PAUSE: Duration = Duration::from_millis(20);
/// Carries the network namespace outside to a program inside.
const OUTSIDE: &str = "PREGAO_TESTS_OUTSIDE";

/// One of the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Port 35963.
    First,
    /// Port 35964.
    Second,
}

impl Slot {
    /// Where the driver awaits a card.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::First => 35963,
            Self::Second => 35964,
        }
    }

    /// The reader's name in PC/SC.
    #[must_use]
    pub fn reader(self) -> &'static str {
        match self {
            Self::First => "Virtual PCD 00 00",
            Self::Second => "Virtual PCD 00 01",
        }
    }

    fn name(self) -> Result<CString> {
        Ok(CString::new(self.reader())?)
    }
}

/// A running `pcscd`. Dropping it ends it.
#[derive(Debug)]
pub struct Readers {
    daemon: Child,
}

impl Readers {
    /// Starts `pcscd` and waits until a program sees both readers.
    ///
    /// # Errors
    /// Outside namespaces made by [`inside`] or [`apart`]; if it is not installed, or not ready in
    /// time: then with its last words.
    pub fn open() -> Result<Self> {
        let outside = std::env::var_os(OUTSIDE);
        let outside =
            outside.context("pcscd is started in namespaces of its own only: use `inside`")?;
        anyhow::ensure!(network()? != outside, "these are not namespaces of their own");
        let log = NamedTempFile::new()?;
        let daemon = Command::new("/usr/sbin/pcscd")
            .arg("--foreground")
            .stdin(Stdio::null())
            .stdout(log.as_file().try_clone()?)
            .stderr(log.as_file().try_clone()?)
            .spawn()
            .context("pcscd cannot be started: .ci/setup installs it")?;
        let mut readers = Self { daemon };
        let begun = Instant::now();
        while !both_there() {
            let ended = readers.daemon.try_wait()?;
            if ended.is_some() || begun.elapsed() > READY_WITHIN {
                let words = std::fs::read_to_string(log.path())?;
                bail!("pcscd shows no virtual readers (status {ended:?}): {words}");
            }
            sleep(PAUSE);
        }
        Ok(readers)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // It keeps nothing, so it need not be asked.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn both_there() -> bool {
    let Ok(context) = Context::establish(Scope::User) else { return false };
    let Ok(names) = context.list_readers_owned() else { return false };
    let there = |slot: Slot| names.iter().any(|name| name.to_str() == Ok(slot.reader()));
    there(Slot::First) && there(Slot::Second)
}

/// Waits until programs see a card in a slot, or none.
pub(super) fn await_card(slot: Slot, present: bool) -> Result<()> {
    await_card_within(slot, present, READY_WITHIN)
}

/// As [`await_card`], with another bound.
pub(super) fn await_card_within(slot: Slot, present: bool, bound: Duration) -> Result<()> {
    let context = Context::establish(Scope::User)?;
    let mut states = [ReaderState::new(slot.name()?, State::UNAWARE)];
    let begun = Instant::now();
    while begun.elapsed() < bound {
        match context.get_status_change(Some(Duration::from_secs(1)), &mut states) {
            Ok(()) | Err(pcsc::Error::Timeout) => {}
            Err(error) => return Err(error.into()),
        }
        for state in &mut states {
            if state.event_state().contains(State::PRESENT) == present
                && (!present || !state.atr().is_empty())
            {
                return Ok(());
            }
            state.sync_current_state();
        }
    }
    let what = if present { "no card is seen" } else { "a card is still seen" };
    bail!("{what} in {:?} after {bound:?}", slot.reader())
}

/// Resets the card in a slot as another program does that uses it and ends. Waits while a program
/// holds the card in a transaction.
///
/// # Errors
/// If there is no card, or another program has it for itself.
pub fn reset_by_another_program(slot: Slot) -> Result<()> {
    let context = Context::establish(Scope::User)?;
    let card = context.connect(&slot.name()?, ShareMode::Shared, Protocols::ANY)?;
    card.disconnect(Disposition::ResetCard).map_err(|(_, error)| error.into())
}

// -------------------------------------------------------------------------------- namespaces

/// Runs one ignored test of the running executable in namespaces of its own. `test` is its name
/// as the executable lists it, such as `opensc::inside::lists_five_certificates`.
///
/// ```ignore
/// #[test]
/// fn a_card_is_listed() -> anyhow::Result<()> {
///     pregao_tests::card::inside("mine::inside::a_card_is_listed")
/// }
/// mod inside {
///     #[test]
///     #[ignore = "started in namespaces of its own by the test of the same name"]
///     fn a_card_is_listed() { /* Readers::open() and so on */ }
/// }
/// ```
///
/// # Errors
/// With everything it said if it fails, does not end in time, or is not there; and if this machine
/// allows no namespaces. The test that calls this must fail then.
pub fn inside(test: &str) -> Result<()> {
    inside_within(test, INSIDE_WITHIN)
}

/// As [`inside`], with another bound on its time.
///
/// # Errors
/// As [`inside`].
pub fn inside_within(test: &str, bound: Duration) -> Result<()> {
    let output = NamedTempFile::new()?;
    let said = || std::fs::read_to_string(output.path()).unwrap_or_default();
    let flags = ["--exact", test, "--ignored", "--nocapture", "--test-threads=1"];
    let mut command = apart(&std::env::current_exe()?, flags)?;
    command.stdin(Stdio::null());
    command.stdout(output.as_file().try_clone()?).stderr(output.as_file().try_clone()?);
    let mut child = command.spawn().context("cannot start `unshare`")?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > bound {
            // `unshare` takes the first process inside with it, and that one all the others.
            child.kill()?;
            child.wait()?;
            bail!("{test} did not end within {bound:?}. It said:\n{}", said());
        }
        sleep(PAUSE);
    };
    let said = said();
    anyhow::ensure!(status.success(), "{test} failed inside ({status}). It said:\n{said}");
    // A name that fits no test passes as well.
    anyhow::ensure!(said.contains("1 passed"), "there is no ignored test {test}:\n{said}");
    Ok(())
}

/// A command that runs a program in namespaces of its own: loopback and nothing else for a
/// network, its own /run/pcscd, and process ids that all end with the program. Inside one may be
/// root without being so outside.
///
/// # Errors
/// If this machine allows no namespaces.
pub fn apart(
    program: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Command> {
    let mut command = unshare(user_namespace_needed()?);
    command.args(["sh", "-eu", "-c", PREPARE, "sh"]).arg(program).args(arguments);
    command.env(OUTSIDE, network()?);
    Ok(command)
}

/// What is prepared inside. /run/pcscd is only there where `pcscd` ran before; where it did not,
/// all of /run is hidden.
const PREPARE: &str = "
PATH=$PATH:/usr/sbin:/sbin
place=/run
if [ -d /run/pcscd ]; then place=/run/pcscd; fi
mount -t tmpfs -o mode=0755 tmpfs $place
mkdir -p /run/pcscd
ip link set lo up
exec \"$@\"";

fn unshare(user: bool) -> Command {
    let mut command = Command::new("unshare");
    if user {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child"]);
    command
}

/// Whether namespaces take a user namespace first. Asked once.
fn user_namespace_needed() -> Result<bool> {
    static NEEDED: OnceLock<Option<bool>> = OnceLock::new();
    let allowed = |user: bool| {
        let mut command = unshare(user);
        command.args(["sh", "-eu", "-c", PREPARE, "sh", "true"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let needed = NEEDED.get_or_init(|| [false, true].into_iter().find(|user| allowed(*user)));
    needed.context(
        "this machine allows no network and mount namespaces, so no virtual card reader can run: \
         run the tests as root, or allow user namespaces (kernel.unprivileged_userns_clone=1, \
         kernel.apparmor_restrict_unprivileged_userns=0), and run .ci/setup",
    )
}

/// Which network namespace this process is in.
fn network() -> Result<std::ffi::OsString> {
    let link = std::fs::read_link("/proc/self/ns/net").context("/proc is not there")?;
    Ok(link.into_os_string())
}
