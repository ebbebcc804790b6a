//! What the list shows, and in which order.

use pregao_protocol::log::{Entry, RoomName};

use crate::fixture::Stage;

#[tokio::test(start_paused = true)]
async fn the_list_of_rooms_keeps_its_order_over_a_restart_and_shows_no_private_room() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(stage.list(&ana, 20).await.room());
    }
    stage.bids(&stage.person(2), rooms[1], 100).await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let stage = stage.restart().await;
    let shown = |from, most| -> Vec<RoomName> {
        let openings = stage.shared().lobby.page(from, most);
        let name = |text: &str| RoomName::of_opening(&Entry::parse(text).unwrap().action);
        openings.iter().map(|opening| name(&opening.entry)).collect()
    };
    assert_eq!(shown(0, 9), rooms);
    assert_eq!((shown(1, 1), shown(3, 9)), (vec![rooms[1]], Vec::new()));
    let private = stage.reveals()[0].0;
    assert!(stage.registry().room(private).unwrap().readers.is_some());
    assert!(stage.registry().room(rooms[1]).unwrap().readers.is_none());
    assert_eq!(*stage.shared().lobby.watch().borrow(), 3);
}
