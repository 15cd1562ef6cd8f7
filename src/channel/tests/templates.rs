//! Every built-in template as each channel writes it: what goes over the wire, for a person to read.

use serde_json::Value;

use super::*;
use crate::template::fixture::summary;
use crate::template::{AnswerView, BUILT_IN, Context, ObjectionView, SUMMARY, is_part};

const WORKS_FOR_MOST: &str = r#"{"ok":true,"ts":"1","channel":"C1","id":"1","channel_id":"1","event_id":"$1","result":"success",
    "success":true,"message":{"_id":"m","rid":"r"},"name":"spaces/A/messages/1"}"#;

/// The message of each template that is not only a part: by the kind of event that it is for, the others of a merge. Two are
/// answers to a note, and one carries an answer to a merge.
fn messages() -> Vec<(&'static str, Message)> {
    let (templates, _) = Templates::load([]);
    let one = |name: &'static str| {
        if name == SUMMARY {
            return (name, templates.render_summary(&summary()).unwrap());
        }
        let kind = EventKind::ALL.iter().find(|kind| for_kind(**kind) == name);
        let answers = ["objected", "agreed"].contains(&name);
        let other = if answers { EventKind::NoteAssumed } else { EventKind::PullRequestMerged };
        let event = event(kind.copied().unwrap_or(other));
        let lines = Some(vec!["They are.".to_owned(), "Since May, see @everyone.".to_owned()]);
        let answer = AnswerView {
            by: Some("Bo Ek".to_owned()),
            login: Some("bo".to_owned()),
            place: "in Slack".to_owned(),
            time: event.at,
            lines: lines.clone(),
        };
        let objection =
            ObjectionView { by: Some("Bo Ek".to_owned()), place: "in Slack".to_owned(), time: event.at, lines };
        let agreed = vec!["data-platform".to_owned(), "web".to_owned()];
        let known = context_of(&event, Some(&ticket()));
        let known = Context {
            objection: Some(objection).filter(|_| answers),
            answer: Some(answer).filter(|_| name == "answer"),
            agreed: Some(agreed).filter(|_| answers),
            object_by: Some(event.at).filter(|_| answers),
            ..known
        };
        (name, templates.render(name, &known).unwrap())
    };
    BUILT_IN.iter().map(|(name, _)| *name).filter(|name| !is_part(name)).map(one).collect()
}

/// What a request says, as a person would read it: JSON in lines, a form by its fields.
fn said(request: &crate::channel::listener::Request) -> String {
    match serde_json::from_str::<Value>(&request.body) {
        Ok(body) => serde_json::to_string_pretty(&body).unwrap(),
        Err(_) => url::form_urlencoded::parse(request.body.as_bytes())
            .map(|(name, value)| format!("{name}: {value}"))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

async fn written(to: &str) -> String {
    let mut page = String::new();
    let thread = if to == "github" { "acme/ingest-api#45" } else { "DATA-123" };
    for (name, message) in messages() {
        let answer = match to {
            // They count their messages.
            "zulip:web" | "github" => WORKS_FOR_MOST.replace("\"id\":\"1\"", "\"id\":1"),
            "slack-webhook:ops" | "mattermost-webhook:ops" => "ok".to_owned(),
            _ => WORKS_FOR_MOST.to_owned(),
        };
        let answer = http(200, "", &answer);
        let server = WebServer::answer(&[&answer, &answer]).await;
        let outcome = web(&server.url).send(&destination(to), &Post { thread, ..post(&message) }).await;
        assert!(matches!(outcome, Outcome::Sent { .. }), "{to} {name}: {outcome:?}");
        let last = server.requests().pop().unwrap();
        page += &format!("## {name}\n{}\n\n", said(&last));
    }
    page
}

#[tokio::test]
async fn every_template_on_every_channel() {
    for to in [
        "slack:#data",
        "slack-webhook:ops",
        "teams:web",
        "discord:web",
        "google-chat:web",
        "mattermost:acme/web",
        "mattermost-webhook:ops",
        "rocket-chat:#web",
        "matrix:!room:example.com",
        "zulip:web",
        "webhook:hub",
        "github",
        "jira",
    ] {
        let destination = destination(to);
        insta::assert_snapshot!(format!("on_{}", destination.channel()), written(to).await);
    }
}

#[test]
fn every_template_as_mail() {
    let page = messages().into_iter().map(|(name, message)| {
        let preview = web("http://127.0.0.1:1").preview(&Destination::Mailbox, &post(&message));
        let html = preview.html.unwrap();
        format!("## {name}\nSubject: {}\n\n{}\n{html}\n", preview.subject, preview.text)
    });
    insta::assert_snapshot!("on_mail", page.collect::<String>());
}
