//! The store against files that were changed, put back, cut, and programs that stop anywhere.

use std::path::Path;
use std::sync::Arc;

use pregao_protocol::host::{NoRandomness, Random};
use pregao_protocol::trust::key::Fingerprint;
use tempfile::TempDir;

use super::*;
use crate::vault::{Contents, Passphrase, TrustedTsa, WorkFactor};

mod contacts;
mod departures;
mod erasing;
mod even;
pub(crate) mod fixture;
mod keys;
mod letters;
mod maildir;
mod opening;
mod passes;
mod registered;
mod rows;
mod search;
