//! Microsoft Teams, through a Workflows webhook: an Adaptive Card in a channel or a chat. There are no replies and no edits.
//!
//! By the schema, a `TextRun` isn't Markdown (<https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run>), but
//! Teams on iOS parses each run as Markdown nevertheless, and every Teams replaces `{{DATE(…)}}` and `{{TIME(…)}}` in it.
//! So a text is split into runs that contain no Markdown either (`pieces`).

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fit::fit;
use super::http::{Call, Http, Reply};
use super::table::{self, Hook, HookTable};
use super::{JOINER, Outcome, Post, ways_out};
use crate::destination::is_address;
use crate::destination::{ChannelSpec, PersonKey, Place};
use crate::template::{Block, Inline, one_line, shorten};
use crate::toml_file::{self, Reader};

/// The channel's name, and what it accepts.
pub(super) const SPEC: ChannelSpec = ChannelSpec {
    name: "teams",
    place: Place::Table,
    person: Some(&PersonKey {
        key: "teams",
        about: "The address that they sign in with to Teams.",
        wanted: "an address such as \"ana@example.com\"",
        fits: is_address,
    }),
    room: 8_000,
    gap: GAP,
};

pub(crate) type Tables = toml_file::Tables<HookTable>;
pub(crate) type Settings = Hook;

pub(crate) fn read(tables: Tables, reader: &mut Reader<'_>) -> BTreeMap<String, Settings> {
    table::named(&SPEC, tables, reader, Hook::read)
}

/// Teams refuses messages near 28 KB, and the workflow doesn't report the refusal
/// (<https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions>).
const MAX: usize = 24_000;
const MAX_WHY: usize = 300;
const MAX_SUMMARY: usize = 300;
const MAX_MENTIONS: usize = 20;

/// Four requests a second (<https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>).
const GAP: Duration = Duration::from_millis(250);

pub(super) async fn send(http: &Http, settings: &Settings, _: &str, post: &Post<'_>) -> Outcome {
    let url = settings.url.expose_secret();
    match http.call(Call::json("Teams", url, &payload(post), (url.to_owned(), GAP))).await {
        // With 202 the workflow has accepted the message. Only its run history shows whether it could post the card.
        Ok(reply) if reply.is_success() => Outcome::sent(None),
        Ok(reply) => refused(&reply),
        Err(outcome) => outcome,
    }
}

#[derive(Deserialize)]
struct Said {
    error: Fault,
}

#[derive(Deserialize)]
struct Fault {
    code: String,
}

const GONE: &str = "the workflow is gone: make a new one, and put its address into `url`";

fn refused(reply: &Reply) -> Outcome {
    let Ok(Said { error: Fault { code } }) = serde_json::from_str(&reply.body) else {
        return match reply.status {
            404 | 410 => reply.failed(&format!("Teams answered {}: {GONE}", reply.status)),
            _ => reply.refused(),
        };
    };
    let advice = match code.as_str() {
        "WorkflowNotFound" => GONE,
        "WorkflowTriggerIsNotEnabled" => "the workflow is turned off: its owner has to turn it on",
        "DirectApiAuthorizationRequired" => {
            "copy the whole address of the workflow again; anyone has to be able to trigger it"
        }
        "TriggerInputSchemaMismatch" => "the workflow has to start from \"When a Teams webhook request is received\"",
        _ => return reply.failed(&format!("Teams says {code}")),
    };
    reply.failed(&format!("Teams says {code}: {advice}"))
}

pub(super) fn payload(post: &Post<'_>) -> Value {
    fit(post.message, |body| message(body, post), |message| size(message) <= MAX)
}

/// How many characters the workflow may make of it: it embeds the card as a text in other JSON, with escapes.
fn size(message: &Value) -> usize {
    let length = |c: char| match c {
        '"' | '\\' => 2,
        '<' | '>' | '&' | '\'' | '+' => 6,
        ' '..='~' => 1,
        c => 6 * c.len_utf16(),
    };
    message.to_string().chars().map(length).sum()
}

fn message(body: &[Block], post: &Post<'_>) -> Value {
    let mentions = mentions(post.mentions);
    let mut elements = Vec::new();
    if !mentions.is_empty() {
        // Teams finds mentions only in a TextBlock. A TextBlock is Markdown, so this one has nothing else in it.
        let text = mentions.iter().filter_map(|mention| mention["text"].as_str()).collect::<Vec<_>>().join(" ");
        elements.push(json!({ "type": "TextBlock", "text": text, "wrap": true }));
    }
    elements.extend(blocks(body, 0));
    elements.push(quiet(post));
    let card = json!({
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        // Teams accepts a card of a later version, but doesn't show it.
        "version": "1.4",
        "fallbackText": "This version of Teams can't show the message, because it doesn't support Adaptive Cards 1.4.",
        "msteams": { "width": "Full", "entities": mentions },
        "body": elements,
    });
    let attachment =
        json!({ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card });
    json!({ "type": "message", "summary": shorten(&one_line(&post.message.body), MAX_SUMMARY), "attachments": [attachment] })
}

/// An entity for each person. The names are plain words, so that there is no Markdown in them.
fn mentions(people: &[&str]) -> Vec<Value> {
    let mut names: Vec<String> = Vec::new();
    let mention = |person: &&str| {
        let local = person.split('@').next().unwrap_or_default();
        let words = local.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut name = words.collect::<Vec<_>>().join(" ");
        if name.is_empty() || names.contains(&name) {
            name = format!("{name} {}", names.len() + 1).trim_start().to_owned();
        }
        names.push(name.clone());
        let text = format!("<at>{name}</at>");
        json!({ "type": "mention", "text": text, "mentioned": { "id": person, "name": name } })
    };
    people.iter().take(MAX_MENTIONS).map(mention).collect()
}

fn quiet(post: &Post<'_>) -> Value {
    let style = Style { quiet: true, ..Style::default() };
    let mut runs = Vec::new();
    style.runs(&shorten(&post.message.why, MAX_WHY), &mut runs);
    for (words, url) in ways_out(post.links) {
        style.runs(" ", &mut runs);
        Style { link: Some(url), ..style }.runs(words, &mut runs);
    }
    json!({ "type": "RichTextBlock", "spacing": "Medium", "inlines": runs })
}

/// How a run looks, and what it links to.
#[derive(Debug, Clone, Copy, Default)]
struct Style<'a> {
    bold: bool,
    italic: bool,
    code: bool,
    quiet: bool,
    link: Option<&'a str>,
}

impl Style<'_> {
    fn runs(self, text: &str, runs: &mut Vec<Value>) {
        runs.extend(pieces(text).into_iter().map(|piece| self.run(piece)));
    }

    /// A run without a style is written as a plain string, which is its short form.
    fn run(self, text: String) -> Value {
        let mut run = Map::new();
        let mut set = |name: &str, value: Value| run.insert(name.to_owned(), value);
        if self.bold {
            set("weight", "Bolder".into());
        }
        if self.italic {
            set("italic", true.into());
        }
        if self.code {
            set("fontType", "Monospace".into());
        }
        if self.quiet {
            set("size", "Small".into());
            set("isSubtle", true.into());
        }
        if let Some(url) = self.link {
            set("selectAction", json!({ "type": "Action.OpenUrl", "url": url }));
        }
        if run.is_empty() {
            return text.into();
        }
        run.insert("type".to_owned(), "TextRun".into());
        run.insert("text".to_owned(), text.into());
        run.into()
    }
}

/// A text in pieces that Teams shows literally. On iOS each run is parsed by `MarkDownParser`, which knows `*` and `_` in
/// pairs, `[…](…)`, and lists at the start of a run, of a line, or after a bracket
/// (<https://github.com/microsoft/Teams-AdaptiveCards-Mobile>, `MarkDownBlockParser.cpp`).
fn pieces(text: &str) -> Vec<String> {
    let mut text = text.to_owned();
    for active in ["{{DATE(", "{{TIME(", "<at>"] {
        let (first, rest) = active.split_at(1);
        text = text.replace(active, &format!("{first}{JOINER}{rest}"));
    }
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let (mut before, mut marked) = ('\n', false);
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let within = c == '_' && before.is_ascii_alphanumeric();
        let mark = matches!(c, '*' | '_') && !(within && letters.peek().is_some_and(char::is_ascii_alphanumeric));
        if mark && marked && !matches!(before, '*' | '_') {
            pieces.push(std::mem::take(&mut piece));
            (before, marked) = ('\n', false);
        }
        let item = matches!(c, '-' | '+' | '*' | '0'..='9') && matches!(before, '\n' | '[' | ']' | ')');
        if item || (before, c) == (']', '(') {
            piece.push(JOINER);
        }
        piece.push(c);
        (before, marked) = (c, marked || mark);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

fn blocks(list: &[Block], depth: usize) -> Vec<Value> {
    list.iter().flat_map(|one| block(one, depth)).collect()
}

fn block(block: &Block, depth: usize) -> Vec<Value> {
    match block {
        Block::Paragraph(inlines) => paragraph(String::new(), inlines).into_iter().collect(),
        Block::Quote(inner) => container(blocks(inner, 0)),
        Block::Code(code) => {
            let mut runs = Vec::new();
            Style { code: true, ..Style::default() }.runs(&indented(code), &mut runs);
            container(vec![json!({ "type": "RichTextBlock", "inlines": runs })])
        }
        Block::List { start, items } => {
            let mut elements: Vec<_> = (0..).zip(items).flat_map(|item| list_item(*start, item, depth)).collect();
            // The items are close together, with a gap before the list.
            for element in elements.iter_mut().skip(usize::from(depth == 0)) {
                element["spacing"] = "Small".into();
            }
            elements
        }
    }
}

fn container(items: Vec<Value>) -> Vec<Value> {
    vec![json!({ "type": "Container", "style": "emphasis", "items": items })]
}

/// A card shows two spaces as one, and drops those at the start of a line.
fn indented(code: &str) -> String {
    let line = |line: &str| {
        let text = line.trim_start_matches(' ');
        "\u{A0}".repeat(line.len() - text.len()) + text
    };
    code.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The mark is before an item's first paragraph, and the rest of the item is indented.
fn list_item(start: Option<u64>, (index, item): (u64, &Vec<Block>), depth: usize) -> Vec<Value> {
    let room = "\u{2003}".repeat(depth);
    let mark = start.map_or("• ".to_owned(), |start| format!("{}. ", start.saturating_add(index)));
    let mut elements = Vec::new();
    let rest = match item.split_first() {
        Some((Block::Paragraph(inlines), rest)) => {
            elements.extend(paragraph(room.clone() + &mark, inlines));
            rest
        }
        _ => {
            elements.extend(paragraph(room.clone() + &mark, &[]));
            item
        }
    };
    for one in rest {
        match one {
            Block::Paragraph(inlines) => elements.extend(paragraph(format!("{room}\u{2003}"), inlines)),
            one => elements.extend(block(one, depth + 1)),
        }
    }
    elements
}

fn paragraph(mark: String, inlines: &[Inline]) -> Option<Value> {
    let mut runs = Vec::new();
    Style::default().runs(&mark, &mut runs);
    runs_of(inlines, Style::default(), &mut runs);
    (!runs.is_empty()).then(|| json!({ "type": "RichTextBlock", "inlines": runs }))
}

fn runs_of<'a>(inlines: &'a [Inline], style: Style<'a>, runs: &mut Vec<Value>) {
    for inline in inlines {
        match inline {
            Inline::Text(text) => style.runs(text, runs),
            Inline::Code(code) => Style { code: true, ..style }.runs(code, runs),
            Inline::Strong(inner) => runs_of(inner, Style { bold: true, ..style }, runs),
            Inline::Emphasis(inner) => runs_of(inner, Style { italic: true, ..style }, runs),
            Inline::Link { text, url } => runs_of(text, Style { link: Some(url), ..style }, runs),
            Inline::Break => runs.push("\n".into()),
        }
    }
}
