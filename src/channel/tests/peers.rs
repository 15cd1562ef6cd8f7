//! Messages for the programs that know Slack's and Teams' formats: `tests/peers/` reads what this writes.

use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::super::{google_chat, slack, teams};
use super::random;
use super::*;

const RANDOM: usize = 40;

/// Every built-in message as it is, the message that has everything, and some that somebody made to break things.
#[test]
fn built_in_messages_fit() {
    let folder = std::env::var_os("MICROALIGN_PEERS");
    let links = Links { mute: Some("https://ours.example/mute/y".to_owned()), ..NO_LINKS.clone() };
    let templates = templates();
    let buttons = Buttons { assumption: Some("A.B".to_owned()), mute: Some("C.D".to_owned()) };
    let kinds = EventKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), message_of(*kind, &templates)));
    let mut runner = TestRunner::deterministic();
    let count = if folder.is_some() { RANDOM } else { 0 };
    let random = (0..count).map(|number| {
        (format!("random-{number}"), random::message().new_tree(&mut runner).map(|tree| tree.current()).unwrap())
    });
    for (name, message) in kinds.chain(random) {
        let mentioned = |people: &'static [&'static str]| Post {
            mentions: people,
            links: &links,
            buttons: &buttons,
            ..post(&message)
        };
        let written = [
            ("teams", teams::payload(&mentioned(&["ana@example.com"]))),
            ("slack", slack::payload(&mentioned(&["U1"]))),
            ("google_chat", google_chat::payload(&mentioned(&["17"]))),
        ];
        for (channel, body) in written {
            assert!(name.starts_with("random") || !body.to_string().contains("more at"), "{channel} {name}");
            if let Some(folder) = &folder {
                write(Path::new(folder), &format!("{channel}-{name}.json"), &body);
            }
        }
    }
}

fn write(folder: &Path, name: &str, body: &Value) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), serde_json::to_vec_pretty(body).unwrap()).unwrap();
}
