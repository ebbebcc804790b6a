//! Who gets a session, who does not, and what little those are told.

use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::{Initiator, Ranking, Suite};

use super::*;
use crate::fixture::{Caller, LIMITS, Peer, Person, Raw, Stage, Tsa, secs};

/// The word with which a caller is sent away.
async fn sent_away(stage: &Stage, person: &Person, caller: Caller) -> String {
    let failed = stage.metrics().handshakes_failed.value();
    let Err(word) = caller.call(stage, person).await else { panic!("a session") };
    tokio::time::sleep(secs(2)).await;
    assert_eq!(stage.metrics().handshakes_failed.value(), failed + 1);
    assert_eq!(stage.metrics().sessions.value(), 0);
    word
}

/// The same, with something else shown than an honest person would.
async fn refused(stage: &Stage, person: &Person, alter: impl FnOnce(&mut Caller)) -> String {
    let mut caller = Caller::honest(stage, person);
    alter(&mut caller);
    sent_away(stage, person, caller).await
}

#[tokio::test(start_paused = true)]
async fn an_honest_person_is_welcomed_with_the_time_and_the_rate() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let peer = Peer::connect(&stage, &ana).await;
    let FromBroker::Welcome { batch, rate, burst, passes: None } = &peer.welcome else {
        panic!("no welcome")
    };
    assert_eq!((*rate, *burst), (LIMITS.rate, LIMITS.burst));
    stage.tsa.open(batch);
    assert_eq!(stage.metrics().sessions.value(), 1);
    assert_eq!(stage.metrics().handshakes_failed.value(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_common_suite_is_said_by_its_code() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let offer = Ranking::new(&[Suite::AesGcmBlake2s, Suite::ChaChaPolySha256]).unwrap();
    let word = refused(&stage, &ana, |caller| caller.offer = offer).await;
    let error = pregao_protocol::wire::session::SessionError::NoCommonSuite {
        offered: Vec::new(),
        ranked: Vec::new(),
    };
    assert_eq!(word, error.public_code());
}

#[tokio::test(start_paused = true)]
async fn a_ticket_must_be_for_this_broker_this_persona_and_now() {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let (here, now) = (stage.shared().fingerprint(), stage.tsa.now());
    let elsewhere = pregao_protocol::trust::key::Fingerprint([9; 32]);
    let stranger = Tsa::new(50);
    let tickets = [
        ("of another broker", ana.ticket(&stage.tsa, elsewhere, now)),
        ("of another person", rui.ticket(&stage.tsa, here, now)),
        ("of another TSA", ana.ticket(&stranger, here, now)),
        ("that has expired", ana.ticket(&stage.tsa, here, now.minus(secs(300)))),
        ("of the future", ana.ticket(&stage.tsa, here, now.plus(secs(60)))),
        ("that is none", "..".to_owned()),
        ("that is empty", String::new()),
    ];
    let mut words = std::collections::HashSet::new();
    for (what, ticket) in tickets {
        let word = refused(&stage, &ana, |caller| caller.ticket = ticket).await;
        assert!(!word.is_empty(), "{what}");
        words.insert(word);
    }
    assert_eq!(words.len(), 1, "which of them it was is for the log of the broker: {words:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ticket_is_good_until_a_second_before_its_end_and_not_at_it() {
    for (age, good) in [(299, true), (300, false)] {
        let stage = Stage::open().await;
        stage.stop_ticks().await;
        let ana = stage.person(1);
        let whole = Time::default().plus(secs(stage.tsa.now().as_secs() + 10));
        let here = stage.shared().fingerprint();
        let mut caller = Caller::honest(&stage, &ana);
        caller.ticket = ana.ticket(&stage.tsa, here, whole);
        stage.tell(whole.plus(secs(age))).await;
        assert_eq!(caller.call(&stage, &ana).await.is_ok(), good, "{age}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_must_be_by_this_authority_in_force_and_the_persons_own() {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let stranger = Tsa::new(50);
    // The tests begin on the 15th of January.
    let persons = [
        ("of another CA", Person::new(&stranger, 1)),
        ("that is over", Person::certified(&stage.tsa, 1, (1, 14))),
        ("that is to come", Person::certified(&stage.tsa, 1, (17, 31))),
    ];
    for (what, person) in persons {
        let caller = Caller::honest(&stage, &person);
        assert!(!sent_away(&stage, &person, caller).await.is_empty(), "{what}");
    }
    // Somebody else's certificate and ticket, without their key.
    let stolen = Caller::honest(&stage, &rui);
    assert!(!sent_away(&stage, &ana, stolen).await.is_empty());
    let word = refused(&stage, &ana, |caller| caller.certificate = vec![0x30, 0]).await;
    assert!(!word.is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_at_any_point_of_the_handshake_ends_it_at_its_limit() {
    let stage = Stage::open().await;
    for said in 0..3 {
        let begun = tokio::time::Instant::now();
        let mut raw = Raw::connect(&stage).await;
        let ana = stage.person(1);
        let offer = Ranking::new(&[Suite::ChaChaPolyBlake2s]).unwrap();
        let (expect, hello) = Initiator::start(&offer, ana.fresh());
        if said > 0 {
            raw.send(hello).await;
            let choice = raw.next().await.unwrap();
            let (_, message) = expect.handle(&choice).unwrap();
            if said > 1 {
                raw.send(message).await;
                raw.next().await.unwrap();
            }
        }
        assert_eq!(raw.last_word().await, "", "nothing is explained");
        assert_eq!(begun.elapsed().as_secs(), LIMITS.handshake.as_secs(), "{said}");
    }
    assert_eq!(stage.metrics().handshakes_failed.value(), 3);
}

#[tokio::test(start_paused = true)]
async fn garbage_in_place_of_any_message_ends_the_handshake_at_once() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let offer = Ranking::new(&[Suite::ChaChaPolyBlake2s]).unwrap();
    for garbage in [Vec::new(), b"{}".to_vec(), vec![0; 32], vec![7; 4_212], vec![0; 60_000]] {
        for said in 0..3 {
            let begun = tokio::time::Instant::now();
            let mut raw = Raw::connect(&stage).await;
            let (expect, hello) = Initiator::start(&offer, ana.fresh());
            if said > 0 {
                raw.send(hello).await;
                let choice = raw.next().await.unwrap();
                let (_, message) = expect.handle(&choice).unwrap();
                if said > 1 {
                    raw.send(message).await;
                    raw.next().await.unwrap();
                }
            }
            // 32 bytes are a key, and one that no honest program makes.
            raw.send(garbage.clone()).await;
            let word = raw.last_word().await;
            let speaks = said != 1;
            assert_eq!(!word.is_empty(), speaks, "{said}: {word} to {} bytes", garbage.len());
            assert!(begun.elapsed() < LIMITS.handshake);
        }
    }
    assert_eq!(stage.metrics().handshakes_failed.value(), 15);
    let mut raw = Raw::connect(&stage).await;
    raw.send_text("hello").await;
    assert_eq!(raw.last_word().await, "", "text is no hello");
}

#[tokio::test(start_paused = true)]
async fn a_session_exists_only_once_the_peers_first_record_was_opened() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let Ok(mut peer) = Caller::honest(&stage, &ana).call(&stage, &ana).await else {
        panic!("welcomed")
    };
    assert_eq!(stage.metrics().sessions.value(), 0);
    peer.raw.send(vec![0; 272]).await;
    assert!(peer.goodbye().await.is_none());
    assert_eq!(stage.metrics().handshakes_failed.value(), 1);
    let Ok(mut silent) = Caller::honest(&stage, &ana).call(&stage, &ana).await else {
        panic!("welcomed")
    };
    assert!(silent.goodbye().await.is_none(), "and who never sends one is not waited for");
    assert_eq!(stage.metrics().handshakes_failed.value(), 2);
}

#[tokio::test(start_paused = true)]
async fn before_the_tsa_has_told_the_time_nobody_gets_in_and_the_reason_is_said() {
    let tsa = Tsa::new(100);
    tsa.conduct(|conduct| conduct.ticks = false);
    let stage = Stage::start(tempfile::tempdir().unwrap(), tsa, LIMITS, 1).await;
    let ana = stage.person(1);
    let begun = tokio::time::Instant::now();
    let Err(word) = Caller::honest(&stage, &ana).call(&stage, &ana).await else {
        panic!("a session")
    };
    assert_eq!((word.as_str(), begun.elapsed().as_secs()), ("tsa.down", 3));
    // Whoever comes a little too early is let in when the first header is there.
    let caller = Caller::honest(&stage, &ana);
    let (called, ()) = tokio::join!(caller.call(&stage, &ana), async {
        tokio::time::sleep(secs(2)).await;
        stage.tsa.conduct(|conduct| conduct.ticks = true);
    });
    assert!(called.is_ok());
}

#[tokio::test(start_paused = true)]
async fn while_the_tsa_is_away_the_welcome_tells_no_time() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let caller = Caller::honest(&stage, &ana);
    stage.tsa.conduct(|conduct| (conduct.ticks, conduct.reachable) = (false, false));
    tokio::time::sleep(secs(3)).await;
    let Ok(peer) = caller.call(&stage, &ana).await else { panic!("people may still talk") };
    let FromBroker::Welcome { batch, .. } = peer.welcome else { panic!("no welcome") };
    assert_eq!(batch, "", "the peer would count down from it");
}

#[tokio::test(start_paused = true)]
async fn without_chance_there_is_no_handshake() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    stage.machine.end_chance();
    let word = sent_away(&stage, &ana, Caller::honest(&stage, &ana)).await;
    assert_eq!(word, "");
}
