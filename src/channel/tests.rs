#![expect(clippy::unwrap_used, reason = "tests")]

mod chat;
mod discord;
mod github;
mod google_chat;
mod jira;
mod mail;
mod matrix;
mod mattermost;
mod peers;
mod places;
mod random;
mod rocket_chat;
mod slack;
mod teams;
mod templates;
mod zulip;

use std::time::Duration;

use super::listener::{Request, WebServer, http};
use super::*;
use crate::event::{About, EventKind};
use crate::settings::{ApiSettings, DiscordSettings, GithubApi, GithubLogin, HookSettings, JiraApi, WebhookSettings};
use crate::template::fixture::{EVIL, context_of, event, ticket};
use crate::template::{Templates, for_kind};

static NO_LINKS: Links = Links { object: None, mute: None, unsubscribe: None, details: None };

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The built-in message for a kind, with the title an attacker would choose.
fn message(kind: EventKind) -> Message {
    message_of(kind, &templates())
}

/// The built-in templates, and one that has everything a message can have.
fn templates() -> Templates {
    let templates = Templates::load([(
        "mine",
        "+++\nsubject = \"{{pr.title}}\"\n+++\n\
        **Bold *both*** [{{pr.title}}]({{pr.url}}) `{{pr.title}}`\\\nline\n\n{{pr.title}}\n\n> {{pr.title}}\n\n\
        - one\n- two\n  1. deep\n- three\n\n3. c\n4. d\n\n```\nfn {{pr.title}}\n```\n",
    )]);
    assert_eq!(templates.1, []);
    templates.0
}

fn message_of(kind: EventKind, templates: &Templates) -> Message {
    let mut event = event(kind);
    if let About::PullRequest(pr) = &mut event.about {
        pr.title = EVIL.to_owned();
    }
    let name = if kind == EventKind::PullRequestEdited { "mine" } else { for_kind(kind) };
    templates.render(name, &context_of(&event, Some(&ticket()))).unwrap()
}

fn post(message: &Message) -> Post<'_> {
    Post {
        id: 42,
        message,
        thread: "DATA-123",
        thread_label: "DATA-123",
        alias: "",
        root: None,
        mentions: &[],
        reply_to: None,
        reply_tag: None,
        team: "data-platform",
        rule: "schema-merged",
        kind: "pull_request.merged",
        at: "2026-11-02T14:05:00Z".parse().unwrap(),
        links: &NO_LINKS,
    }
}

fn destination(text: &str) -> Destination {
    text.parse().unwrap()
}

/// Every HTTP channel at one address, with short deadlines.
fn web(url: &str) -> Channels {
    let hook = |path: &str| HookSettings::new(&format!("{url}{path}")).unwrap();
    let hooks = |name: &str, path: &str| [(name.to_owned(), hook(path))].into();
    let api =
        |path: &str, user: Option<&str>| Some(ApiSettings::new(&format!("{url}{path}"), user, "xoxb-hunter2").unwrap());
    let discord = |name: &str, forum: bool, thread: Option<&str>| {
        let HookSettings { url } = hook("/api/webhooks/1/hunter2");
        (name.to_owned(), DiscordSettings { url, forum, thread: thread.map(str::to_owned) })
    };
    let settings = ChannelSettings {
        slack: api("/api", None),
        slack_webhooks: hooks("ops", "/services/hunter2"),
        teams: hooks("web", "/workflows/1?sig=hunter2"),
        discord: [discord("web", false, None), discord("forum", true, None), discord("thread", false, Some("77"))]
            .into(),
        google_chat: hooks("web", "/v1/spaces/AAA/messages?key=k&token=hunter2"),
        mattermost: api("", None),
        mattermost_webhooks: hooks("ops", "/hooks/hunter2"),
        rocket_chat: api("", Some("u1")),
        matrix: api("", None),
        zulip: api("", Some("bot@zulip.example")),
        webhooks: [("hub".to_owned(), WebhookSettings::new(&format!("{url}/in?key=hunter2"), SECRET).unwrap())].into(),
        github: api("", None).map(|api| GithubApi { url: api.url, login: GithubLogin::Token(api.token) }),
        jira: Some(JiraApi::by_token(url, Some("bot@jira.example"), "xoxb-hunter2").unwrap()),
        ..ChannelSettings::default()
    };
    Channels::with_deadlines(settings, Names::open(), (Duration::from_millis(300), Duration::from_millis(300)))
}

/// `Transient (30 s): why`, for tables.
fn shown(outcome: &Outcome) -> String {
    let wait = |after: &Option<Duration>| after.map_or(String::new(), |after| format!(" ({} s)", after.as_secs()));
    match outcome {
        Outcome::Sent { reference, anew } => {
            format!("Sent {}{}", if *anew { "anew " } else { "" }, reference.as_deref().unwrap_or("-"))
        }
        Outcome::Transient { error, retry_after } => format!("Transient{}: {error}", wait(retry_after)),
        Outcome::Permanent { error } => format!("Permanent: {error}"),
        Outcome::NoMailbox { error } => format!("No mailbox: {error}"),
        Outcome::Ambiguous { error, retry_after } => format!("Ambiguous{}: {error}", wait(retry_after)),
    }
}

/// The requests that are made of a post where they get such answers, and what becomes of it.
async fn asked(to: &str, post: &Post<'_>, answers: &[(u16, &str)]) -> (Vec<Request>, String) {
    let answers: Vec<String> = answers.iter().map(|(status, body)| http(*status, "", body)).collect();
    let server = WebServer::answer(&answers).await;
    let outcome = web(&server.url).send(&destination(to), post).await;
    (server.requests(), shown(&outcome))
}

/// What Matrix says of a room that was not upgraded, which is asked before the first message.
const NO_TOMBSTONE: (u16, &str) = (404, r#"{"errcode":"M_NOT_FOUND","error":"Event not found."}"#);

/// What a destination's server says, and what we make of it.
async fn outcomes(to: &str, answers: &[(u16, &str, &str)]) -> String {
    let first = to.starts_with("matrix").then(|| http(NO_TOMBSTONE.0, "", NO_TOMBSTONE.1));
    let all = answers
        .iter()
        .flat_map(|(status, header, body)| first.clone().into_iter().chain([http(*status, header, body)]));
    let server = WebServer::answer(&all.collect::<Vec<_>>()).await;
    let message = message(EventKind::PullRequestMerged);
    let thread = if to == "github" { "acme/ingest-api#45" } else { "DATA-123" };
    let mut page = String::new();
    for _ in answers {
        // What one answer says of the rate must not keep the next one away.
        let outcome = shown(&web(&server.url).send(&destination(to), &Post { thread, ..post(&message) }).await);
        assert!(!outcome.contains("hunter2") && !outcome.contains("127.0.0.1"), "{outcome}");
        page += &format!("{outcome}\n");
    }
    page
}
