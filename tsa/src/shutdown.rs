//! How everything that serves hears that the process is asked to end.

use tokio::sync::watch;

/// Completes when the process is asked to end.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same as one that says stop.
    let _ = stopping.wait_for(|stop| *stop).await;
}
