//! Masks secrets in a file before any of it is shown, character by character, so that columns stay right. References
//! such as `${NAME}` and the quotes around a value stay readable.
//!
//! Where a raw type has a secret (`writeOnly` in its schema), everything that isn't known to be harmless is masked,
//! since a misspelt key may hold the secret.

use std::ops::Range;

use schemars::Schema;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::{Place, Step, keys, schema_at};

/// The parts of a parsed document that must not be shown.
pub(super) fn secrets(root: &Spanned<DeValue<'_>>, text: &str, schema: &Schema) -> Vec<Range<usize>> {
    if !holds_secret(schema.as_value()) {
        return Vec::new();
    }
    let mut search =
        Search { text, schema: schema.as_value(), path: Vec::new(), hidden: Vec::new(), tokens: Vec::new() };
    search.visit(root);
    let comments = comments(text, &search.tokens);
    search.hidden.into_iter().chain(comments).flat_map(|span| without_references(text, span)).collect()
}

/// Comments are masked, since an old secret often stays in one. `tokens` are the keys and values, in which `#` isn't
/// special.
fn comments(text: &str, tokens: &[Range<usize>]) -> Vec<Range<usize>> {
    let starts = text.match_indices('#').map(|(at, _)| at);
    starts
        .filter(|at| !tokens.iter().any(|token| token.contains(at)))
        .map(|at| at + 1..text[at..].find('\n').map_or(text.len(), |line| at + line))
        .collect()
}

struct Search<'a> {
    text: &'a str,
    schema: &'a Value,
    path: Vec<Step>,
    hidden: Vec<Range<usize>>,
    /// Keys and values other than tables and lists.
    tokens: Vec<Range<usize>>,
}

impl Search<'_> {
    fn visit(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                for (key, value) in table {
                    self.tokens.push(key.span());
                    self.step(Step::Key(key.get_ref().to_string()), value);
                }
            }
            DeValue::Array(array) => {
                array.iter().enumerate().for_each(|(index, value)| self.step(Step::Index(index), value));
            }
            _ => {
                self.tokens.push(value.span());
                match schema_at(self.schema, &self.path) {
                    Some(schema) if !holds_secret(schema) => self.hidden.extend(in_address(self.text, value.span())),
                    _ => self.hidden.push(value.span()),
                }
            }
        }
    }

    fn step(&mut self, step: Step, value: &Spanned<DeValue<'_>>) {
        self.path.push(step);
        self.visit(value);
        self.path.pop();
    }
}

/// The parts of an address that may be secret: user and password before the `@`, what follows a `?` or a `#`.
fn in_address(text: &str, span: Range<usize>) -> Vec<Range<usize>> {
    let Some(rest) = text[span.clone()].find("://").map(|at| span.start + at + 3) else { return Vec::new() };
    let user = text[rest..span.end].rfind('@').map(|at| rest..rest + at);
    let parameters = text[rest..span.end].find(['?', '#']).map(|at| rest + at + 1..span.end);
    user.into_iter().chain(parameters).collect()
}

/// The parts that must not be shown of a text that isn't TOML: all but headers, and known keys up to their `=`.
pub(super) fn unparsed(text: &str, schema: &Schema) -> Vec<Range<usize>> {
    if !holds_secret(schema.as_value()) {
        return Vec::new();
    }
    let known = key_names(schema.as_value());
    let mut start = 0;
    let mut hidden = Vec::new();
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let header = line.trim_start().starts_with('[') && !line.contains(['"', '\'', ',']);
        match line.split_once('=').filter(|(key, _)| known.contains(&key.trim())) {
            Some((key, _)) => hidden.extend(without_references(text, start + key.len()..end)),
            None if header => {}
            None => hidden.extend(without_references(text, start..end)),
        }
        start = end;
    }
    hidden
}

/// A text without what looks like a secret, wherever it comes from: long words of letters and digits, as tokens and keys are,
/// and what may be secret in an address.
#[must_use]
pub fn veiled(text: &str) -> String {
    let mut hidden = Vec::new();
    let mut start = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        hidden.extend(in_address(text, start..start + word.len()));
        for part in word.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "+/_-=".contains(c))) {
            if looks_secret(part) {
                hidden.push(start..start + part.len());
            }
            start += part.len();
        }
    }
    shown(text, &(0..text.len()), &hidden)
}

fn looks_secret(word: &str) -> bool {
    let has = |word: &str, kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    let digits = |word: &str| has(word, char::is_ascii_digit);
    let letters = |word: &str| has(word, char::is_ascii_alphabetic);
    let long = |part: &str| part.len() >= 20 && digits(part) && letters(part);
    let both_cases = has(word, char::is_ascii_lowercase) && has(word, char::is_ascii_uppercase);
    word.split(|c: char| !c.is_ascii_alphanumeric()).any(long) || (word.len() > 24 && both_cases && digits(word))
}

fn key_names(schema: &Value) -> Vec<&str> {
    let members = schema.as_object().into_iter().flatten();
    let below = members.flat_map(|(_, member)| key_names(member));
    keys(schema).into_iter().chain(below).collect()
}

fn holds_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.get("writeOnly") == Some(&Value::Bool(true)) || members.values().any(holds_secret)
        }
        Value::Array(entries) => entries.iter().any(holds_secret),
        _ => false,
    }
}

/// `span` without each `${…}` in it, which names a secret and isn't one.
fn without_references(text: &str, span: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = span.start;
    while let Some(open) = text[start..span.end].find("${").map(|at| start + at) {
        let Some(close) = text[open..span.end].find('}').map(|at| open + at + 1) else { break };
        let name = &text[open + 2..close - 1];
        // If it isn't a name, it may be the secret itself, written in the wrong place.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.starts_with("file:") || name.chars().all(plain) {
            parts.push(start..open);
        } else {
            parts.push(start..close);
        }
        start = close;
    }
    parts.push(start..span.end);
    parts
}

/// The place of a byte range in `text`, with its line as it may be shown.
pub(super) fn place(text: &str, span: &Range<usize>, hidden: &[Range<usize>]) -> Place {
    let mut place = Place::of(text, span);
    let start = text.floor_char_boundary(span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    place.shown = shown(text, &(line_start..line_start + place.shown.len()), hidden);
    place
}

/// A part of the text as it may be shown.
pub(super) fn shown(text: &str, span: &Range<usize>, hidden: &[Range<usize>]) -> String {
    let veil = |(at, character): (usize, char)| {
        let at = span.start + at;
        let mark = character.is_whitespace() || "\"'[]{},=".contains(character);
        if !mark && hidden.iter().any(|hidden| hidden.contains(&at)) { '*' } else { character }
    };
    text[span.clone()].char_indices().map(veil).collect()
}
