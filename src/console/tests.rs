//! Who may change what, and who sees which words.

#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::channel::{ChannelSettings, Names};
use crate::config;
use crate::event::{About, Event, EventKind, Source, SubjectKey};
use crate::mute::{By, Mute, Scope};
use crate::store::tests::{DELIVERY, Place, change, reads_a_whole_table};

fn team(name: &str, more: &str) -> String {
    let rule = "[[rule]]\nname = \"all\"\non = [\"note.assumed\"]\n";
    format!("team = \"{name}\"\nto = [\"mailbox\"]\n{more}\n{rule}")
}

/// A line of a team about an assumption in a private repository, with a send that failed.
fn line(id: i64, team: &str) -> String {
    let message = json!({ "subject": "Secret fish", "body": [], "why": "why" });
    let reason = json!({ "code": "sending" });
    format!(
        "INSERT INTO ledger (id, delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at, message)
         VALUES ({id}, 1, {id}, 1, 'github', 'note.assumed', 'acme/api#7', 'acme/api#7', '{team}', 'all', 'failed', '{reason}', 0, '{message}');
INSERT INTO send (ledger_id, destination, thread, state, attempts, next_at, created_at)
         VALUES ({id}, 'mailbox', 'acme/api#7', 'failed', 3, 0, 0);
"
    )
}

async fn console() -> (Place, Arc<Console>) {
    console_at(Place::new()).await
}

async fn console_at(folder: Place) -> (Place, Arc<Console>) {
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    write("microalign.toml", "[github]\nsecrets = [\"sixteen-letters-or-more\"]\n");
    for (name, more) in [("web", ""), ("ops", ""), ("outside", "audience = \"outside\"")] {
        write(&format!("rules/{name}.toml"), &team(name, more));
    }
    let config = config::load(&folder.path().join("microalign.toml"), &|_| None).unwrap();
    let (store, _) = Store::scratch(folder.store()).await.unwrap();
    let about: About = serde_json::from_value(json!({
        "type": "pull_request", "number": 7, "title": "Secret fish", "url": "https://github.com/acme/api/pull/7",
        "stage": "open", "private": true,
    }))
    .unwrap();
    let mut event = json!(Event::bare(Source::Github, EventKind::NoteAssumed, SubjectKey::from("acme/api#7"), about));
    event["note"] = json!({ "kind": "assumed", "text": "Secret fish swim" });
    let event = format!("INSERT INTO event (id, delivery_id, body) VALUES (1, 1, '{event}');\n");
    let private = "INSERT INTO repository (name, private, at) VALUES ('acme/api', 1, 0);\n";
    change(&store, [DELIVERY, private, &event, &line(1, "web"), &line(2, "ops"), &line(3, "outside")].concat()).await;
    for team in [Some("web"), None] {
        let scope = Scope { team: team.map(str::to_owned), thread: Some("acme/api#7".to_owned()), ..Scope::default() };
        store.mute(Mute { scope, until: None, at: Timestamp::now(), by: By::Link, who: None }).await.unwrap();
    }
    let key = store.link_key().await.unwrap();
    let channels = Arc::new(Channels::new(ChannelSettings::default(), Names::new(&key)));
    let rulebook = watch::channel(Arc::new(Rulebook::load(&config, None))).1;
    let lanes = (Settings::default(), Lanes::default());
    (folder, Arc::new(Console::new(store, rulebook, channels, lanes)))
}

fn visitor(role: Role, teams: &[&str]) -> Visitor {
    Visitor::in_test(role, teams, role == Role::Operate || teams != ["outside"])
}

async fn asked(console: &Arc<Console>, visitor: &Visitor, (method, path, body): (Method, &str, &str)) -> (u16, String) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let decoded = |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let asked = Asked {
        method,
        segments: path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect(),
        query: query.to_owned(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        last_event_id: None,
        visitor: visitor.clone(),
    };
    match Arc::clone(console).answer(asked).await {
        Answer::Page(page) => (200, page.into_string()),
        Answer::Refusal(status, page) => (status.as_u16(), page.into_string()),
        Answer::Json(status, json) => (status.as_u16(), json),
        Answer::SeeOther(to) => (StatusCode::SEE_OTHER.as_u16(), to),
        Answer::Mail(_) | Answer::Asset { .. } | Answer::File { .. } | Answer::Live(_) => panic!("not asked for"),
    }
}

const CONVERSATION: &str = "/conversations/acme%2Fapi%237";

#[tokio::test]
async fn a_visitor_changes_what_the_role_allows() {
    let (seer, member, operator) =
        (visitor(Role::View, &["web"]), visitor(Role::Team, &["web"]), visitor(Role::Operate, &[]));
    let table: [(&str, &str, [u16; 3]); 9] = [
        ("/deliveries", "retry=1.1", [403, 303, 303]),
        ("/deliveries", "retry=1.2", [403, 403, 303]),
        ("/deliveries", "line=1.1&line=1.2&selected=1", [403, 403, 303]),
        (CONVERSATION, "team=web&for=1d", [403, 303, 303]),
        (CONVERSATION, "team=ops&for=1d", [403, 403, 303]),
        (CONVERSATION, "for=1d", [403, 403, 303]),
        (CONVERSATION, "unmute=1", [403, 303, 303]),
        (CONVERSATION, "unmute=2", [403, 403, 303]),
        ("/deliveries", "destination=mailbox", [403, 303, 303]),
    ];
    for (path, form, expected) in table {
        for (visitor, expected) in [&seer, &member, &operator].into_iter().zip(expected) {
            let (_folder, console) = console().await;
            let (status, page) = asked(&console, visitor, (Method::POST, path, form)).await;
            assert_eq!(status, expected, "{:?} {path} {form}: {page}", visitor.role);
        }
    }
    let (_folder, console) = console().await;
    for path in [CONVERSATION, "/deliveries", "/assumptions"] {
        let (status, page) = asked(&console, &seer, (Method::GET, path, "")).await;
        let forms = page.matches("method=\"post\"").count();
        assert_eq!((status, forms), (200, 1), "only the one to log out: {path}: {page}");
    }
}

#[tokio::test]
async fn a_team_tries_again_what_is_its_own_only() {
    let (_folder, console) = console().await;
    let member = visitor(Role::Team, &["web"]);
    let wish = (Method::POST, "/api/v1/sends/retry", r#"{"destination": "mailbox"}"#);
    let (status, answer) = asked(&console, &member, wish).await;
    assert_eq!((status, serde_json::from_str(&answer).unwrap()), (200, json!({ "sends": 1, "more": false })));
    let (_, left) = asked(&console, &member, (Method::GET, "/api/v1/sends", "")).await;
    let left: Value = serde_json::from_str(&left).unwrap();
    let left = left["sends"].as_array().unwrap().iter().map(|send| send["team"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(left, ["ops", "outside"]);
}

#[tokio::test]
async fn readers_outside_see_no_words_of_a_private_repository() {
    let (_folder, console) = console().await;
    for (visitor, sees) in [
        (visitor(Role::Team, &["outside"]), false),
        (visitor(Role::View, &["outside"]), false),
        (visitor(Role::Team, &["web"]), true),
        (visitor(Role::Operate, &["outside"]), true),
    ] {
        for path in [CONVERSATION, "/assumptions", "/deliveries", "/api/v1/assumptions", "/api/v1/sends"] {
            let (status, text) = asked(&console, &visitor, (Method::GET, path, "")).await;
            assert_eq!((status, text.contains("Secret fish")), (200, sees), "{visitor:?} {path}: {text}");
        }
    }
}

/// SQLite's are looked at beside each statement.
#[tokio::test]
async fn on_postgresql_no_page_reads_a_whole_table() {
    let Some((place, _)) = Place::on_server() else { return };
    let (_folder, console) = console_at(place).await;
    let operator = visitor(Role::Operate, &[]);
    let filters = [
        "",
        "team=web",
        "repository=acme%2Fapi",
        "ticket=acme%2Fapi%237",
        "kind=note.assumed",
        "state=failed",
        "state=sent",
        "state=held",
        "reason=sending",
        "words=fish",
        "since=2026-11-01&until=2026-11-30",
        "team=web&state=failed&words=fish",
    ];
    let listed = filters.iter().flat_map(|filter| ["/", "/api/v1/updates"].map(|list| format!("{list}?{filter}")));
    let others = [
        "/deliveries",
        "/assumptions",
        "/audit",
        "/events/1",
        "/teams",
        "/teams/web",
        CONVERSATION,
        "/api/v1/events/1",
        "/api/v1/audit",
        "/api/v1/map",
        "/api/v1/teams",
        "/api/v1/teams/web",
        "/api/v1/conversations/acme%2Fapi%237",
        "/api/v1/sends",
        "/api/v1/destinations",
        "/api/v1/assumptions",
    ];
    for path in listed.chain(others.map(str::to_owned)) {
        let (status, page) = asked(&console, &operator, (Method::GET, &path, "")).await;
        assert_eq!(status, 200, "{path}: {page}");
    }
    let plans = console.store.plans_of_reads().await.unwrap();
    let whole = plans.iter().filter(|plan| reads_a_whole_table(plan)).cloned().collect::<Vec<_>>();
    assert!(plans.len() > 30, "{}", plans.len());
    assert_eq!(whole.join("\n\n"), "");
}
