//! GitHub's webhooks in the stories, made up in the shapes that it documents.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::event::Source;

/// One request of the story.
pub(super) struct Step {
    /// What happens, in words
    pub says: &'static str,
    /// Who sends it
    pub source: Source,
    /// `X-GitHub-Event`; unused for Jira
    pub event: &'static str,
    /// The sender's id for it: two steps with the same one are one delivery
    pub delivery: &'static str,
    /// Its body
    pub body: Value,
    /// Whether it is signed with the right secret
    pub signed: bool,
}

/// A webhook of GitHub's.
pub(super) fn github(says: &'static str, event: &'static str, delivery: &'static str, body: Value) -> Step {
    Step { says, source: Source::Github, event, delivery, body, signed: true }
}

/// A request by somebody who doesn't have the secret.
pub(super) fn unsigned(delivery: &'static str, body: Value) -> Step {
    let says = "Noise: somebody else's request, with a wrong signature.";
    Step { signed: false, ..github(says, "pull_request", delivery, body) }
}

/// The day that is so many days from today.
pub(super) fn day(after: i64) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.saturating_add(after.days()).to_string()
}

pub(super) fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({ "login": login, "type": kind, "html_url": format!("https://github.com/{login}") })
}

pub(super) fn repository() -> Value {
    json!({ "full_name": "acme/ingest-api", "private": false, "html_url": "https://github.com/acme/ingest-api" })
}

pub(super) fn merge(mut value: Value, more: &Value) -> Value {
    if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
        value.extend(more.clone());
    }
    value
}

pub(super) fn pull_request(action: &str, sender: &str, more: &Value) -> Value {
    let pull_request = json!({
        "number": 45,
        "title": "Add the v2 order schema",
        "html_url": "https://github.com/acme/ingest-api/pull/45",
        "state": "open",
        "user": user("ana"),
        "body": "Moves orders to the v2 schema. Closes DATA-123.",
        "base": { "ref": "main" },
        "head": { "ref": "data-123-order-v2" },
        "labels": [{ "name": "contract" }],
        "additions": 212,
        "deletions": 34,
        "changed_files": 9,
        "merged": false,
    });
    json!({
        "action": action,
        "pull_request": merge(pull_request, more),
        "repository": repository(),
        "sender": user(sender),
    })
}

pub(super) fn by_bot() -> Value {
    let more = json!({ "number": 46, "title": "Update serde to 1.0.300", "user": user("renovate[bot]"), "body": "",
        "html_url": "https://github.com/acme/ingest-api/pull/46", "head": { "ref": "renovate/serde" } });
    pull_request("opened", "renovate[bot]", &more)
}

pub(super) fn by_member() -> Value {
    let more = json!({ "number": 44, "title": "Let the web client ask for v2", "user": user("bo"), "body": "",
        "html_url": "https://github.com/acme/ingest-api/pull/44", "head": { "ref": "web-v2" },
        "state": "closed", "merged": true });
    pull_request("closed", "bo", &more)
}

/// Bo changes the contract in a repository of the web team.
pub(super) fn contract_elsewhere() -> Value {
    let more = json!({ "number": 80, "title": "Ask for orders in the v2 schema", "user": user("bo"), "body": "",
        "html_url": "https://github.com/acme/web-client/pull/80", "head": { "ref": "orders-v2" },
        "state": "closed", "merged": true, "draft": false });
    let there =
        json!({ "full_name": "acme/web-client", "private": false, "html_url": "https://github.com/acme/web-client" });
    merge(pull_request("closed", "bo", &more), &json!({ "repository": there }))
}

/// Mia begins to work on the same ticket.
pub(super) fn unheard(closes: &str) -> Value {
    let more = json!({ "number": 31, "title": "Read orders in the v2 schema", "user": user("mia"), "draft": true,
        "body": format!("For {closes}."), "html_url": "https://github.com/acme/mobile-app/pull/31",
        "head": { "ref": "read-orders-v2" }, "labels": [] });
    let there =
        json!({ "full_name": "acme/mobile-app", "private": false, "html_url": "https://github.com/acme/mobile-app" });
    merge(pull_request("opened", "mia", &more), &json!({ "repository": there }))
}

pub(super) fn comment() -> Value {
    json!({
        "action": "created",
        "issue": {
            "number": 45,
            "title": "Add the v2 order schema",
            "html_url": "https://github.com/acme/ingest-api/pull/45",
            "state": "open",
            "user": user("ana"),
            "labels": [{ "name": "contract" }],
            "pull_request": { "html_url": "https://github.com/acme/ingest-api/pull/45" },
        },
        "comment": {
            "id": 7001,
            "html_url": "https://github.com/acme/ingest-api/pull/45#issuecomment-7001",
            "user": user("ana"),
            "body": "First half is in.\n\n/assume order ids are never reused, so the web client may cache by id",
        },
        "repository": repository(),
        "sender": user("ana"),
    })
}

pub(super) fn review(more: &Value) -> Value {
    let body = pull_request("submitted", "caro", &merge(json!({ "draft": false }), more));
    let review = json!({
        "id": 8001,
        "state": "approved",
        "body": "",
        "user": user("caro"),
        "html_url": "https://github.com/acme/ingest-api/pull/45#pullrequestreview-8001",
    });
    merge(body, &json!({ "review": review }))
}
