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
mod smtp;
mod teams;
mod templates;
mod zulip;

use std::sync::Arc;
use std::time::Duration;

use super::listener::{Request, WebServer, http};
use super::*;
use crate::api::ApiSettings;
use crate::api::github::GithubLogin;
use crate::event::{About, EventKind};
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
        found: &NOBODY,
        reply_tag: None,
        stays_away: false,
        team: "data-platform",
        rule: "schema-merged",
        kind: "pull_request.merged",
        at: "2026-11-02T14:05:00Z".parse().unwrap(),
        links: &NO_LINKS,
        buttons: &NO_BUTTONS,
    }
}

fn destination(text: &str) -> Destination {
    super::destination(text).unwrap()
}

/// Every HTTP channel at one address, with short deadlines.
fn web(url: &str) -> Channels {
    let hook = |path: &str| Hook::new(&format!("{url}{path}")).unwrap();
    let api = |path: &str, user: Option<&str>| ApiSettings::new(&format!("{url}{path}"), user, "xoxb-hunter2").unwrap();
    let discord = |forum: bool, thread: Option<&str>| {
        let Hook { url } = hook("/api/webhooks/1/hunter2");
        Chat::Discord(super::discord::Settings { url, forum, thread: thread.map(str::to_owned) })
    };
    let chats = [
        (
            "slack",
            Chat::Slack(super::slack::Settings {
                api: api("/api", None),
                signing_secret: None,
                subscribe: Subscribing::Off,
            }),
        ),
        ("slack_webhook.ops", Chat::SlackWebhook(hook("/services/hunter2"))),
        ("teams.web", Chat::Teams(hook("/workflows/1?sig=hunter2"))),
        ("discord.web", discord(false, None)),
        ("discord.forum", discord(true, None)),
        ("discord.thread", discord(false, Some("77"))),
        ("google_chat.web", Chat::GoogleChat(hook("/v1/spaces/AAA/messages?key=k&token=hunter2"))),
        ("mattermost", Chat::Mattermost(api("", None))),
        ("mattermost_webhook.ops", Chat::MattermostWebhook(hook("/hooks/hunter2"))),
        ("rocket_chat", Chat::RocketChat(api("", Some("u1")))),
        ("matrix", Chat::Matrix(super::matrix::Settings { api: api("", None), rooms: Arc::default() })),
        ("zulip", Chat::Zulip(api("", Some("bot@zulip.example")))),
        ("webhook.hub", {
            let (Hook { url }, key) = (hook("/in?key=hunter2"), webhook::signing_key(SECRET).unwrap());
            Chat::Webhook(webhook::Settings { url, key })
        }),
    ];
    let ApiSettings { url: github_url, token, .. } = api("", None);
    let settings = ChannelSettings {
        chats: chats.map(|(table, chat)| (table.to_owned(), chat)).into(),
        github: Some(GithubApi { url: github_url, login: GithubLogin::Token(token) }),
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

#[test]
fn what_teams_write() {
    for text in [
        "slack:#data",
        "slack:C0123",
        "slack-webhook:ops",
        "teams:web",
        "discord:web",
        "google-chat:web",
        "mattermost:acme/town-square",
        "mattermost-webhook:ops",
        "rocket-chat:#general",
        "rocket-chat:@ana",
        "matrix:!abc:example.com",
        "zulip:data platform",
        "webhook:hub",
    ] {
        assert_eq!(destination(text).to_string(), text);
    }
    for text in [
        "slack:",
        "slack:#a b",
        "sms:1",
        "sms",
        "webhook:a/b",
        "teams:",
        "teams:https://example.com",
        "mattermost:town-square",
        "mattermost:acme/../x",
        "rocket-chat:#",
        "matrix:#room:example.com",
        "zulip:",
        "zulip: data",
        "zulip:a\nb",
        "github:acme/x",
        "jira:DATA-1",
    ] {
        assert!(super::destination(text).is_err(), "{text}");
    }
}
