//! A payload as the console shows it: how it is built and what conditions are about, without secrets, addresses of people, and
//! the texts that people wrote. Those may have been edited, deleted or restricted since, and the place where they are says how
//! they read now.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Parts of names whose values are secrets.
const SECRET: [&str; 9] =
    ["token", "secret", "password", "passwd", "authorization", "credential", "private_key", "api_key", "cookie"];

/// Names of what people write.
const TEXT: [&str; 16] = [
    "body",
    "body_html",
    "body_text",
    "renderedbody",
    "description",
    "message",
    "comment",
    "text",
    "content",
    "environment",
    "diff_hunk",
    "patch",
    "display_title",
    "from",
    "fromstring",
    "tostring",
];

/// Names of titles, which are shown if they are the ones of today.
const TITLE: [&str; 3] = ["title", "summary", "parent_title"];

/// Fields in Jira whose earlier and later value is one of a list, or a date.
const CHOICES: [&str; 8] =
    ["status", "priority", "issuetype", "resolution", "duedate", "due date", "fix version", "sprint"];

/// What is shown of a ticket that has a security level.
const SHOWN: [&str; 9] =
    ["key", "id", "self", "webhookevent", "issue_event_type_name", "eventtype", "timestamp", "created", "updated"];

/// Tokens by their form, credentials in addresses, and addresses of mail.
static HIDDEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let forms = [
        r"gh[a-z]_[A-Za-z0-9]{16,}",
        r"github_pat_\w+",
        r"xox[a-z]-[\w-]+",
        r"AKIA[0-9A-Z]{16}",
        r"eyJ[\w-]+\.[\w-]+\.[\w-]*",
        r"//[^/\s@]+:[^/\s@]+@",
        r"(?i)[?&](access_token|token|key|secret|signature)=[^&\s]+",
        r"[\w.+-]+@[\w-]+(\.[\w-]+)+",
    ];
    Regex::new(&forms.join("|")).ok()
});

/// Hides what isn't shown of a payload. `titles` are those that its subjects have now.
pub(super) fn redact(payload: &mut Value, titles: &[String], restricted: bool) {
    let restricted = restricted || payload.pointer("/issue/fields/security").is_some_and(|level| !level.is_null());
    hide("", payload, &Hiding { titles, restricted });
}

struct Hiding<'a> {
    titles: &'a [String],
    restricted: bool,
}

fn hide(name: &str, value: &mut Value, hiding: &Hiding<'_>) {
    let name = name.to_lowercase();
    let is_text = TEXT.contains(&name.as_str()) || name.starts_with("customfield_");
    let is_value = !matches!(value, Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_));
    if is_value && SECRET.iter().any(|secret| name.contains(secret)) {
        *value = "(a secret)".into();
        return;
    }
    match value {
        Value::String(_) if hiding.restricted && !SHOWN.contains(&name.as_str()) => *value = "(restricted)".into(),
        Value::String(_) if name.contains("email") => *value = "(an address)".into(),
        Value::String(text) if TITLE.contains(&name.as_str()) && !hiding.titles.contains(text) => {
            *value = "(text)".into();
        }
        Value::String(text) if is_text && !text.is_empty() => *value = "(text)".into(),
        Value::String(text) => *text = without_secrets(text),
        // A document of Jira's.
        Value::Object(object) if is_text && object.contains_key("type") && object.contains_key("content") => {
            *value = "(text)".into();
        }
        Value::Object(object) => {
            let field = object.get("field").and_then(Value::as_str).unwrap_or_default().to_lowercase();
            let keeps = CHOICES.contains(&field.as_str()) && !hiding.restricted;
            for (name, value) in object.iter_mut() {
                if !(keeps && ["fromString", "toString", "from", "to"].contains(&name.as_str())) {
                    hide(name, value, hiding);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| hide(&name, value, hiding)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text without what looks like a secret or an address.
fn without_secrets(text: &str) -> String {
    match &*HIDDEN {
        Some(hidden) => hidden.replace_all(text, "(hidden)").into_owned(),
        None => "(hidden)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(mut payload: Value, restricted: bool) -> Value {
        redact(&mut payload, &["Sort by time".to_owned()], restricted);
        payload
    }

    #[test]
    fn secrets_addresses_and_texts_are_hidden_and_the_rest_is_shown() {
        assert!(HIDDEN.is_some());
        let payload = json!({
            "action": "opened", "installation": { "id": 7, "access_token": "abc" }, "Authorization": "Basic x",
            "pull_request": {
                "number": 45, "title": "Sort by time", "body": "first draft", "draft": true,
                "html_url": "https://github.com/acme/ingest/pull/45?token=abc", "head": { "ref": "DATA-1-sort" },
                "labels": [{ "name": "contract", "description": "as agreed" }],
            },
            "changes": { "title": { "from": "Sort by umbrella" } },
            "commits": [{ "message": "ghp_0123456789abcdef0123", "author": { "email": "ana@example.com", "name": "Ana" } }],
            "hook": { "config": { "secret": "********", "url": "https://user:pass@hooks.example.com/x" } },
            "note": "write to ana@example.com",
        });
        let expected = json!({
            "action": "opened", "installation": { "id": 7, "access_token": "(a secret)" }, "Authorization": "(a secret)",
            "pull_request": {
                "number": 45, "title": "Sort by time", "body": "(text)", "draft": true,
                "html_url": "https://github.com/acme/ingest/pull/45(hidden)", "head": { "ref": "DATA-1-sort" },
                "labels": [{ "name": "contract", "description": "(text)" }],
            },
            "changes": { "title": { "from": "(text)" } },
            "commits": [{ "message": "(text)", "author": { "email": "(an address)", "name": "Ana" } }],
            "hook": { "config": { "secret": "(a secret)", "url": "https:(hidden)hooks.example.com/x" } },
            "note": "write to (hidden)",
        });
        assert_eq!(redacted(payload, false), expected);
        let old = json!({ "pull_request": { "title": "Sort by umbrella" } });
        assert_eq!(redacted(old, false), json!({ "pull_request": { "title": "(text)" } }));
    }

    #[test]
    fn of_a_restricted_ticket_only_its_key_is_shown() {
        let fields =
            json!({ "summary": "Sort by time", "status": { "name": "Open", "id": "3" }, "labels": ["umbrella"] });
        let payload = json!({ "webhookEvent": "jira:issue_updated", "issue": { "key": "DATA-1", "fields": fields } });
        let shown = redacted(payload.clone(), true).to_string();
        for word in ["Sort", "Open", "umbrella"] {
            assert!(!shown.contains(word), "{shown}");
        }
        assert!(shown.contains("DATA-1") && shown.contains("jira:issue_updated"), "{shown}");
        let mut levelled = payload;
        levelled["issue"]["fields"]["security"] = json!({ "name": "Board" });
        assert!(!redacted(levelled, false).to_string().contains("Open"));
        let moved = json!({ "changelog": { "items": [
            { "field": "status", "fromString": "Open", "toString": "Done" },
            { "field": "summary", "fromString": "umbrella", "toString": "Sort by time" },
        ] } });
        let shown = redacted(moved, false).to_string();
        assert!(shown.contains("Done") && !shown.contains("umbrella"), "{shown}");
    }
}
