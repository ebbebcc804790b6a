//! How long a read may take, and how many there may be.

use tokio::time::Instant;

use super::*;
use crate::fixture::{Stage, secs};

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_ten_seconds_is_one_of_a_disk_that_fails() {
    let stage = Stage::open().await;
    let reader = &stage.shared().reader;
    stage.machine.slow_disk(READ_WITHIN - Duration::from_millis(1));
    assert_eq!(reader.read(|_| Ok(7)).await.unwrap(), 7);
    stage.machine.slow_disk(READ_WITHIN + Duration::from_millis(1));
    let begun = Instant::now();
    assert!(matches!(reader.read(|_| Ok(7)).await, Err(StoreError::Slow)));
    let waited = begun.elapsed();
    assert!(waited >= READ_WITHIN && waited < READ_WITHIN + Duration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn reads_that_nobody_waits_for_any_longer_still_hold_their_places() {
    let stage = Stage::open().await;
    stage.machine.slow_disk(secs(25));
    let reads: Vec<_> = (0..READS)
        .map(|_| {
            let reader = stage.shared().reader.clone();
            tokio::spawn(async move { reader.read(|_| Ok(())).await })
        })
        .collect();
    for read in reads {
        assert!(matches!(read.await.unwrap(), Err(StoreError::Slow)));
    }
    stage.machine.slow_disk(Duration::ZERO);
    let late = stage.shared().reader.read(|_| Ok(())).await;
    assert!(matches!(late, Err(StoreError::Slow)), "all threads hang");
    tokio::time::sleep(secs(6)).await;
    assert!(stage.shared().reader.read(|_| Ok(())).await.is_ok());
}
