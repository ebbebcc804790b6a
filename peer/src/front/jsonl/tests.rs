use super::*;
use crate::command::ListFilter;
use crate::front::channel::{Back, pair};
use crate::front::jsonl::read::LONGEST_ID;
use crate::host::system;
use pregao_protocol::host::Clock;
use serde_json::{Value, json};
use tokio::io::BufReader;

/// Runs the front on an input; a desk beside it does every command and reports it as a note.
async fn talk(input: Vec<u8>) -> (Vec<Value>, Vec<UserRequest>) {
    let (_, lines, taken) = talk_raw(input).await;
    (lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect(), taken)
}

/// As [`talk`]; how it ended, and the lines as they were written.
async fn talk_raw(input: Vec<u8>) -> (Status, Vec<String>, Vec<UserRequest>) {
    let (front, mut back) = pair();
    let desk = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Some(request) = back.commands.recv().await {
            let text = format!("{:?}", request.command);
            back.events.send(Event::note(text)).await.unwrap();
            let id = request.id.clone();
            back.events.send(Event::Done { id, ok: true, of: ActView::default() }).await.unwrap();
            taken.push(request);
        }
        taken
    });
    let mut output = Vec::new();
    // A small buffer, so that lines come in parts.
    let input = BufReader::with_capacity(7, input.as_slice());
    let status = run(front, input, &mut output, io::sink(), &PinSource::Nowhere, &system()).await;
    let lines = String::from_utf8(output).unwrap();
    (status, lines.lines().map(str::to_owned).collect(), desk.await.unwrap())
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
    assert_eq!(dones(&events), [(json!("a"), true), (json!(7), true), (Value::Null, true)]);
    let bid = Command::Bid { room: "3f2a".to_owned(), amount: "120".to_owned(), currency: None };
    assert_eq!((&taken[0].command, taken[0].yes), (&bid, false));
    assert_eq!(taken[1].command, Command::Items(ListFilter::default()));
    assert!(matches!(&taken[2].command, Command::List(listing) if listing.currency == "EUR"));
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
    let count = 4 * crate::front::channel::QUEUE;
    let input = "{\"command\":\"items\"}\n".repeat(count).into_bytes();
    let (events, taken) = talk(input).await;
    assert_eq!((dones(&events).len(), taken.len()), (count, count));
}

#[tokio::test]
async fn a_desk_that_is_gone_ends_the_front() {
    let (front, back) = pair();
    drop(back);
    let input = b"{\"command\":\"items\"}\n".as_slice();
    let status =
        run(front, input, &mut Vec::new(), io::sink(), &PinSource::Nowhere, &system()).await;
    assert_eq!(status, Status::Refused);
    let (front, Back { commands, events, .. }) = pair();
    drop(events);
    let status =
        run(front, input, &mut Vec::new(), io::sink(), &PinSource::Nowhere, &system()).await;
    assert_eq!(status, Status::Refused);
    drop(commands);
}

#[tokio::test]
async fn an_id_comes_back_as_it_came() {
    for id in [
        "7",
        "12345678901234567890123",
        "1e3",
        "1E400",
        "-0",
        "0.10",
        r#""7""#,
        r#""a\u0062\"\\ é""#,
        r#""""#,
    ] {
        let input = format!(r#"{{"id": {id} ,"command":"items"}}"#);
        let (status, lines, _) = talk_raw(input.into()).await;
        let done = lines.last().unwrap();
        assert!(done.contains(&format!(r#""id":{id},"#)), "{id}: {done}");
        assert_eq!(status, Status::CarriedOut);
    }
    let long = |length: usize| format!(r#"{{"id":"{}","command":"items"}}"#, "x".repeat(length));
    assert_eq!(talk_raw(long(LONGEST_ID - 2).into()).await.0, Status::CarriedOut);
    assert_eq!(talk_raw(long(LONGEST_ID - 1).into()).await.0, Status::Refused);
    for id in ["true", "[1]", "{}", r#""\ud800""#] {
        let input = format!(r#"{{"id":{id},"command":"items"}}"#);
        let (status, lines, taken) = talk_raw(input.into()).await;
        assert_eq!((status, taken.len()), (Status::Refused, 0), "{id}");
        assert!(lines[0].contains("the id is neither"), "{id}: {}", lines[0]);
    }
}

#[tokio::test]
async fn a_member_that_occurs_twice_is_refused_at_any_depth() {
    for (line, id) in [
        (r#"{"id":"d1","command":"bid","room":"a","room":"b","amount":"1"}"#, json!("d1")),
        (r#"{"id":"d1","command":"bid","room":"a","amount":"901","amount":"950"}"#, json!("d1")),
        (r#"{"id":"d1","command":"bid","room":"a","\u0072oom":"a","amount":"1"}"#, json!("d1")),
        (r#"{"id":"d1","command":"items","command":"quit"}"#, json!("d1")),
        (r#"{"id":"d1","command":"bid","room":{"x":1,"x":1},"amount":"1"}"#, json!("d1")),
        (r#"{"id":"d1","command":"bid","room":[[{"x":{"y":1,"y":2}}]],"amount":"1"}"#, json!("d1")),
        (r#"{"id":"d1","id":"d1","command":"items"}"#, Value::Null),
    ] {
        let (events, taken) = talk(line.into()).await;
        assert!(taken.is_empty(), "{line}");
        assert_eq!(dones(&events), [(id, false)], "{line}");
        assert!(events[0]["message"].as_str().unwrap().contains("occurs twice"), "{line}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_and_line_ends_of_other_systems_cost_no_command() {
    let input =
        "\u{feff}{\"id\":1,\"command\":\"items\"}\r\n\r\n{\"id\":2,\"command\":\"mine\"}\r\n";
    let (events, taken) = talk(input.into()).await;
    assert_eq!(taken.len(), 2);
    assert_eq!(dones(&events), [(json!(1), true), (json!(2), true)]);
    // It is nothing in the middle.
    let (events, _) = talk("{\"command\":\"items\"}\n\u{feff}{\"command\":\"items\"}".into()).await;
    assert_eq!(dones(&events), [(Value::Null, false), (Value::Null, true)]);
}

#[tokio::test]
async fn what_is_not_utf_8_is_said_to_be_so() {
    let (events, taken) =
        talk(b"{\"command\":\"say\",\"room\":\"ab\",\"text\":\"\xff\"}".into()).await;
    assert!(taken.is_empty());
    assert!(events[0]["message"].as_str().unwrap().contains("not UTF-8"));
}

#[tokio::test]
async fn one_refused_line_makes_the_whole_run_refused() {
    let good = "{\"command\":\"items\"}\n";
    assert_eq!(talk_raw(good.into()).await.0, Status::CarriedOut);
    assert_eq!(talk_raw(format!("{good}nonsense\n{good}").into()).await.0, Status::Refused);
    assert_eq!(talk_raw(Vec::new()).await.0, Status::CarriedOut);
}

/// Takes so many bytes, then is full.
struct Full(usize);

impl AsyncWrite for Full {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        std::task::Poll::Ready(match taken {
            0 => Err(io::ErrorKind::StorageFull.into()),
            taken => Ok(taken),
        })
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

/// Two commands on an output that holds so many bytes; the desk answers both like this.
async fn unread(room: usize, ok: bool) -> (Status, String) {
    let (front, mut back) = pair();
    let desk = tokio::spawn(async move {
        while let Some(UserRequest { id, .. }) = back.commands.recv().await {
            back.events.send(Event::Done { id, ok, of: ActView::default() }).await.unwrap();
        }
    });
    let input = b"{\"id\":1,\"command\":\"items\"}\n{\"id\":2,\"command\":\"mine\"}\n".as_slice();
    let mut aside = Vec::new();
    let status = run(front, input, Full(room), &mut aside, &PinSource::Nowhere, &system()).await;
    desk.await.unwrap();
    (status, String::from_utf8(aside).unwrap())
}

#[tokio::test]
async fn what_was_carried_out_and_cannot_be_told_is_said_aside() {
    assert_eq!(unread(1_000, true).await, (Status::CarriedOut, String::new()));
    let (status, said) = unread(10, true).await;
    assert_eq!(status, Status::Unreported);
    assert!(said.starts_with("pregao: command 1: carried out; "), "{said}");
    let (status, said) = unread(10, false).await;
    assert_eq!(status, Status::Refused);
    assert!(said.starts_with("pregao: command 1: refused or failed; "), "{said}");
}

#[tokio::test]
async fn a_desk_that_says_nothing_is_not_waited_for_for_ever() {
    let (front, _back) = pair();
    let input = b"{\"id\":1,\"command\":\"items\"}\n".as_slice();
    let mut output = Vec::new();
    let out = EventWriter::new(&mut output, io::sink(), JsonLines);
    let status = serve(
        (Until::input_ends(Duration::ZERO), &system(), &PinSource::Nowhere),
        front,
        Some(input),
        out,
    )
    .await;
    assert_eq!(status, Status::Refused);
    let said = String::from_utf8(output).unwrap();
    assert!(said.contains("link.slow") && said.contains(r#""id":1,"ok":false"#), "{said}");
}

#[tokio::test]
async fn quit_comes_after_what_is_under_way() {
    let (front, mut back) = pair();
    let desk = tokio::spawn(async move {
        let first = back.commands.recv().await.unwrap();
        // Nothing else comes before this is answered.
        tokio::task::yield_now().await;
        assert!(back.commands.try_recv().is_err());
        back.events
            .send(Event::Done { id: first.id, ok: true, of: ActView::default() })
            .await
            .unwrap();
        let last = back.commands.recv().await.unwrap();
        assert_eq!(last.command, Command::Quit);
        back.events
            .send(Event::Done { id: last.id, ok: true, of: ActView::default() })
            .await
            .unwrap();
    });
    let input = b"{\"command\":\"items\"}\n{\"command\":\"quit\"}\n".as_slice();
    let status =
        run(front, input, &mut Vec::new(), io::sink(), &PinSource::Nowhere, &system()).await;
    desk.await.unwrap();
    assert_eq!(status, Status::CarriedOut);
}

/// Gives a piece at each reading.
struct Pieces(Vec<&'static [u8]>);

impl tokio::io::AsyncRead for Pieces {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        if !self.0.is_empty() {
            buffer.put_slice(self.0.remove(0));
        }
        std::task::Poll::Ready(Ok(()))
    }
}

/// A clock on which each look is a second later.
#[derive(Debug, Default)]
struct Looked(std::sync::atomic::AtomicU64);

impl Clock for Looked {
    fn uptime(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    fn wall(&self) -> pregao_protocol::value::clock::Time {
        pregao_protocol::value::clock::Time::default()
    }
}

#[tokio::test]
async fn lines_that_came_in_one_piece_were_written_together() {
    let clock = Arc::new(Looked::default());
    let pieces = Pieces(vec![b"a\nb\nc", b"c\nd\n", b"e"]);
    let mut lines = Some(Lines::new(tokio::io::BufReader::new(pieces), clock));
    let mut read = Vec::new();
    while let Some((TakenLine::Whole(line), written)) = next_line(&mut lines).await.unwrap() {
        read.push((String::from_utf8(line).unwrap(), written.as_secs()));
    }
    let expected = [("a", 0), ("b", 0), ("cc", 1), ("d", 1), ("e", 3)];
    assert_eq!(read, expected.map(|(line, written)| (line.to_owned(), written)));
}

#[tokio::test]
async fn what_comes_after_the_end_of_a_command_has_no_id_any_more() {
    let (front, mut back) = pair();
    let desk = tokio::spawn(async move {
        let UserRequest { id, .. } = back.commands.recv().await.unwrap();
        let of = ActView::default();
        back.events.send(Event::Done { id: id.clone(), ok: true, of: of.clone() }).await.unwrap();
        let late = Event::Note { text: "late".to_owned(), id, of };
        back.events.send(late).await.unwrap();
        while back.commands.recv().await.is_some() {}
    });
    let input =
        b"{\"id\":\"a\",\"command\":\"items\"}\n{\"id\":\"q\",\"command\":\"quit\"}".as_slice();
    let mut output = Vec::new();
    let out = EventWriter::new(&mut output, io::sink(), JsonLines);
    serve(
        (Until::input_ends(Duration::from_millis(200)), &system(), &PinSource::Nowhere),
        front,
        Some(input),
        out,
    )
    .await;
    desk.abort();
    let said = String::from_utf8(output).unwrap();
    let late = said.lines().find(|line| line.contains("late"));
    assert!(late.is_none_or(|line| line.contains(r#""id":null"#)), "{said}");
    assert!(late.is_some(), "{said}");
}
