//! Slack's Events API: checks signatures, and reads messages in threads.
//!
//! <https://docs.slack.dev/apis/events-api/>, <https://docs.slack.dev/authentication/verifying-requests-from-slack/>

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use crate::channel::is_slack_id;
use crate::source::signature;

/// The greatest age of a request, since an older one may be a replay.
const FRESH: i64 = 5 * 60;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature, or no time
    #[error("the request isn't signed by Slack")]
    Missing,
    /// It is too old
    #[error("the request was not made within the last five minutes: is the clock right?")]
    Stale,
    /// It was made with another secret, or for another body
    #[error("the signature doesn't match the body with `signing_secret` in `[slack]`")]
    Wrong,
}

/// Checks a request's signature in constant time: HMAC-SHA256 over `v0:TIME:BODY`, in `X-Slack-Signature: v0=HEX`, with the
/// time in `X-Slack-Request-Timestamp`.
///
/// # Errors
/// Why it is refused.
pub fn verify(
    secret: &SecretString,
    (signature, time): (Option<&str>, Option<&str>),
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let (signature, time) = signature.zip(time).ok_or(Refusal::Missing)?;
    let made: i64 = time.parse().map_err(|_| Refusal::Missing)?;
    if now.as_second().abs_diff(made) > FRESH.unsigned_abs() {
        return Err(Refusal::Stale);
    }
    let digest = signature.strip_prefix("v0=").and_then(signature::digest).ok_or(Refusal::Wrong)?;
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(|_| Refusal::Wrong)?;
    let mac = mac.chain_update("v0:").chain_update(time).chain_update(":").chain_update(body);
    mac.verify_slice(&digest).map_err(|_| Refusal::Wrong)
}

/// What a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Slack checks that the address is ours: the response must contain this
    Challenge(String),
    /// Somebody wrote in a thread
    Message(InThread),
    /// Something else
    Nothing,
}

/// What somebody did with a message in a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// They wrote it
    Wrote,
    /// They changed its words
    Edited,
    /// They, or somebody who may, deleted it
    Deleted,
}

/// A message that a person wrote in a thread, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InThread {
    /// What was done
    pub did: Did,
    /// The conversation's first message, in the form that sends are stored with: `CHANNEL/TS`
    pub root: String,
    /// Identifies the message, however often Slack sends it
    pub key: String,
    /// The member's id
    pub user: String,
    /// What they wrote, as plain text
    pub text: String,
    /// When they wrote it, in microseconds
    pub wrote: i64,
    /// When they wrote this version, likewise
    pub version: i64,
    /// The workspaces from which it comes, as far as Slack says so. Which one is ours isn't said: in a shared channel, `team_id`
    /// of the whole event may be another company's
    pub from: Vec<String>,
}

impl InThread {
    /// When they wrote it.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.wrote).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    challenge: Option<String>,
    event: Option<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    channel: Option<String>,
    /// What was edited, as it is now
    message: Option<Said>,
    /// What was edited or deleted, as it was
    previous_message: Option<Said>,
    /// What was written
    #[serde(flatten)]
    said: Said,
}

/// A message.
#[derive(Deserialize)]
struct Said {
    subtype: Option<String>,
    user: Option<String>,
    user_team: Option<String>,
    source_team: Option<String>,
    bot_id: Option<String>,
    text: Option<String>,
    ts: Option<String>,
    thread_ts: Option<String>,
    edited: Option<Edited>,
}

/// <https://docs.slack.dev/reference/events/message/message_changed/>
#[derive(Deserialize)]
struct Edited {
    ts: String,
}

/// Reads a verified body.
///
/// # Errors
/// Why it isn't a request of the Events API.
pub fn read(body: &[u8]) -> Result<Told, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(match (body.kind.as_str(), body.challenge, body.event) {
        ("url_verification", Some(challenge), _) => Told::Challenge(challenge),
        ("event_callback", _, Some(event)) => in_thread(event).map_or(Told::Nothing, Told::Message),
        _ => Told::Nothing,
    })
}

/// Messages from programs aren't answers, and neither are notices, such as that somebody joined.
fn in_thread(event: Event) -> Option<InThread> {
    if event.kind != "message" {
        return None;
    }
    let (did, said) = match event.said.subtype.as_deref() {
        Some("message_changed") => (Did::Edited, event.message?),
        Some("message_deleted") => (Did::Deleted, event.previous_message?),
        _ => (Did::Wrote, event.said),
    };
    let by_person = matches!(said.subtype.as_deref(), None | Some("file_share" | "thread_broadcast"));
    // A link's preview, or the number of answers, changes a message too.
    let edited = said.edited.as_ref().map(|edited| edited.ts.as_str());
    if !by_person || said.bot_id.is_some() || (did == Did::Edited && edited.is_none()) {
        return None;
    }
    let (channel, user, ts, thread) = (event.channel?, said.user?, said.ts?, said.thread_ts?);
    if ts == thread || !is_slack_id(&channel) || !is_slack_id(&user) {
        return None;
    }
    let (wrote, _) = (microseconds(&ts)?, microseconds(&thread)?);
    Some(InThread {
        did,
        root: format!("{channel}/{thread}"),
        key: format!("{channel}/{ts}"),
        user,
        text: plain_text(&said.text.unwrap_or_default()),
        wrote,
        version: edited.and_then(microseconds).unwrap_or(wrote),
        from: [said.user_team, said.source_team].into_iter().flatten().collect(),
    })
}

/// The time of `1700000002.000200`.
fn microseconds(ts: &str) -> Option<i64> {
    let (seconds, rest) = ts.split_once('.')?;
    if rest.len() != 6 || !rest.bytes().chain(seconds.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(rest.parse().ok()?)
}

/// Slack's markup as plain text: `<@U1>`, `<#C1|general>`, `<!here>`, `<https://example.com|there>`, `&amp;`.
fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((inside, after)) = after.split_once('>') else {
            plain.push('<');
            rest = after;
            continue;
        };
        plain.push_str(&named(inside));
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn named(inside: &str) -> String {
    let (id, label) = inside.split_once('|').map_or((inside, None), |(id, label)| (id, Some(label)));
    let label = label.filter(|label| !label.is_empty());
    let sign = |sign: char, id: &str| format!("{sign}{}", label.unwrap_or(id).trim_start_matches(sign));
    match id.chars().next() {
        Some('@') => sign('@', &id[1..]),
        Some('#') => sign('#', &id[1..]),
        // The label of a date is its text for clients that can't show it.
        Some('!') if id.starts_with("!date") => label.unwrap_or_default().to_owned(),
        Some('!') => sign('@', &id[1..]),
        _ => match label {
            Some(label) if !id.ends_with(label) => format!("{label} ({id})"),
            Some(label) => label.to_owned(),
            None => id.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The example in Slack's documentation, "Verifying requests from Slack".
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIME: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F\
        hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.\
        803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn check(headers: (Option<&str>, Option<&str>), body: &str, later: i64) -> Result<(), Refusal> {
        let now = Timestamp::from_second(TIME.parse::<i64>().unwrap() + later).unwrap();
        verify(&SECRET.into(), headers, body.as_bytes(), now)
    }

    #[test]
    fn the_published_example_verifies_for_five_minutes() {
        let good = (Some(SIGNATURE), Some(TIME));
        for (later, expected) in
            [(0, Ok(())), (300, Ok(())), (-300, Ok(())), (301, Err(Refusal::Stale)), (-301, Err(Refusal::Stale))]
        {
            assert_eq!(check(good, BODY, later), expected, "{later}");
        }
    }

    #[test]
    fn what_slack_did_not_sign_is_refused() {
        let time = Some(TIME);
        for (headers, expected) in [
            ((None, time), Refusal::Missing),
            ((Some(SIGNATURE), None), Refusal::Missing),
            ((Some(SIGNATURE), Some("soon")), Refusal::Missing),
            ((Some(SIGNATURE), Some("1531420619")), Refusal::Wrong),
            ((Some(SIGNATURE), Some("9223372036854775807")), Refusal::Stale),
            ((Some(SIGNATURE), Some("-9223372036854775808")), Refusal::Stale),
            ((Some(&SIGNATURE[3..]), time), Refusal::Wrong),
            ((Some(&SIGNATURE[..60]), time), Refusal::Wrong),
            ((Some("v0="), time), Refusal::Wrong),
            ((Some(""), time), Refusal::Wrong),
            ((Some(&SIGNATURE.replace("v0=a", "v0=b")), time), Refusal::Wrong),
        ] {
            assert_eq!(check(headers, BODY, 0), Err(expected), "{headers:?}");
        }
        assert_eq!(check((Some(SIGNATURE), time), &BODY[1..], 0), Err(Refusal::Wrong));
    }

    fn told(change: impl FnOnce(&mut Value)) -> Told {
        let mut body = json!({
            "token": "x", "team_id": "T1", "api_app_id": "A1", "type": "event_callback", "event_id": "Ev1", "event_time": 1,
            "event": {
                "type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "text": "No.",
                "ts": "1700000002.000200", "thread_ts": "1700000001.000100", "parent_user_id": "U9", "client_msg_id": "x",
                "blocks": [{ "type": "rich_text" }],
            },
        });
        change(&mut body);
        read(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_people_write_in_a_thread_is_told() {
        let expected = InThread {
            did: Did::Wrote,
            root: "C1/1700000001.000100".to_owned(),
            key: "C1/1700000002.000200".to_owned(),
            user: "U1".to_owned(),
            text: "No.".to_owned(),
            wrote: 1_700_000_002_000_200,
            version: 1_700_000_002_000_200,
            from: Vec::new(),
        };
        assert_eq!(told(|_| {}), Told::Message(expected.clone()));
        for subtype in ["thread_broadcast", "file_share"] {
            assert_eq!(told(|body| body["event"]["subtype"] = subtype.into()), Told::Message(expected.clone()));
        }
        let challenge = br#"{"token":"x","challenge":"3eZbrw1a","type":"url_verification"}"#;
        assert_eq!(read(challenge), Ok(Told::Challenge("3eZbrw1a".to_owned())));
    }

    fn message() -> Value {
        json!({
            "type": "message", "user": "U1", "text": "Yes.", "ts": "1700000002.000200", "thread_ts": "1700000001.000100",
            "edited": { "user": "U1", "ts": "1700000009.000000" },
        })
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Value {
        let mut now = message();
        change(&mut now);
        json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": "C1", "ts": "1700000009.000100",
            "message": now, "previous_message": message(),
        })
    }

    fn deleted(change: impl FnOnce(&mut Value)) -> Value {
        let mut was = message();
        change(&mut was);
        json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": "C1", "ts": "1700000009.000100",
            "deleted_ts": "1700000002.000200", "previous_message": was,
        })
    }

    #[test]
    fn what_becomes_of_a_message_in_a_thread_is_told() {
        for (event, did) in [(changed(|_| {}), Did::Edited), (deleted(|_| {}), Did::Deleted)] {
            let Told::Message(told) = told(|body| body["event"] = event) else { panic!("{did:?}") };
            assert_eq!((told.did, told.key.as_str(), told.text.as_str()), (did, "C1/1700000002.000200", "Yes."));
            assert_eq!((told.root.as_str(), told.version), ("C1/1700000001.000100", 1_700_000_009_000_000));
            assert_eq!(told.at().to_string(), "2023-11-14T22:13:22.0002Z");
        }
    }

    #[test]
    fn where_a_message_comes_from_is_told() {
        for (key, expected) in [("user_team", vec!["T2"]), ("source_team", vec!["T2"]), ("team", vec![])] {
            let Told::Message(told) = told(|body| body["event"][key] = "T2".into()) else { panic!("{key}") };
            assert_eq!(told.from, expected, "{key}");
        }
    }

    #[test]
    fn all_else_is_nothing() {
        type Change = fn(&mut Value);
        let table: [(&str, Change); 17] = [
            ("another kind", |body| body["event"]["type"] = "reaction_added".into()),
            ("not in a thread", |body| body["event"]["thread_ts"] = Value::Null),
            ("a thread's first", |body| body["event"]["thread_ts"] = body["event"]["ts"].clone()),
            ("a bot", |body| body["event"]["bot_id"] = "B1".into()),
            ("an edit of nothing", |body| body["event"]["subtype"] = "message_changed".into()),
            ("nothing gone", |body| body["event"]["subtype"] = "message_deleted".into()),
            ("a preview", |body| body["event"] = changed(|message| message["edited"] = Value::Null)),
            ("a bot's edit", |body| body["event"] = changed(|message| message["bot_id"] = "B1".into())),
            ("our own, deleted", |body| {
                body["event"] = deleted(|message| message["bot_id"] = "B1".into());
            }),
            ("a thread's first, deleted", |body| {
                body["event"] = deleted(|message| message["thread_ts"] = message["ts"].clone());
            }),
            ("joined", |body| body["event"]["subtype"] = "channel_join".into()),
            ("nobody", |body| body["event"]["user"] = Value::Null),
            ("made up", |body| body["event"]["channel"] = "C1/%".into()),
            ("nobody's id", |body| body["event"]["user"] = "U1&x=".into()),
            ("no time", |body| body["event"]["ts"] = "1700000002.0002000".into()),
            ("no thread", |body| body["event"]["thread_ts"] = "1700000001/000100".into()),
            ("a notice", |body| body["type"] = "app_rate_limited".into()),
        ];
        for (what, change) in table {
            assert_eq!(told(change), Told::Nothing, "{what}");
        }
        for body in ["", "[]", "{}", "null", "{\"type\":1}"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn markup_becomes_text() {
        for (text, expected) in [
            ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
            ("&amp;lt;", "&lt;"),
            ("<@U1> and <@U2|bo>: <#C1|general>, <#C2>", "@U1 and @bo: #general, #C2"),
            ("<!here> <!subteam^S1|@web> <!date^1392734382^{date}|Feb 18>", "@here @web Feb 18"),
            (
                "<https://example.com/?a=1&amp;b|this> <https://example.com>",
                "this (https://example.com/?a=1&b) https://example.com",
            ),
            ("<mailto:bo@example.com|bo@example.com> <http://example.com|example.com>", "bo@example.com example.com"),
            ("*bold* _it_ `code`", "*bold* _it_ `code`"),
            ("a < b", "a < b"),
            ("<> <|> <@> <", "  @ <"),
        ] {
            assert_eq!(plain_text(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[<>|@#!&;a-z^ é]*") {
            plain_text(&text);
        }
    }
}
