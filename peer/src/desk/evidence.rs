//! What proves a fault of broker or TSA, kept as files for showing it to others.

use std::path::Path;

use crate::authority::system_time;

/// Most pieces of evidence kept in one folder.
const MOST: usize = 1_000;

/// Keeps the parts, which are as they were signed, in a file of their own.
pub(super) fn keep(folder: &Path, name: &str, parts: &[&str]) {
    let number = system_time().as_micros();
    let path = folder.join(format!("{name}-{number}.json"));
    // Whoever lies without end must not fill the disk with lies.
    if std::fs::read_dir(folder).is_ok_and(|kept| kept.count() >= MOST) {
        return;
    }
    let kept = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, serde_json::json!(parts).to_string()));
    if let Err(error) = kept {
        tracing::error!(%error, "evidence could not be kept");
    }
}
