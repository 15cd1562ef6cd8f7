//! The helpers that templates have besides Handlebars' own.
//!
//! A helper returns a value, which is then made inert like any other. A helper that wrote to the output itself would
//! circumvent that.

use handlebars::{Context, Handlebars, Helper, HelperDef, JsonValue, RenderContext, RenderError, ScopedJson};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

/// How a helper is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// `{{#if …}}…{{/if}}`
    Block,
    /// `{{date …}}`
    Inline,
    /// Either: `{{#eq …}}`, `(eq …)`
    Both,
}

/// A helper, as templates and the reference need it.
#[derive(Debug, Clone, Copy)]
pub struct HelperInfo {
    /// Its name
    pub name: &'static str,
    pub(super) usage: Use,
    /// The least and the most arguments that it takes
    pub(super) arguments: (usize, usize),
    /// How it is written
    pub example: &'static str,
    /// What it does
    pub meaning: &'static str,
}

/// Every helper.
pub const HELPERS: &[HelperInfo] = &[
    helper(
        "if",
        Use::Block,
        (1, 1),
        "{{#if pr}}…{{else}}…{{/if}}",
        "the text if the value is there and isn't false or zero",
    ),
    helper("unless", Use::Block, (1, 1), "{{#unless pr.draft}}…{{/unless}}", "the opposite of `if`"),
    helper(
        "each",
        Use::Block,
        (1, 1),
        "{{#each comments}}{{summary}}{{/each}}",
        "the text once for each entry of a list",
    ),
    helper(
        "with",
        Use::Block,
        (1, 1),
        "{{#with ticket}}{{key}}{{/with}}",
        "the text with the value's own names in reach",
    ),
    helper("eq", Use::Both, (2, 2), "{{#if (eq note.kind \"assumed\")}}…{{/if}}", "whether two values are equal"),
    helper("ne", Use::Both, (2, 2), "(ne actor.login pr.author.login)", "whether two values differ"),
    helper("gt", Use::Both, (2, 2), "(gt pr.additions 500)", "whether the first is greater"),
    helper("gte", Use::Both, (2, 2), "(gte pr.additions 500)", "whether the first is greater or equal"),
    helper("lt", Use::Both, (2, 2), "(lt ticket.due_in_days 2)", "whether the first is less"),
    helper("lte", Use::Both, (2, 2), "(lte ticket.due_in_days 2)", "whether the first is less or equal"),
    helper("and", Use::Both, (1, 8), "(and pr ticket)", "whether all are true"),
    helper("or", Use::Both, (1, 8), "(or pr issue)", "whether at least one is true"),
    helper("not", Use::Both, (1, 1), "(not pr.draft)", "whether the value is absent, false or zero"),
    helper("len", Use::Inline, (1, 1), "{{len pr.labels}}", "how many entries a list has"),
    helper("date", Use::Inline, (1, 1), "{{date ticket.due}}", "a day, or a time in the team's time zone"),
    helper("ago", Use::Inline, (1, 1), "{{ago event.time}}", "how long ago a time is, such as `3 h ago`"),
    helper(
        "join",
        Use::Inline,
        (1, 2),
        "{{join pr.labels \" / \"}}",
        "a list on one line, with `, ` between the entries or what you give",
    ),
    helper(
        "plural",
        Use::Inline,
        (2, 3),
        "{{plural n \"reply\" \"replies\"}}",
        "a number and its noun; the plural form is optional",
    ),
];

const fn helper(
    name: &'static str,
    usage: Use,
    arguments: (usize, usize),
    example: &'static str,
    meaning: &'static str,
) -> HelperInfo {
    HelperInfo { name, usage, arguments, example, meaning }
}

/// Adds the helpers, and removes Handlebars' own helpers that aren't in [`HELPERS`].
pub(super) fn register(registry: &mut Handlebars<'_>) {
    for name in ["lookup", "raw", "log"] {
        registry.unregister_helper(name);
    }
    for (name, value) in [("date", date as ValueOf), ("ago", ago), ("join", join), ("plural", plural)] {
        registry.register_helper(name, Box::new(Value(value)));
    }
}

/// Computes what is shown from the arguments and the whole context.
type ValueOf = fn(&[&JsonValue], &JsonValue) -> String;

struct Value(ValueOf);

impl HelperDef for Value {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let arguments: Vec<&JsonValue> = helper.params().iter().map(|param| param.value()).collect();
        Ok(ScopedJson::Derived((self.0)(&arguments, context.data()).into()))
    }
}

fn string<'a>(arguments: &[&'a JsonValue], index: usize) -> &'a str {
    arguments.get(index).and_then(|value| value.as_str()).unwrap_or_default()
}

/// `{{date ticket.due}}`: a day as `Mon 2 Nov 2026`, a time as `Mon 2 Nov 2026, 14:05 WET` in the team's zone. What is
/// neither is shown as it is.
fn date(arguments: &[&JsonValue], context: &JsonValue) -> String {
    let text = string(arguments, 0);
    if let Ok(time) = text.parse::<Timestamp>() {
        let name = context.get("timezone").and_then(JsonValue::as_str).unwrap_or("UTC");
        let zone = TimeZone::get(name).unwrap_or(TimeZone::UTC);
        let time = time.to_zoned(zone);
        let short = time.strftime("%Z").to_string();
        // Some zones have no letters, only `+04`.
        let utc = if short.starts_with(['+', '-']) { "UTC" } else { "" };
        return format!("{} {utc}{short}", time.strftime("%a %-d %b %Y, %H:%M"));
    }
    text.parse::<Date>().map_or_else(|_| text.to_owned(), |day| day.strftime("%a %-d %b %Y").to_string())
}

/// `{{ago event.time}}`: how long ago, as `3 h ago`.
fn ago(arguments: &[&JsonValue], context: &JsonValue) -> String {
    let text = string(arguments, 0);
    let now = context.get("now").and_then(JsonValue::as_str).and_then(|now| now.parse::<Timestamp>().ok());
    let (Ok(then), Some(now)) = (text.parse::<Timestamp>(), now) else { return text.to_owned() };
    let Ok(minutes) = now.since(then).and_then(|span| span.total(Unit::Minute)) else { return text.to_owned() };
    let size = match minutes.abs() {
        m if m < 1.0 => return "just now".to_owned(),
        m if m < 60.0 => format!("{} min", m.floor()),
        m if m < 48.0 * 60.0 => format!("{} h", (m / 60.0).floor()),
        m => format!("{} days", (m / (24.0 * 60.0)).floor()),
    };
    if minutes < 0.0 { format!("in {size}") } else { format!("{size} ago") }
}

/// `{{join pr.labels}}`, `{{join pr.labels " / "}}`: a list in one line.
fn join(arguments: &[&JsonValue], _: &JsonValue) -> String {
    let separator = arguments.get(1).and_then(|value| value.as_str()).unwrap_or(", ");
    let list = arguments.first().and_then(|value| value.as_array());
    list.into_iter().flatten().filter_map(JsonValue::as_str).collect::<Vec<_>>().join(separator)
}

/// `{{plural pr.changed_files "file"}}`, `{{plural n "reply" "replies"}}`: a number and its noun.
fn plural(arguments: &[&JsonValue], _: &JsonValue) -> String {
    let Some(number) = arguments.first().and_then(|value| value.as_i64()) else { return String::new() };
    let one = string(arguments, 1);
    match (number.abs(), string(arguments, 2)) {
        (1, _) => format!("{number} {one}"),
        (_, "") => format!("{number} {one}s"),
        (_, many) => format!("{number} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_readers_see() {
        let context = json!({"now": "2026-11-02T14:05:00Z", "timezone": "Europe/Lisbon"});
        let table: &[(ValueOf, &[JsonValue], &str)] = &[
            (date, &[json!("2026-11-02")], "Mon 2 Nov 2026"),
            (date, &[json!("2026-11-02T14:05:00Z")], "Mon 2 Nov 2026, 14:05 WET"),
            (date, &[json!("2026-07-02T14:05:00Z")], "Thu 2 Jul 2026, 15:05 WEST"),
            (date, &[json!("soon")], "soon"),
            (date, &[JsonValue::Null], ""),
            (ago, &[json!("2026-11-02T14:04:30Z")], "just now"),
            (ago, &[json!("2026-11-02T14:00:00Z")], "5 min ago"),
            (ago, &[json!("2026-11-02T11:05:00Z")], "3 h ago"),
            (ago, &[json!("2026-10-30T14:05:00Z")], "3 days ago"),
            (ago, &[json!("2026-11-02T16:05:00Z")], "in 2 h"),
            (join, &[json!(["a", "b"])], "a, b"),
            (join, &[json!(["a", "b"]), json!(" / ")], "a / b"),
            (join, &[JsonValue::Null], ""),
            (plural, &[json!(1), json!("file")], "1 file"),
            (plural, &[json!(0), json!("file")], "0 files"),
            (plural, &[json!(2), json!("reply"), json!("replies")], "2 replies"),
            (plural, &[JsonValue::Null, json!("file")], ""),
        ];
        for (helper, arguments, expected) in table {
            let arguments: Vec<&JsonValue> = arguments.iter().collect();
            assert_eq!(helper(&arguments, &context), *expected);
        }
        let dubai = json!({"timezone": "Asia/Dubai"});
        assert_eq!(date(&[&json!("2026-11-02T14:05:00Z")], &dubai), "Mon 2 Nov 2026, 18:05 UTC+04");
    }
}
