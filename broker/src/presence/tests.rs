//! Who is invited, and for how long.

use super::*;
use crate::fixture::{Person, Stage};

#[tokio::test(start_paused = true)]
async fn invitations_wait_for_who_is_away_and_end_with_the_auction() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let (rui, eva) = (stage.person(2), stage.person(3));
    let listed = stage.list(&ana, 3_600).await;
    let auction = listed.room();
    let bid = stage.bids(&rui, auction, 100).await;
    stage.bids(&eva, auction, 110).await;
    let (shared, private) = (stage.shared(), RoomName([5; 32]));
    let print = |person: &Person| person.key.public().fingerprint();
    let (session, mut frames) = mpsc::unbounded_channel();
    assert!(shared.presence.register(print(&ana), session.clone()).is_empty());
    let keys = [*listed.action.key(), *bid.action.key()];
    shared.invite(auction, private, keys).await.unwrap();
    assert!(matches!(frames.try_recv(), Ok(FromBroker::Invited { .. })));
    shared.invite(auction, private, keys).await.unwrap();
    let (other, mut late) = mpsc::unbounded_channel();
    assert_eq!(
        shared.presence.register(print(&rui), other.clone()),
        [(auction, private)],
        "kept once"
    );
    assert!(shared.presence.register(print(&eva), other).is_empty(), "she lost");
    assert!(late.try_recv().is_err());
    // Who has left is told nothing, and finds it on coming back.
    shared.presence.unregister(print(&ana), &session);
    while frames.try_recv().is_ok() {}
    shared.invite(auction, private, keys).await.unwrap();
    assert!(frames.try_recv().is_err());
    assert_eq!(shared.presence.register(print(&ana), session.clone()).len(), 1);
    shared.forget_authors(auction).await;
    assert!(shared.presence.register(print(&ana), session).is_empty());
    // Nobody is known any more, so nobody can be invited.
    shared.invite(auction, private, keys).await.unwrap();
    assert!(frames.try_recv().is_err());
}
