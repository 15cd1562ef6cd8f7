//! The form for an objection.
//!
//! <https://docs.slack.dev/reference/views/modal-views>

use serde_json::{Value, json};

use super::answer::Answer;
use crate::store::Record;
use crate::template::{clean, shorten};
use crate::track::is_restricted;

/// What Slack calls the form when it is handed in,
pub(super) const CALLBACK: &str = "object";
/// where it has what was written,
pub(super) const WRITTEN: &str = "/values/text/text/value";
/// and which assumption was chosen.
pub(super) const CHOSEN: &str = "/values/line/line/selected_option/value";
/// The field for what was written.
pub(super) const TEXT: &str = "text";
/// Slack takes no longer text of a choice, and not more choices.
const LONGEST_CHOICE: usize = 75;
const MOST_CHOICES: usize = 10;
/// Slack takes no longer input.
const LONGEST_TEXT: usize = 3_000;

/// The form. Its words are ours, but for the assumptions to choose from.
pub(super) fn form(token: &str, told: &[Record], follows: &str) -> Value {
    form_with(token, told.iter().take(MOST_CHOICES).map(option).collect(), follows)
}

fn form_with(token: &str, options: Vec<Value>, follows: &str) -> Value {
    let mut blocks = Vec::new();
    if options.len() > 1 {
        let first = options.first().cloned();
        let element =
            json!({ "type": "radio_buttons", "action_id": "line", "options": options, "initial_option": first });
        blocks.push(
            json!({ "type": "input", "block_id": "line", "label": plain("Which assumption?"), "element": element }),
        );
    }
    let element = json!({
        "type": "plain_text_input", "action_id": TEXT, "multiline": true, "min_length": 1, "max_length": LONGEST_TEXT,
    });
    blocks.push(json!({ "type": "input", "block_id": TEXT, "label": plain("Why you object"), "element": element }));
    blocks.push(json!({ "type": "context", "elements": [plain(follows)] }));
    json!({
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": token,
        "title": plain("Object"),
        "submit": plain("Object"),
        "close": plain("Cancel"),
        "blocks": blocks,
    })
}

/// What takes the form's place once it was handed in.
pub(super) fn done(answer: &Answer) -> Value {
    let view = json!({ "type": "modal", "title": plain("Object"), "close": plain("Close"), "blocks": answer.blocks() });
    json!({ "response_action": "update", "view": view })
}

/// Says below the text what is wrong with it.
pub(super) fn wrong(error: &str) -> Value {
    json!({ "response_action": "errors", "errors": { (TEXT): error } })
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// An assumption to choose. What is restricted, or was changed, isn't said again.
fn option(told: &Record) -> Value {
    let known = told.event.as_ref().filter(|known| !known.changed && !told.of_restricted && !told.by_restricted);
    let known = known.filter(|known| !is_restricted(&known.event.about));
    let text = known.and_then(|known| known.event.note.as_ref()).map(|note| clean(&note.text));
    let text = text.filter(|text| !text.is_empty()).unwrap_or_else(|| format!("the assumption in line {}", told.line));
    choice(&text, &told.line.to_string())
}

fn choice(text: &str, line: &str) -> Value {
    json!({ "text": plain(&shorten(text, LONGEST_CHOICE)), "value": line })
}

#[cfg(test)]
mod peers {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use super::*;

    /// Forms for the program that knows Slack's types: `tests/peers/` reads what this writes.
    #[test]
    fn forms_fit() {
        let choices =
            |count: usize| (0..count).map(|number| choice(&"ids <!here> ".repeat(9), &format!("{number}.1"))).collect();
        let follows = "Its author is told.";
        let answer = Answer::said("You objected to `acme/api#7`.").list(["one".to_owned()]);
        let views = [
            form_with("A.B", choices(1), follows),
            form_with("A.B", choices(10), follows),
            done(&answer)["view"].take(),
        ];
        for (number, view) in views.iter().enumerate() {
            for option in view["blocks"][0]["element"]["options"].as_array().into_iter().flatten() {
                assert!(option["text"]["text"].as_str().unwrap().chars().count() <= LONGEST_CHOICE, "{option}");
            }
            if let Some(folder) = std::env::var_os("MICROALIGN_PEERS") {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(Path::new(&folder).join(format!("modal-{number}.json")), view.to_string()).unwrap();
            }
        }
    }
}
