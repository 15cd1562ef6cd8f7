//! A comment on the ticket itself, through REST v2, which Cloud and Data Center share and which takes wiki markup:
//! <https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-comments/>.

use std::time::Duration;

use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fit::fit;
use super::http::{Body, Call, Http, Reply};
use super::{DELETED, Outcome, Post, Step, is_number, joined, line, reason, ways_out, wiki};
use crate::api::ApiError;
use crate::api::jira::Access;
use crate::destination::PersonKey;
use crate::event::TicketKey;
use crate::source::IN_JIRA;
use crate::template::{Block, shorten};

/// Jira accepts 32,767 characters. Cloud counts those of the document that it converts the comment into, which is longer.
const MOST: usize = 16_000;
const MOST_WHY: usize = 1_000;

/// About how many characters fit before a message is shortened.
pub(super) const ROOM: usize = 8_000;

pub(super) const PERSON: PersonKey = PersonKey {
    key: "jira",
    about: "The account id in Jira Cloud, or the user name on Data Center.",
    wanted: "an account id, or a user name on Data Center",
    // A Cloud account's id has a colon in it.
    fits: |id| id.len() <= 255 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte)),
};

pub(super) async fn send(http: &Http, access: &Access, post: &Post<'_>) -> Outcome {
    let Some(key) = TicketKey::jira(post.thread) else {
        return Outcome::permanent("only a message about a ticket can be sent to Jira");
    };
    let comments = format!("/rest/api/2/issue/{}/comment", key.as_str());
    let text = fit(post.message, |body| comment(post, body), |text| text.encode_utf16().count() <= MOST);
    // There are no threads, so an answer is another comment.
    if let Step::Edit(id) = post.step()
        && is_number(id)
    {
        let path = format!("{comments}/{id}");
        match request(http, access, (Method::PUT, &path), &text).await {
            // Somebody deleted it.
            Ok(reply) if reply.status == 404 && post.stays_away => return Outcome::permanent(DELETED),
            Ok(reply) if reply.status == 404 => {}
            Ok(reply) => return outcome(&reply, post.thread),
            Err(outcome) => return outcome,
        }
    }
    match request(http, access, (Method::POST, &comments), &text).await {
        Ok(reply) => outcome(&reply, post.thread).anew(matches!(post.step(), Step::Edit(_))),
        Err(outcome) => outcome,
    }
}

/// The body of a comment. On a service desk the property hides it from customers; elsewhere it has no effect.
fn body(text: &str) -> Value {
    json!({ "body": text, "properties": [{ "key": "sd.public.comment", "value": { "internal": true } }] })
}

/// Makes a request. A token that has expired is renewed once.
async fn request(http: &Http, access: &Access, (method, path): (Method, &str), text: &str) -> Result<Reply, Outcome> {
    let client = http.client().await?;
    let ask = async || {
        let entry = access.entry(client).await.map_err(locked_out)?;
        let authorization = entry.authorization.expose_secret().to_owned();
        let headers = vec![("accept", "application/json".to_owned()), ("authorization", authorization)];
        // Making an edit twice does no harm.
        let repeatable = method == Method::PUT;
        let body = Body::Json(body(text).to_string());
        let lane = ("jira".to_owned(), Duration::ZERO);
        let url = &entry.at(path);
        let reply =
            http.call(Call { peer: "Jira", method: method.clone(), url, headers, body, repeatable, lane }).await;
        Ok::<_, Outcome>((reply?, entry))
    };
    let (reply, entry) = ask().await?;
    if reply.status == 401 && access.renew(&entry).await {
        return ask().await.map(|(reply, _)| reply);
    }
    Ok(reply)
}

/// There is no token: nothing was sent.
fn locked_out(error: ApiError) -> Outcome {
    let retry_after = match &error {
        ApiError::Limited { wait, .. } => Some(*wait),
        _ => None,
    };
    Outcome::Transient { error: line(&error.to_string()), retry_after }
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Refused {
    error_messages: Vec<String>,
    errors: Map<String, Value>,
}

fn outcome(reply: &Reply, thread: &str) -> Outcome {
    if reply.is_success() {
        return reply.sent(|made: Made| made.id);
    }
    let refused = serde_json::from_str::<Refused>(&reply.body).unwrap_or_default();
    let faults = refused.errors.values().filter_map(Value::as_str).map(str::to_owned);
    let said = refused.error_messages.into_iter().chain(faults).collect::<Vec<_>>().join(" ");
    let silent = said.is_empty();
    let said = if silent { format!("Jira answered {}", reply.status) } else { format!("Jira says {said}") };
    let said = said.trim_end_matches('.');
    let advice = match reply.status {
        401 => "the token in `[jira]` isn't valid, or has expired".to_owned(),
        403 => format!("the token's account isn't allowed to comment on {thread}"),
        404 => format!("there is no {thread}, or the token's account can't see it"),
        _ if silent => return reply.refused(),
        _ => return reply.failed(said),
    };
    reply.failed(&format!("{said}: {advice}"))
}

/// The whole comment. The last line says whose it is.
pub(super) fn comment(post: &Post<'_>, body: &[Block]) -> String {
    let called = post.mentions.iter().filter_map(|name| mention(name)).collect::<Vec<_>>().join(" ");
    let ways = ways_out(post.links).map(|(words, url)| wiki::link(words, url));
    let why = wiki::line(&wiki::text(&shorten(reason(post), MOST_WHY)));
    let why = format!("{{color:#707070}}{why}{{color}}");
    let quiet = std::iter::once(why).chain(ways).collect::<Vec<_>>().join(" · ");
    joined([called, wiki::write(body), quiet, IN_JIRA.to_owned()], "\n\n")
}

/// A mention, by account id (Cloud: 24 hexadecimal digits, or with a colon in it), or by user name.
fn mention(name: &str) -> Option<String> {
    let account = name.contains(':') || (name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte));
    plain.then(|| if account { format!("[~accountid:{name}]") } else { format!("[~{name}]") })
}
