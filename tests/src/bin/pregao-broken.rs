//! `pregao-broken`: writes transcripts and receipts that hold, and broken ones, with the verdict on each.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the house: it reads the machine"
)]

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use pregao_protocol::audit::verdict::{Standing, verdict};
use pregao_tests::broken::{Made, files};

/// Writes files for comparing another verifier with this one: `DIR/files` holds them, and
/// `DIR/expected.jsonl` a line for each, in the order of their names, as `pregao verify --json` prints it.
#[derive(Parser, Debug)]
struct Arguments {
    /// Folder to make.
    #[arg(long)]
    out: PathBuf,
    /// How many broken files to make of each kind of auction.
    #[arg(long, default_value_t = 500)]
    count: usize,
    /// The same seed makes the same files.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Transcripts and receipts that hold, to make broken ones from besides.
    files: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = arguments.out.join("files");
    ensure!(!folder.exists(), "{} exists already; name another folder", folder.display());
    let mut given = Vec::new();
    for path in &arguments.files {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let verdict = verdict(&bytes);
        if !matches!(verdict.verdict, Standing::Valid | Standing::Incomplete) {
            bail!("{} does not hold: {}", path.display(), verdict.encode());
        }
        let name = path.file_name().and_then(|name| name.to_str()).context("a file has a name")?;
        given.push(Made { name: format!("good-given-{name}"), bytes });
    }
    fs::create_dir_all(&folder)?;
    let mut expected = String::new();
    for Made { name, bytes } in files(arguments.seed, arguments.count, &given) {
        fs::write(folder.join(&name), &bytes)?;
        expected.push_str(&verdict(&bytes).encode());
        expected.push('\n');
    }
    fs::write(arguments.out.join("expected.jsonl"), expected)?;
    Ok(())
}
