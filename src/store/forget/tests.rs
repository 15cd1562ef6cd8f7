//! What is taken out of each column, and what stays.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::event::{About, Change, Stage, Ticket};
use crate::event::{Actor, Comment, Event, EventKind, Note, Owner, PullRequest, Source, SubjectKey, Thing, ThingKind};
use crate::plan::LineId;
use crate::reason::Reason;
use crate::store::tests::{Place, change_by, with_file};
use crate::store::{Accepted, Filter, Incoming};
use crate::track::Known;

const LOGIN: &str = "zora-q";
const NAME: &str = "Zora Quill";
const WORDS: &str = "umbrellas are never reused";

fn zora() -> Actor {
    Actor {
        login: LOGIN.to_owned(),
        name: NAME.to_owned(),
        url: Some(format!("https://github.com/{LOGIN}")),
        bot: false,
    }
}

fn bo() -> Actor {
    Actor { login: "bo".to_owned(), name: "Bo Berg".to_owned(), url: None, bot: false }
}

fn pr(author: Actor) -> PullRequest {
    let title = "Sort by time".to_owned();
    let url = "https://github.com/acme/api/pull/7".to_owned();
    let pr = json!({ "number": 7, "title": title, "url": url, "stage": "open" });
    PullRequest { author: Some(author), stage: Stage::Open, ..serde_json::from_value(pr).unwrap() }
}

fn event(about: About, actor: Actor) -> Event {
    let bare = Event::bare(Source::Github, EventKind::PullRequestCommented, SubjectKey::from("acme/api#7"), about);
    Event { actor: Some(actor), scope: "acme/api".to_owned(), ..bare }
}

/// Events in which the person stands in one place each.
fn events() -> Vec<Event> {
    let plain = || event(About::PullRequest(pr(bo())), bo());
    let with = |change: &dyn Fn(&mut PullRequest)| {
        let mut pr = pr(bo());
        change(&mut pr);
        event(About::PullRequest(pr), bo())
    };
    let comment = |summary: &str| Some(Comment { summary: summary.to_owned(), url: None });
    let note = Note {
        kind: "assumed".to_owned(),
        text: WORDS.to_owned(),
        to: vec![LOGIN.to_owned()],
        url: None,
        author: Some(zora()),
        edited: false,
        taken_back: false,
        replaces: None,
    };
    let names = || vec![LOGIN.to_owned(), "bo".to_owned()];
    let ticket = Ticket { summary: Some(format!("Ask {NAME}")), ..Ticket::bare("DATA-1") };
    let thing = Thing { body_summary: Some(WORDS.to_owned()), ..Thing::bare(ThingKind::Release, "v1") };
    let brought = Thing { brought_by: Some(Box::new(pr(zora()))), ..Thing::bare(ThingKind::Workflow, "CI") };
    let change = Change { field: "assignee".to_owned(), name: None, from: Some(NAME.to_owned()), to: None };
    vec![
        event(About::PullRequest(pr(bo())), zora()),
        Event { doers: vec![bo(), zora()], ..plain() },
        Event { comment: comment(WORDS), actor: Some(zora()), ..plain() },
        Event { comment: comment("Thanks @Zora-Q!"), ..plain() },
        Event { note: Some(note), ..plain() },
        Event { change: Some(change), ..plain() },
        Event { owners: Some(vec![Owner { name: format!("@{LOGIN}"), files: None }]), ..plain() },
        Event { paths: Some(vec![format!("users/{LOGIN}/keys")]), ..plain() },
        Event { gap: Some(format!("GitHub doesn't say which teams {LOGIN} is in")), ..plain() },
        with(&|pr| pr.author = Some(zora())),
        with(&|pr| pr.title = format!("What {NAME} said")),
        with(&|pr| pr.head = Some(format!("{LOGIN}/fix"))),
        with(&|pr| (pr.assignees, pr.reviewers, pr.labels) = (Some(names()), Some(names()), Some(names()))),
        with(&|pr| (pr.author, pr.body_summary) = (Some(zora()), Some(WORDS.to_owned()))),
        event(About::Ticket(Ticket { assignee: Some(zora()), reporter: Some(zora()), ..ticket }), bo()),
        event(About::Thing(thing), zora()),
        event(About::Thing(brought), bo()),
    ]
}

/// Rows of Bo's, which are as they were afterwards. `{event}` is an event.
const BASE: &str = "
    INSERT INTO event (id, delivery_id, once, body) VALUES (1, 1, 'note:github:comment:1:assumed:x', '{event}');
    INSERT INTO subject (key, state, thread, seen_at) VALUES ('acme/api#7', '{known}', 'DATA-1', 0);
    INSERT INTO ledger (id, delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at, told_at, actor, message)
    VALUES (1, 1, 1, 1, 'github', 'pull_request.merged', 'acme/api#7', 'DATA-1', 'web', 'all', 'sent', '{\"code\":\"sent\",\"with\":null}', 0, 0, 'bo', '{\"subject\":\"s\",\"body\":[],\"why\":\"w\"}');
    INSERT INTO send (id, ledger_id, destination, thread, state, next_at, created_at, error)
    VALUES (1, 1, 'email:web@example.com', 'DATA-1', 'sent', 0, 0, 'no such user');
    INSERT INTO attempt VALUES (1, 1, 'email:web@example.com', 1, 0, 0, 'permanent', 'no such user');
    INSERT INTO step VALUES (1, 1, 'held', '{\"code\":\"sending\"}', 0);
    INSERT INTO conversation (destination, thread, root, subject) VALUES ('email:web@example.com', 'DATA-1', 'r', 'Sort by time');
    INSERT INTO bounce VALUES ('email:bo@example.com', 1, 0, 0, 'no such user');
    INSERT INTO person VALUES ('bo', 'Bo Berg');
    INSERT INTO contact (login, name, email) VALUES ('bo', 'Bo Berg', 'bo@example.com');
    INSERT INTO objection VALUES (1, 1, 'k', 'Bo', 'link', 'They are.', 0, 0);
    INSERT INTO answer VALUES (1, 'k', 1, NULL, 'Slack', 'slack:#web', 'Bo', 'bo', 0, 'They are.', 0, 0, 0, '100', 0)";

/// Each column in which the person can stand, with a statement that puts them there.
fn columns() -> Vec<(&'static str, String)> {
    let quoted = |value: serde_json::Value| value.to_string().replace('\'', "''");
    let set = |table: &str, column: &str, value: &str| format!("UPDATE {table} SET {column} = '{value}'");
    let mut columns = vec![
        ("ledger.actor", set("ledger", "actor", "Zora-Q")),
        (
            "ledger.message",
            set("ledger", "message", &quoted(json!({ "subject": "s", "body": [], "why": format!("{NAME} said") }))),
        ),
        (
            "ledger.reason",
            set(
                "ledger",
                "reason",
                &quoted(json!(Reason::OwnDoing { who: NAME.to_owned(), several: false, team: "web".to_owned() })),
            ),
        ),
        (
            "ledger.withdrawn",
            set("ledger", "withdrawn", &quoted(json!(Reason::TellsObjection { by: NAME.to_owned() }))),
        ),
        ("ledger.outcome", set("ledger", "outcome", &quoted(json!([Reason::TellsObjection { by: NAME.to_owned() }])))),
        ("send.error", set("send", "error", "550 no mailbox <zora-q@example.com>")),
        ("attempt.error", set("attempt", "error", "550 no mailbox <zora-q@example.com>")),
        (
            "step.reason",
            set(
                "step",
                "reason",
                &quoted(json!(Reason::OwnDoing { who: NAME.to_owned(), several: false, team: "web".to_owned() })),
            ),
        ),
        ("objection.made_by", set("objection", "made_by", NAME)),
        ("objection.text", format!("UPDATE objection SET made_by = '{LOGIN}', text = '{WORDS}'")),
        ("objection.key", set("objection", "key", "<1@zora-q.example>")),
        ("agreement.made_by", format!("INSERT INTO agreement VALUES (1, 1, 'U0ZQ', '{NAME}', 'Slack', 0)")),
        ("agreement.key", format!("INSERT INTO agreement VALUES (1, 1, '{LOGIN}', 'Z', 'Slack', 0)")),
        (
            "subscription.made_by",
            format!("INSERT INTO subscription VALUES (1, 'web', '@a', 'slack:#web', 'acme/a', '[]', '{NAME}', 0)"),
        ),
        ("answer.made_by", set("answer", "made_by", NAME)),
        ("answer.login", set("answer", "login", LOGIN)),
        ("answer.text", format!("UPDATE answer SET made_by = '{LOGIN}', text = '{WORDS}'")),
        ("answer.key", set("answer", "key", "<1@zora-q.example>")),
        ("conversation.subject", set("conversation", "subject", "Ask Zora Quill")),
        ("bounce.destination", set("bounce", "destination", "email:zora-q@example.com")),
        ("bounce.error", set("bounce", "error", "no zora-q here")),
        ("person.id", format!("INSERT INTO person VALUES ('{LOGIN}', '{NAME}')")),
        ("person.name", format!("INSERT INTO person VALUES ('{LOGIN}', '{NAME}')")),
        ("contact.login", format!("INSERT INTO contact (login) VALUES ('{LOGIN}')")),
        ("contact.name", format!("INSERT INTO contact (login, name) VALUES ('zq', '{NAME}')")),
        ("contact.email", format!("INSERT INTO contact (login, email) VALUES ('zq', '{LOGIN}@example.com')")),
        ("contact.slack", format!("INSERT INTO contact (login, slack) VALUES ('{LOGIN}', 'U0ZQ')")),
        ("session.who", format!("INSERT INTO session VALUES (x'01', '{NAME}', NULL, '[]', 0, 0, 0)")),
        ("session.mail", format!("INSERT INTO session VALUES (x'01', 'z', '{LOGIN}@example.com', '[]', 0, 0, 0)")),
        ("session.groups", format!("INSERT INTO session VALUES (x'01', 'z', NULL, '[\"{LOGIN}\"]', 0, 0, 0)")),
        ("audit.who", format!("INSERT INTO audit VALUES (1, 0, '{LOGIN}@example.com', 'oidc', 'mute', 'web')")),
        ("audit.what", format!("INSERT INTO audit VALUES (1, 0, 'bo', 'oidc', 'retry', 'email:{LOGIN}@example.com')")),
        ("contact.jira", format!("INSERT INTO contact (login, jira) VALUES ('zq', '{LOGIN}')")),
        (
            "mute.who",
            format!(
                "INSERT INTO mute (team, thread, made_at, made_by, who) VALUES ('web', 'DATA-1', 0, 'console', '{NAME}')"
            ),
        ),
        ("delivery.body", String::new()),
    ];
    columns.extend(events().iter().map(|event| ("event.body", set("event", "body", &quoted(json!(event))))));
    let reviewed = Event {
        kind: EventKind::PullRequestApproved,
        actor: Some(zora()),
        ..event(About::PullRequest(pr(bo())), bo())
    };
    let of_things = events().into_iter().filter(|event| !matches!(event.about, About::Thing(_)));
    columns.extend(
        of_things
            .chain([reviewed])
            .map(|event| ("subject.state", set("subject", "state", &quoted(json!(Known::first(&event)))))),
    );
    columns
}

/// The columns that hold texts in which nobody stands but as a part of a name of work, an address or a key; and team files,
/// which say what they say until somebody changes them.
const KEPT: &str = "
    agreement.through alias.new alias.old answer.comment answer.place answer.through attempt.destination attempt.outcome audit.action audit.via contact.email_from conversation.destination conversation.editable conversation.root conversation.thread delivery.delivery_key
    delivery.name delivery.source environment.name environment.scope event.once fired.kind fired.rule fired.subject fired.team
    home.host home.source hook.route hook.source ledger.kind ledger.names ledger.reason_code ledger.rule ledger.source ledger.state
    ledger.subject ledger.team ledger.thread mute.destination mute.made_by mute.rule mute.team mute.thread nudge.subject nudge.text objection.through
    repository.name repository_file.good repository_file.latest repository_file.repo secret.name secret.value send.destination send.state send.thread session.digest step.state subscription.destination subscription.kinds subscription.name subscription.repo subscription.team subject.key subject.thread summary.reader summary.timing ticket_id.id
    ticket_id.key timer.kind timer.rule timer.subject timer.team";

async fn filled(place: &Place, sql: &str, body: &str) -> Store {
    let (store, _) = Store::serve(place.store(), Timestamp::now()).await.unwrap();
    let incoming = Incoming {
        source: Source::Github,
        key: "d-1".to_owned(),
        name: "push".to_owned(),
        body: body.as_bytes().to_vec(),
        received: Timestamp::now(),
        ignored: None,
    };
    assert_eq!(store.accept(incoming).await.unwrap(), Accepted::New(1));
    let plain = event(About::PullRequest(pr(bo())), bo());
    let base =
        BASE.replace("{event}", &json!(plain).to_string()).replace("{known}", &json!(Known::first(&plain)).to_string());
    let statements = format!("UPDATE delivery SET waits = 0;{base};{sql}");
    change_by(&store, statements.split(';').map(str::to_owned).collect()).await;
    store
}

/// Whether the store's files, or its rows on a server, hold a text, in any letters.
async fn holds(store: &Store, text: &str) -> bool {
    let Location::File(path) = &store.location else {
        let bodies = store.read(|tx| tx.rows("SELECT id FROM delivery", [], |row| tx.body(row.get("id")?))).await;
        let bodies = bodies.unwrap().iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect::<Vec<_>>();
        return bodies.iter().chain(&rows(store).await).any(|row| row.to_lowercase().contains(&text.to_lowercase()));
    };
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
    let bytes = String::from_utf8_lossy(&bytes).to_lowercase();
    bytes.contains(&text.to_lowercase())
}

/// Every row of every table, but for what a process does all the time.
async fn rows(store: &Store) -> Vec<String> {
    let rows = store.read(|tx| {
        let tables = match tx.is_sqlite() {
            true => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            false => {
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
                        AND tablename NOT IN ('replica', 'planner')"
            }
        };
        let tables = tx.rows(tables, [], |row| row.get::<_, String>(0))?;
        let mut all = Vec::new();
        for table in tables {
            all.extend(tx.rows(&format!("SELECT * FROM {table}"), [], |row| {
                let columns = row.columns();
                let values = (0..columns).map(|at| Ok(format!("{:?}", row.get::<_, Value>(at)?)));
                Ok(format!("{table}: {}", values.collect::<Result<Vec<_>, StoreError>>()?.join(" ")))
            })?);
        }
        Ok(all)
    });
    rows.await.unwrap()
}

#[tokio::test]
async fn no_byte_of_a_person_is_left_in_any_column() {
    for (column, sql) in columns() {
        let place = Place::new();
        let body =
            if column == "delivery.body" { format!(r#"{{"sender":{{"login":"{LOGIN}"}}}}"#) } else { "{}".to_owned() };
        // Their name is known by their login.
        let known = format!("INSERT INTO person VALUES ('{LOGIN}', '{NAME}') ON CONFLICT DO NOTHING");
        let store = filled(&place, &format!("{sql};{known}"), &body).await;
        assert!(holds(&store, LOGIN).await, "{column}");
        let forgotten = store.forget("Zora-Q", &[]).await.unwrap_or_else(|error| panic!("{column}: {error}: {sql}"));
        let knows = |name: &str| forgotten.names.contains(&name.to_lowercase());
        assert!(forgotten.waiting == 0 && knows(LOGIN) && knows(NAME), "{column}: {forgotten:?}");
        store.write_anew().await.unwrap();
        for text in [LOGIN, NAME, WORDS] {
            assert!(!holds(&store, text).await, "{column} holds {text}: {sql}\n{:#?}", rows(&store).await);
        }
        let again = store.forget(LOGIN, &[]).await.unwrap();
        assert_eq!((again.changed, again.waiting), (vec![], 0), "{column}");
        assert_eq!(store.ledger(&Filter::default()).await.unwrap().len(), 1, "{column}");
    }
}

#[tokio::test]
async fn it_is_decided_for_every_column() {
    let (_place, store) = with_file().await;
    let found = store.read(|tx| {
        tx.rows(
            "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_xinfo(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND c.type <> 'INTEGER'",
            [],
            |row| row.get::<_, String>(0),
        )
    });
    let decided = columns().into_iter().map(|(column, _)| column).chain(KEPT.split_whitespace());
    let decided = decided.map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(found.await.unwrap().into_iter().collect::<BTreeSet<_>>(), decided);
}

#[tokio::test]
async fn others_are_left_alone() {
    let place = Place::new();
    let store = filled(&place, "", r#"{"sender":{"login":"bo"}}"#).await;
    let before = rows(&store).await;
    assert_eq!(store.forget("b", &[]).await.unwrap().changed, []);
    assert_eq!(
        store.forget("nobody", &[]).await.unwrap(),
        Forgotten { names: vec!["nobody".to_owned()], ..Forgotten::default() }
    );
    assert_eq!(rows(&store).await, before);
}

#[tokio::test]
async fn what_waits_is_counted_and_left() {
    let theirs = json!(Event {
        comment: Some(Comment { summary: WORDS.to_owned(), url: None }),
        ..event(About::PullRequest(pr(bo())), zora())
    });
    let table = [
        ("UPDATE delivery SET waits = 1".to_owned(), vec![]),
        ("INSERT INTO recovered VALUES (1, 1, 0)".to_owned(), vec![]),
        (
            format!(
                "UPDATE delivery SET body = x'';UPDATE send SET state = 'queued';UPDATE event SET body = '{theirs}'"
            ),
            vec![],
        ),
        (
            format!(
                "UPDATE delivery SET body = x'';UPDATE send SET state = 'sending';UPDATE ledger SET message = '{{\"subject\":\"{LOGIN}\"}}'"
            ),
            vec![],
        ),
        (format!("UPDATE delivery SET body = x'';UPDATE objection SET made_by = '{LOGIN}', waits = 1"), vec![]),
        // An update that waits is written from what is left.
        (
            format!(
                "UPDATE delivery SET body = x'';DELETE FROM send;UPDATE ledger SET message = NULL, state = 'held', due_at = 1;UPDATE event SET body = '{theirs}'"
            ),
            vec![("events", 1)],
        ),
    ];
    for (sql, changed) in table {
        let place = Place::new();
        let body = format!(r#"{{"sender":{{"login":"{LOGIN}"}}}}"#);
        let store = filled(&place, &sql, &body).await;
        let before = rows(&store).await;
        let forgotten = store.forget(LOGIN, &[]).await.unwrap();
        assert_eq!((forgotten.waiting, &forgotten.changed), (usize::from(changed.is_empty()), &changed), "{sql}");
        assert_eq!(rows(&store).await == before, changed.is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn a_note_without_words_is_not_told() {
    let note = events().remove(4);
    let sql = format!(
        "DELETE FROM send;UPDATE ledger SET message = NULL, state = 'held', due_at = 1, object_at = 1;UPDATE event SET body = '{}'",
        json!(note)
    );
    let place = Place::new();
    let store = filled(&place, &sql, "{}").await;
    store.forget(LOGIN, &[]).await.unwrap();
    let line = store.ledger(&Filter::default()).await.unwrap().remove(0);
    assert_eq!(
        (line.state.as_str(), line.code.as_str(), store.next_due().await.unwrap()),
        ("suppressed", "forgotten", None)
    );
}

#[tokio::test]
async fn a_message_that_is_gone_is_not_sent_again() {
    let sql = format!(
        "UPDATE send SET state = 'failed';UPDATE ledger SET state = 'failed', message = '{{\"subject\":\"{LOGIN}\"}}'"
    );
    let place = Place::new();
    let store = filled(&place, &sql, "{}").await;
    store.forget(LOGIN, &[]).await.unwrap();
    let error = store.retry(LineId { delivery: 1, line: 1 }).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the message of 1.1 can't be sent again: its words were removed (`microalign store forget`)"
    );
    let line = store.ledger(&Filter::default()).await.unwrap().remove(0);
    assert!(line.state.as_str() == "failed" && line.forgotten);
}
