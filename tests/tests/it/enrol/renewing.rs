//! What a desk does with its token: by which way it goes to the TSA, and when its certificate is renewed.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_issuer_under_other_dates_is_refused_and_kept_as_evidence() {
    let hall = Hall::open().await;
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    let jwks = hall.gate.take().remove(0).answer;
    let later = Duration::from_secs(1);
    let forged = hall.restated(&jwks, |stated| stated.spend_until = stated.spend_until.plus(later));
    let signed = |jwks: &Value| {
        let entries = jwks["keys"].as_array().unwrap();
        let own = entries.iter().find(|entry| entry["pregao:purpose"] == "issuer").unwrap();
        own["pregao:statement"].as_str().unwrap().to_owned()
    };
    hall.show(forged.clone());
    let error = hall.spend("ana", Spending::default()).await.unwrap_err();
    assert!(matches!(error, EnrolError::OtherIssuer(_)), "{error}");
    assert!(error.to_string().contains("OTHER DATES") && error.advice().contains("evidence"));
    assert_eq!(hall.gate.take().len(), 1, "the token was not shown");
    let evidence = hall.evidence("ana");
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0][..2], [signed(&jwks), signed(&forged)]);
    // In the next period as well; the same evidence is kept once.
    let error = hall.fetch("ana", 1, AT_ONCE).await.unwrap_err();
    assert!(matches!(error, EnrolError::OtherIssuer(_)), "{error}");
    assert_eq!(hall.evidence("ana").len(), 1);
}

/// A house in simulated time: a citizen of it whose certificate has ended, and what it takes to trade.
async fn ended(hall: &Hall, spending: Spending) -> Broker {
    let options = Options::default().simulated();
    let broker = Broker::start(hall.folder.path(), &hall.tsa.address, &options).unwrap();
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    hall.spend("ana", spending).await.unwrap();
    let eight_days = Duration::from_secs(8 * 86_400);
    hall.tsa.set_time(reach().host.clock.wall().plus(eight_days)).unwrap();
    let _ = hall.gate.take();
    broker
}

fn note(part: &'static str) -> impl FnMut(&Event) -> Option<String> {
    move |event| match event {
        Event::Note { text, .. } if text.contains(part) => Some(text.clone()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_goes_to_the_tsa_by_the_proxy_through_which_the_token_was_spent() {
    let hall = Hall::open_with(Options::default().simulated()).await;
    let socks = Socks::start(Manners::Takes).await.unwrap();
    let route = Some(socks.url().parse().unwrap());
    let broker = ended(&hall, Spending { route, ..Spending::default() }).await;
    let mut desk = Desk::start(&hall.vault("ana"), &broker.address).unwrap();
    desk.ever(note("was renewed")).await.unwrap();
    desk.ever(|event| matches!(event, Event::Connected { .. }).then_some(())).await.unwrap();
    desk.kill().await.unwrap();
    let asked = hall.gate.take();
    for path in ["/api/challenge", "/api/issue", "/api/sign-csr"] {
        assert!(asked.iter().any(|asked| asked.path == path), "{path}: {asked:?}");
    }
    assert!(asked.iter().all(|asked| asked.from == OUTSIDE), "{asked:?}");
    // Another one for this time, and none.
    let refusing = Socks::start(Manners::Refuses).await.unwrap();
    let address = broker.address.to_string();
    let words = ["json", "--broker", &address, "--proxy"];
    let mut desk =
        Desk::run(&hall.vault("ana"), &[&words[..], &[&refusing.url()]].concat()).unwrap();
    let reason = desk.ever(|event| match event {
        Event::Disconnected { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let reason = reason.await.unwrap();
    assert!(reason.contains("not reached through the proxy"), "{reason}");
    desk.kill().await.unwrap();
    assert!(hall.gate.take().is_empty());
    let mut desk = Desk::run(&hall.vault("ana"), &[&words[..], &["none"]].concat()).unwrap();
    desk.ever(|event| matches!(event, Event::Connected { .. }).then_some(())).await.unwrap();
    desk.kill().await.unwrap();
    let asked = hall.gate.take();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.from != OUTSIDE), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_shows_no_token_that_its_user_has_not_spent_yet() {
    let hall = Hall::open_with(Options::default().simulated()).await;
    let broker = ended(&hall, Spending::default()).await;
    // As it is with one fetched for the next period, its time come.
    let mut vault = Vault::open(&hall.vault("ana"), &passphrase()).unwrap();
    let unspent = |contents: &mut Contents| {
        let held = contents.enrolment.as_mut().and_then(|kept| kept.held.as_mut()).unwrap();
        held.spend_after = Some(pregao_protocol::value::clock::Time::default());
    };
    vault.update(unspent).unwrap();
    drop(vault);
    let mut desk = Desk::start(&hall.vault("ana"), &broker.address).unwrap();
    desk.ever(note("not spent yet")).await.unwrap();
    let text = desk.ever(note("was not renewed")).await.unwrap();
    assert!(text.contains("pregao enrol --spend"), "{text}");
    desk.kill().await.unwrap();
    let asked = hall.gate.take();
    assert!(asked.iter().any(|asked| asked.path == "/api/sign-csr"), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.body["token"].is_null()), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_looks_at_the_issuer_again_before_it_renews() {
    let hall = Hall::open_with(Options::default().simulated()).await;
    hall.fetch("rui", 2, AT_ONCE).await.unwrap();
    let jwks = hall.gate.take().remove(0).answer;
    let broker = ended(&hall, Spending::default()).await;
    let later = Duration::from_secs(1);
    hall.show(hall.restated(&jwks, |stated| stated.until = stated.until.minus(later)));
    let mut desk = Desk::start(&hall.vault("ana"), &broker.address).unwrap();
    let alarm = desk.ever(|event| match event {
        Event::Alarm { message, .. } => Some(message.clone()),
        _ => None,
    });
    let alarm = alarm.await.unwrap();
    assert!(alarm.contains("OTHER DATES"), "{alarm}");
    desk.kill().await.unwrap();
    let asked = hall.gate.take();
    assert!(!asked.iter().any(|asked| asked.path == "/api/sign-csr"), "{asked:?}");
    assert!(!hall.evidence("ana").is_empty());
}

/// A certificate does not replace a token: the desk shows the token again, by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_renews_with_the_token_although_its_certificate_has_ended() {
    let hall = Hall::open_with(Options::default().simulated()).await;
    let options = Options::default().simulated();
    let broker = Broker::start(hall.folder.path(), &hall.tsa.address, &options).unwrap();
    let kept = hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    assert!(kept.simulated);
    hall.spend("ana", Spending::default()).await.unwrap();
    let before = hall.kept("ana").certificate;
    let eight_days = Duration::from_secs(8 * 86_400);
    hall.tsa.set_time(reach().host.clock.wall().plus(eight_days)).unwrap();
    let mut desk = Desk::start(&hall.vault("ana"), &broker.address).unwrap();
    let renewed = |event: &Event| match event {
        Event::Note { text, .. } if text.contains("was renewed") => Some(()),
        _ => None,
    };
    desk.ever(renewed).await.unwrap();
    let online = |event: &Event| matches!(event, Event::Connected { .. }).then_some(());
    desk.ever(online).await.unwrap();
    desk.kill().await.unwrap();
    assert_ne!(hall.kept("ana").certificate, before);
}
