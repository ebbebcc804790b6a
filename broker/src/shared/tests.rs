//! What all share.

use crate::fixture::Stage;

#[tokio::test(start_paused = true)]
async fn ids_are_random_and_of_the_fourth_version() {
    let stage = Stage::open().await;
    let ids = [stage.shared().fresh_uuid(), stage.shared().fresh_uuid()];
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.get_version_num() == 4));
}
