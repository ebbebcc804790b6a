//! A broker that leaves out, repeats, adds or exchanges the batch headers of what it sends (V-023, V-028).

use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::FromBroker;
use pregao_tests::liar::{Down, Lie};

use super::{Stage, found_out, header};

/// A lie about the headers that come with the entries of a room.
fn about_headers(mut change: impl FnMut(&mut Vec<String>) + Send + 'static) -> impl Lie {
    Down(move |frame| match frame {
        FromBroker::Entries { room, mut headers, entries, head } => {
            // What comes later comes alone.
            if headers.len() > 1 {
                change(&mut headers);
            }
            vec![FromBroker::Entries { room, headers, entries, head }]
        }
        other => vec![other],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_the_entries_do_not_name_are_said_loudly() {
    type Change = Box<dyn FnMut(&mut Vec<String>) + Send>;
    let stage = Stage::set().await;
    let foreign = SecretKey::from_seed(&[7; 32]);
    let other = header(&foreign, &Digest([1; 32]), Time::default()).sign(&foreign);
    let (first, last) = (other.clone(), other);
    let lies: [(&str, Change); 5] = [
        ("missing", Box::new(|headers| drop(headers.remove(1)))),
        ("missing", Box::new(move |headers| headers[0].clone_from(&first))),
        ("superfluous", Box::new(move |headers| headers.push(last.clone()))),
        (
            "more than once",
            Box::new(|headers| {
                let first = headers[0].clone();
                headers[1] = first;
            }),
        ),
        ("out of order", Box::new(|headers| headers.swap(0, 1))),
    ];
    for (said, lie) in lies {
        let (_liar, mut desk) = stage.lied_to(about_headers(lie)).await;
        found_out(&mut desk, said, "headers").await;
        desk.end().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_with_every_record_that_no_entry_names_is_said_loudly_in_the_list_too() {
    let stage = Stage::set().await;
    let lie = Down(|frame| match frame {
        FromBroker::Lobby { from, mut headers, openings, more } => {
            headers.extend(headers.first().cloned());
            vec![FromBroker::Lobby { from, headers, openings, more }]
        }
        other => vec![other],
    });
    let (_liar, mut desk) = stage.lied_to(lie).await;
    found_out(&mut desk, "other batch headers than they name", "headers").await;
}
