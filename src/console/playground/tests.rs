//! What visitors with a login may try, and on what.

#![expect(clippy::unwrap_used, reason = "tests")]

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::channel::{Channels, Names};
use crate::console::access::Role;
use crate::source::Settings;
use crate::store::tests::Place;
use crate::store::{Incoming, Lanes, Store};

const WEB: &str =
    "team = \"web\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"all\"\non = [\"*\"]\nafter = \"5d\"\nbefore = \"2d\"\n";

async fn console() -> (Arc<Console>, Place) {
    let folder = Place::new();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/web.toml"), WEB).unwrap();
    let outside = WEB.replace("\"web\"\n", "\"partner\"\naudience = \"outside\"\n");
    std::fs::write(folder.path().join("rules/partner.toml"), outside).unwrap();
    let path = folder.path().join("microalign.toml");
    std::fs::write(&path, "[github]\nsecrets = [\"sixteen-letters-or-more\"]\n").unwrap();
    let config = crate::config::load(&path, &|_| None).unwrap();
    let rulebook = Rulebook::load(&config, None);
    assert_eq!(rulebook.problems(), []);
    let (store, _) = Store::scratch(folder.store()).await.unwrap();
    let channels = Arc::new(Channels::new(config.channels.clone(), Names::open()));
    let (_, rulebook) = watch::channel(Arc::new(rulebook));
    (Arc::new(Console::new(store, rulebook, channels, (Settings::default(), Lanes::default()))), folder)
}

fn of_team(team: &str) -> Visitor {
    Visitor::in_test(Role::Team, &[team], team != "partner")
}

async fn stored(console: &Console, source: Source, name: &str, body: Value) -> i64 {
    let body = body.to_string().into_bytes();
    let (key, received) = (format!("{}", body.len()), Timestamp::now());
    let delivery = Incoming { source, key, name: name.to_owned(), body, received, ignored: None };
    console.store.accept(delivery).await.unwrap();
    console.store.newest_delivery().await.unwrap().unwrap()
}

async fn status(console: &Arc<Console>, visitor: &Visitor, team: &str, delivery: Option<i64>) -> u16 {
    let trial = Trial { team: Some(team.to_owned()), delivery, ..Trial::default() };
    console.try_out(visitor, &trial).await.map_or_else(|refused| refused.status().as_u16(), |_| 200)
}

fn pull_request(private: bool) -> Value {
    json!({
        "action": "opened",
        "repository": { "full_name": "acme/ingest", "private": private },
        "sender": { "login": "ana" },
        "pull_request": { "number": 7, "title": "T", "state": "open", "draft": false },
    })
}

fn ticket(security: Value) -> Value {
    json!({
        "webhookEvent": "jira:issue_created",
        "issue": { "key": "DATA-1", "fields": { "summary": "S", "security": security, "project": { "key": "DATA" } } },
    })
}

#[tokio::test]
async fn only_the_own_teams_rules_are_tried() {
    let (console, _folder) = console().await;
    assert_eq!(status(&console, &of_team("web"), "web", None).await, 200);
    assert_eq!(status(&console, &of_team("web"), "partner", None).await, 403);
    let viewer = Visitor::in_test(Role::View, &["web"], true);
    assert_eq!(status(&console, &viewer, "web", None).await, 403);
    let wish = Trial { team: Some("partner".to_owned()), days: Some(1), ..Trial::default() };
    let refused = rehearse(Arc::clone(&console), of_team("web"), wish).await.unwrap_err();
    assert_eq!(refused.status().as_u16(), 403);
}

#[tokio::test]
async fn nothing_is_tried_on_what_one_may_not_see() {
    let (console, _folder) = console().await;
    let public = stored(&console, Source::Github, "pull_request", pull_request(false)).await;
    let private = stored(&console, Source::Github, "pull_request", pull_request(true)).await;
    let open = stored(&console, Source::Jira, "", ticket(Value::Null)).await;
    let restricted = stored(&console, Source::Jira, "", ticket(json!({ "name": "Staff" }))).await;
    let ignored = stored(&console, Source::Github, "star", json!({ "action": "created" })).await;
    let written = json!({
        "action": "created", "repository": { "full_name": "acme/ingest", "private": false }, "sender": { "login": "ana" },
        "issue": { "number": 7, "title": "T", "state": "open" }, "comment": { "id": 1, "body": "It may be deleted by now." },
    });
    let written = stored(&console, Source::Github, "issue_comment", written).await;
    let operator = Visitor::in_test(Role::Operate, &["web"], true);
    for (delivery, web, partner, operate, local) in [
        (public, 200, 200, 200, 200),
        (private, 200, 404, 200, 200),
        (open, 200, 200, 200, 200),
        (restricted, 404, 404, 404, 200),
        (ignored, 404, 404, 404, 200),
        (written, 404, 404, 404, 200),
    ] {
        assert_eq!(status(&console, &of_team("web"), "web", Some(delivery)).await, web, "{delivery}");
        assert_eq!(status(&console, &of_team("partner"), "partner", Some(delivery)).await, partner, "{delivery}");
        assert_eq!(status(&console, &operator, "web", Some(delivery)).await, operate, "{delivery}");
        assert_eq!(status(&console, &Visitor::local(), "web", Some(delivery)).await, local, "{delivery}");
    }
}
