//! What of a file may be shown: a secret written out in it is masked, character by character, so that the columns
//! stay true. References such as `${NAME}` and the marks around a value stay readable.
//!
//! Where a raw type has a secret (`writeOnly` in its schema), whatever isn't known to be harmless is masked: a
//! misspelt key may hold the secret too.

use std::ops::Range;

use schemars::Schema;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::{Place, Step, keys, schema_at};

/// The parts of a parsed document that must not be shown.
pub(super) fn secrets(root: &Spanned<DeValue<'_>>, text: &str, schema: &Schema) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    if holds_secret(schema.as_value()) {
        collect(root, &mut Vec::new(), schema.as_value(), &mut hidden);
    }
    hidden.into_iter().flat_map(|span| without_references(text, span)).collect()
}

fn collect(value: &Spanned<DeValue<'_>>, path: &mut Vec<Step>, schema: &Value, hidden: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in table {
                path.push(Step::Key(key.get_ref().to_string()));
                collect(value, path, schema, hidden);
                path.pop();
            }
        }
        DeValue::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                path.push(Step::Index(index));
                collect(value, path, schema, hidden);
                path.pop();
            }
        }
        _ if schema_at(schema, path).is_none_or(holds_secret) => hidden.push(value.span()),
        _ => {}
    }
}

/// The parts of a text that is no TOML which must not be shown: all but headers, and known keys up to their `=`.
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
        parts.push(start..open);
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
