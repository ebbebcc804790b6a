use super::*;
use crate::front::{Back, pair};
use serde_json::{Value, json};
use tokio::io::BufReader;

/// Runs the front on an input; a desk beside it does every command and reports it as a note.
async fn talk(input: Vec<u8>) -> (Vec<Value>, Vec<Request>) {
    let (front, mut back) = pair();
    let desk = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Some(request) = back.commands.recv().await {
            let text = format!("{:?}", request.command);
            back.events.send(Event::Note { text }).await.unwrap();
            let id = request.id.clone();
            back.events.send(Event::Done { id, ok: true }).await.unwrap();
            taken.push(request);
        }
        taken
    });
    let mut output = Vec::new();
    // A small buffer, so that lines come in parts.
    let input = BufReader::with_capacity(7, input.as_slice());
    run(front, input, &mut output, &PinSource::Nowhere).await.unwrap();
    let lines = String::from_utf8(output).unwrap();
    let events = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (events, desk.await.unwrap())
}

fn dones(events: &[Value]) -> Vec<(Value, bool)> {
    let done = events.iter().filter(|event| event["event"] == "done");
    done.map(|event| (event["id"].clone(), event["ok"].as_bool().unwrap())).collect()
}

#[tokio::test]
async fn commands_go_in_and_events_come_out_with_their_id() {
    let input = concat!(
        r#"{"id":"a","command":"bid","room":"3f2a","amount":"120"}"#,
        "\n\n",
        r#"{"id":7,"command":"items"}"#,
        "\n",
        r#"{"command":"list","title":"Radio","start":"1","for":"90s"}"#,
    );
    let (events, taken) = talk(input.into()).await;
    assert_eq!(dones(&events), [(json!("a"), true), (json!("7"), true), (Value::Null, true)]);
    let bid = Command::Bid { room: "3f2a".to_owned(), amount: "120".to_owned(), currency: None };
    assert_eq!(taken[0], Request { id: Some("a".to_owned()), command: bid });
    assert_eq!(taken[1].command, Command::Items);
    assert!(matches!(&taken[2].command, Command::List { currency, .. } if currency == "EUR"));
}

#[tokio::test]
async fn garbage_is_refused_and_ends_nothing() {
    let garbage: &[&[u8]] = &[
        b"hello",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"7",
        b"{}",
        br#"{"command":"fly"}"#,
        br#"{"command":"bid","room":"3f2a"}"#,
        br#"{"command":"bid","room":"3f2a","amount":120}"#,
        br#"{"command":"bid","room":"3f2a","amount":"1","more":1}"#,
        br#"{"command":"items","more":1}"#,
        br#"{"command":"quit","more":1}"#,
        br#"{"id":{},"command":"items"}"#,
    ];
    for line in garbage {
        let mut input = line.to_vec();
        input.extend_from_slice(b"\n{\"id\":\"after\",\"command\":\"mine\"}\n");
        let (events, taken) = talk(input).await;
        assert_eq!(events[0]["event"], "refused", "{}", String::from_utf8_lossy(line));
        assert_eq!(events[0]["code"], "command.parse");
        assert!(!events[0]["advice"].as_str().unwrap().is_empty());
        assert_eq!(dones(&events), [(Value::Null, false), (json!("after"), true)]);
        assert_eq!(taken.len(), 1);
    }
}

#[tokio::test]
async fn a_refused_line_gives_its_id_back_where_it_has_one() {
    let (events, _) = talk(br#"{"id":"x","command":"fly"}"#.to_vec()).await;
    assert_eq!(dones(&events), [(json!("x"), false)]);
}

#[tokio::test]
async fn a_line_one_byte_too_long_is_skipped_whole() {
    let line = |length: usize| {
        let mut line = br#"{"id":"long","command":"items"}"#.to_vec();
        line.resize(length, b' ');
        line.extend_from_slice(b"\n{\"id\":\"after\",\"command\":\"mine\"}");
        line
    };
    let (events, _) = talk(line(LONGEST_LINE)).await;
    assert_eq!(dones(&events), [(json!("long"), true), (json!("after"), true)]);
    let (events, _) = talk(line(LONGEST_LINE + 1)).await;
    assert!(events[0]["message"].as_str().unwrap().contains("longer"));
    assert_eq!(dones(&events), [(Value::Null, false), (json!("after"), true)]);
    let (events, _) = talk(vec![b'x'; 3 * LONGEST_LINE]).await;
    assert_eq!(dones(&events), [(Value::Null, false)]);
}

#[tokio::test]
async fn help_is_answered_without_the_desk() {
    let (events, taken) = talk(br#"{"id":"h","command":"help","about":"bid"}"#.to_vec()).await;
    assert!(taken.is_empty());
    assert!(events[0]["text"].as_str().unwrap().starts_with("/bid"));
    assert_eq!(dones(&events), [(json!("h"), true)]);
}

#[tokio::test]
async fn quit_reads_no_further() {
    let input = b"{\"command\":\"quit\"}\n{\"command\":\"items\"}\n".to_vec();
    let (_, taken) = talk(input).await;
    assert_eq!(taken.len(), 1);
}

#[tokio::test]
async fn a_burst_larger_than_the_queues_comes_through() {
    let count = 4 * crate::front::QUEUE;
    let input = "{\"command\":\"items\"}\n".repeat(count).into_bytes();
    let (events, taken) = talk(input).await;
    assert_eq!((dones(&events).len(), taken.len()), (count, count));
}

#[tokio::test]
async fn a_desk_that_is_gone_ends_the_front() {
    let (front, back) = pair();
    drop(back);
    let input = b"{\"command\":\"items\"}\n".as_slice();
    run(front, input, &mut Vec::new(), &PinSource::Nowhere).await.unwrap();
    let (front, Back { commands, events, .. }) = pair();
    drop(events);
    run(front, input, &mut Vec::new(), &PinSource::Nowhere).await.unwrap();
    drop(commands);
}
