//! What Slack sends as a form when somebody writes a command, presses a button or hands in a form of ours.
//!
//! <https://docs.slack.dev/interactivity/implementing-slash-commands>,
//! <https://docs.slack.dev/reference/interaction-payloads/>

use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::modal;
use crate::channel::is_slack_id;

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// They wrote `/microalign …`
    Command(Command),
    /// They pressed a button of a message
    Press(Press),
    /// They handed in a form
    Submission(Submission),
    /// Something else
    Nothing,
}

/// `/microalign …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Who: their id
    pub by: String,
    /// Where
    pub channel: Channel,
    /// What follows the command
    pub text: String,
    /// Where a later answer goes
    pub response_url: String,
}

/// Where somebody is in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id
    pub id: String,
    /// Its name, which Slack tells only of public channels
    pub name: Option<String>,
    /// The workspace in which it has this name: that of whoever wrote
    pub workspace: Option<String>,
}

/// A button that somebody pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// Who: their id
    pub by: String,
    /// Which button
    pub action: String,
    /// What it does: a token of ours
    pub token: String,
    /// What a form can be opened with, for three seconds
    pub trigger: String,
    /// Where the answer goes
    pub response_url: String,
}

/// A form that somebody handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Who: their id
    pub by: String,
    /// What it is about: a token of ours
    pub token: String,
    /// The line of the ledger that they chose, if there was a choice
    pub line: Option<String>,
    /// What they wrote
    pub text: String,
}

/// Reads a verified form.
///
/// # Errors
/// Why it isn't one of Slack's.
pub fn read(body: &[u8]) -> Result<Request, String> {
    let field = |name: &str| form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value);
    if let Some(payload) = field("payload") {
        return serde_json::from_str(&payload).map(interaction).map_err(|error| error.to_string());
    }
    // Slack looks from time to time whether our certificate is good.
    if field("ssl_check").is_some() {
        return Ok(Request::Nothing);
    }
    let needed = |name: &str| field(name).map(String::from).ok_or_else(|| format!("`{name}` is missing"));
    // Ids stand in addresses.
    let id = |name: &str| match needed(name)? {
        id if is_slack_id(&id) => Ok(id),
        _ => Err(format!("`{name}` isn't one of Slack's ids")),
    };
    let unnamed = ["directmessage", "privategroup"];
    let name = field("channel_name").map(String::from);
    let name = name.filter(|name| !unnamed.contains(&name.as_str()) && !name.starts_with("mpdm-"));
    Ok(Request::Command(Command {
        by: id("user_id")?,
        channel: Channel { id: id("channel_id")?, name, workspace: field("team_id").map(String::from) },
        text: field("text").map(String::from).unwrap_or_default(),
        response_url: field("response_url").map(String::from).unwrap_or_default(),
    }))
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    user: Option<User>,
    trigger_id: Option<String>,
    response_url: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
    view: Option<View>,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
struct Action {
    action_id: String,
    value: Option<String>,
}

#[derive(Deserialize)]
struct View {
    callback_id: String,
    private_metadata: String,
    #[serde(default)]
    state: Value,
}

fn interaction(payload: Payload) -> Request {
    let Some(user) = payload.user.filter(|user| is_slack_id(&user.id)) else { return Request::Nothing };
    let by = user.id;
    match (payload.kind.as_str(), payload.actions.into_iter().next(), payload.view) {
        ("block_actions", Some(Action { action_id, value: Some(token) }), None) => Request::Press(Press {
            by,
            action: action_id,
            token,
            trigger: payload.trigger_id.unwrap_or_default(),
            response_url: payload.response_url.unwrap_or_default(),
        }),
        ("view_submission", _, Some(view)) if view.callback_id == modal::CALLBACK => {
            let given = |path: &str| view.state.pointer(path).and_then(Value::as_str).map(str::to_owned);
            Request::Submission(Submission {
                by,
                line: given(modal::CHOSEN),
                text: given(modal::WRITTEN).unwrap_or_default(),
                token: view.private_metadata,
            })
        }
        _ => Request::Nothing,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<Request, String> {
        read(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().as_bytes())
    }

    fn payload(body: &Value) -> Request {
        form(&[("payload", &body.to_string())]).unwrap()
    }

    #[test]
    fn a_command_is_who_where_and_what() {
        let fields = |name: &'static str| {
            [
                ("token", "x"),
                ("team_id", "T1"),
                ("channel_id", "C1"),
                ("channel_name", name),
                ("user_id", "U1"),
                ("user_name", "bo"),
                ("command", "/microalign"),
                ("text", "why DATA-123"),
                ("response_url", "https://hooks.slack.com/commands/T1/1/x"),
                ("trigger_id", "1.2.x"),
            ]
        };
        for (name, expected) in
            [("web", Some("web")), ("directmessage", None), ("privategroup", None), ("mpdm-ana--bo-1", None)]
        {
            let Request::Command(command) = form(&fields(name)).unwrap() else { panic!("{name}") };
            assert_eq!((command.by.as_str(), command.channel.workspace.as_deref()), ("U1", Some("T1")));
            assert_eq!((command.channel.id.as_str(), command.channel.name.as_deref()), ("C1", expected));
            assert_eq!(command.text, "why DATA-123");
        }
        assert_eq!(form(&[("ssl_check", "1"), ("token", "x")]), Ok(Request::Nothing));
        assert!(form(&[("channel_id", "C1")]).is_err());
        assert!(form(&[("channel_id", "C1"), ("user_id", "U1/../x")]).is_err(), "it stands in an address");
    }

    #[test]
    fn a_press_and_a_form_are_read() {
        let button = json!({
            "type": "block_actions", "user": { "id": "U1", "team_id": "T1" }, "team": { "id": "T1" }, "trigger_id": "1.2",
            "container": { "type": "message", "channel_id": "C1", "message_ts": "1.2" }, "response_url": "https://x",
            "actions": [{ "type": "button", "action_id": "mute", "block_id": "b", "value": "TOKEN", "action_ts": "1.3" }],
        });
        let Request::Press(press) = payload(&button) else { panic!() };
        assert_eq!((press.action.as_str(), press.token.as_str(), press.trigger.as_str()), ("mute", "TOKEN", "1.2"));
        let filled = json!({
            "type": "view_submission", "user": { "id": "U1", "team_id": "T1" }, "trigger_id": "1.2",
            "view": {
                "id": "V1", "callback_id": "object", "private_metadata": "TOKEN",
                "state": { "values": {
                    "line": { "line": { "type": "radio_buttons", "selected_option": { "value": "1.2" } } },
                    "text": { "text": { "type": "plain_text_input", "value": "No." } },
                } },
            },
        });
        let Request::Submission(submission) = payload(&filled) else { panic!() };
        assert_eq!((submission.line.as_deref(), submission.text.as_str()), (Some("1.2"), "No."));
        for nothing in [
            json!({ "type": "view_closed", "user": { "id": "U1" } }),
            json!({ "type": "block_actions", "actions": [{ "action_id": "mute", "value": "x" }] }),
            json!({ "type": "block_actions", "user": { "id": "U1" }, "actions": [{ "action_id": "link" }] }),
            json!({ "type": "block_actions", "user": { "id": "../x" }, "actions": [{ "action_id": "a", "value": "x" }] }),
            json!({ "type": "view_submission", "user": { "id": "U1" },
                "view": { "callback_id": "other", "private_metadata": "" } }),
        ] {
            assert_eq!(payload(&nothing), Request::Nothing, "{nothing}");
        }
        assert!(form(&[("payload", "{}")]).is_err());
    }

    proptest! {
        #[test]
        fn no_form_is_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&body).ok();
        }
    }
}
