//! A comment on the pull request or issue itself: <https://docs.github.com/en/rest/issues/comments>.
//!
//! GitHub parses the comment as Markdown, and then looks for mentions, numbers, commits and emoji in the result, where
//! backslashes have no effect. So anything that would be one of these is broken up by the invisible U+2060.

use std::time::Duration;

use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::fit::fit;
use super::github_token::{Access, Tokens};
use super::http::{Body, Call, Http, Reply};
use super::markdown::{self, Dialect};
use super::{DELETED, JOINER, Outcome, Post, Step, is_number, joined, line, reason, ways_out};
use crate::api::github::GithubApi;
use crate::api::{ApiSettings, Mask};
use crate::event::SubjectParts;
use crate::source::ON_GITHUB;
use crate::template::{Block, shorten};

/// "Body is too long (maximum is 65536 characters)". This counts bytes, which are never fewer.
const MOST: usize = 65_536;
const MOST_WHY: usize = 1_000;

/// About how many characters fit before a message is shortened.
pub(super) const ROOM: usize = 30_000;

/// The interval that GitHub asks for between two requests that create something, even in different repositories:
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>.
pub(super) const GAP: Duration = Duration::from_secs(1);
/// How long to wait after a limit that doesn't say how long: "wait for at least one minute before retrying".
const REST: Duration = Duration::from_secs(60);

const DIALECT: Dialect = Dialect { text, code, link, strong: "**", emphasis: "*", line: "\\\n" };

pub(super) async fn send(http: &Http, (tokens, settings): (&Tokens, &GithubApi), post: &Post<'_>) -> Outcome {
    let Some(page) = page(post.thread) else {
        return Outcome::permanent("only a message about a pull request or an issue can be sent to GitHub");
    };
    let access = match tokens.access(http, settings, page.0).await {
        Ok(access) => access,
        Err(outcome) => return outcome,
    };
    let mask = Mask::of_token(&access.api.token);
    comment_on(http, &access, page, post).await.map_error(|error| mask.apply(&error))
}

async fn comment_on(http: &Http, access: &Access, (repository, number): (&str, u64), post: &Post<'_>) -> Outcome {
    let settings = &access.api;
    let folder = format!("/repos/{repository}/issues");
    let new = format!("{folder}/{number}/comments");
    let text = fit(post.message, |body| comment(post, body), |text| text.len() <= MOST);
    // There are no threads, so an answer is another comment.
    if let Step::Edit(id) = post.step()
        && is_number(id)
    {
        let path = format!("{folder}/comments/{id}");
        match request(http, settings, (Method::PATCH, &path), &text).await {
            // Somebody deleted it.
            Ok(reply) if reply.status == 404 && post.stays_away => return Outcome::permanent(DELETED),
            Ok(reply) if reply.status == 404 => {}
            Ok(reply) => return outcome(&reply, post.thread, access.is_app),
            Err(outcome) => return outcome,
        }
    }
    match request(http, settings, (Method::POST, &new), &text).await {
        Ok(reply) => outcome(&reply, post.thread, access.is_app).anew(matches!(post.step(), Step::Edit(_))),
        Err(outcome) => outcome,
    }
}

async fn request(
    http: &Http,
    settings: &ApiSettings,
    (method, path): (Method, &str),
    text: &str,
) -> Result<Reply, Outcome> {
    let headers =
        vec![("accept", "application/vnd.github+json".to_owned()), ("x-github-api-version", "2022-11-28".to_owned())];
    // Making an edit twice does no harm.
    let repeatable = method == Method::PATCH;
    let ask = async |url: &str| {
        let (method, headers, body) =
            (method.clone(), headers.clone(), Body::Json(json!({ "body": text }).to_string()));
        let call = Call { peer: "GitHub", method, url, headers, body, repeatable, lane: ("github".to_owned(), GAP) };
        http.call(call.bearer(settings.token.expose_secret())).await
    };
    let reply = ask(&settings.at(path)).await?;
    match moved(&reply, settings) {
        Some(url) => ask(&url).await,
        None => Ok(reply),
    }
}

#[derive(Deserialize)]
struct Moved {
    url: String,
}

/// The new address of a renamed repository or a transferred issue, if it is on the same GitHub
/// (<https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>).
fn moved(reply: &Reply, settings: &ApiSettings) -> Option<String> {
    let Moved { url } = serde_json::from_str(&reply.body).ok().filter(|_| matches!(reply.status, 301 | 307 | 308))?;
    url.starts_with(&settings.at("/")).then_some(url)
}

/// `owner/repo` and the number of `owner/repo#45`.
fn page(thread: &str) -> Option<(&str, u64)> {
    let parts = SubjectParts::of(thread);
    let (owner, name) = parts.scope.split_once('/').filter(|_| parts.host.is_none())?;
    let plain = |text: &str| {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        letters && !text.bytes().all(|byte| byte == b'.')
    };
    parts.number().filter(|_| plain(owner) && plain(name)).map(|number| (parts.scope, number))
}

#[derive(Deserialize)]
struct Made {
    id: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    message: String,
    errors: Vec<Fault>,
}

/// Some errors are objects, some are plain texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Fault {
    Told { message: Option<String> },
    Text(String),
}

fn outcome(reply: &Reply, thread: &str, is_app: bool) -> Outcome {
    if reply.is_success() {
        return reply.sent(|made: Made| made.id.to_string());
    }
    let Ok(refused) = serde_json::from_str::<Refused>(&reply.body) else { return reply.refused() };
    let faults = refused.errors.into_iter().filter_map(|fault| match fault {
        Fault::Told { message } => message,
        Fault::Text(text) => Some(text),
    });
    let said = std::iter::once(refused.message).chain(faults).collect::<Vec<_>>().join(": ");
    let said = format!("GitHub says {}", said.trim_end_matches('.'));
    let lower = said.to_lowercase();
    // A header says when the primary limit is over, and the rate limiter waits for that. The secondary limit has no such header.
    if matches!(reply.status, 403 | 429) && (lower.contains("rate limit") || lower.contains("abuse detection")) {
        let retry_after = reply.retry_after.or_else(|| lower.contains("secondary").then_some(REST));
        return Outcome::Transient { error: line(&said), retry_after };
    }
    let advice = match reply.status {
        401 if is_app => "the App's token has expired, and is renewed".to_owned(),
        401 => "the token in `[github]` isn't valid, or has expired".to_owned(),
        403 if lower.contains("not accessible by") && is_app => {
            "give the App write access to issues and to pull requests, and approve that where the App is installed"
                .to_owned()
        }
        403 if lower.contains("not accessible by") => {
            "give the token write access to issues and to pull requests".to_owned()
        }
        403 if lower.contains("saml") => "authorize the token for the organization".to_owned(),
        403 if lower.contains("locked") => format!("{thread} is locked: only people with write access can comment"),
        403 if lower.contains("archived") => {
            "unarchive the repository, or take `github` out of `to` for what comes from it".to_owned()
        }
        301 | 307 | 308 => format!("{thread} has moved, and GitHub doesn't say where to"),
        404 if is_app => format!("there is no {thread}, or the App isn't installed for the repository"),
        404 => format!("there is no {thread}, or the token has no access to the repository"),
        410 => format!("{thread} was deleted, or the repository has no issues"),
        _ => return reply.failed(&said),
    };
    reply.failed(&format!("{said}: {advice}"))
}

/// The whole comment.
pub(super) fn comment(post: &Post<'_>, body: &[Block]) -> String {
    let called = post.mentions.iter().filter(|login| is_login(login)).map(|login| format!("@{login}"));
    let called = called.collect::<Vec<_>>().join(" ");
    let ways = ways_out(post.links).map(|(words, url)| link(&text(words), url));
    let quiet = std::iter::once(text(&shorten(reason(post), MOST_WHY))).chain(ways).collect::<Vec<_>>().join(" · ");
    let parts = [called, markdown::write(body, &DIALECT), format!("<sub>{quiet}</sub>")];
    format!("{ON_GITHUB}\n{}\n", joined(parts, "\n\n"))
}

/// Enterprise Managed Users have an underscore; a team's name has a slash.
fn is_login(login: &str) -> bool {
    let letters = login.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte));
    letters && login.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Escapes a text, so that GitHub finds nothing but text in it.
fn text(value: &str) -> String {
    let letters = value.chars().collect::<Vec<_>>();
    let at = |index: Option<usize>| index.and_then(|index| letters.get(index)).copied();
    let word_ends = |index: usize, word: &str| {
        let before = letters.get(..index).unwrap_or_default().iter().rev();
        word.chars().rev().eq(before.take(word.len()).map(char::to_ascii_lowercase))
    };
    let mut inert = String::with_capacity(value.len() + 16);
    let mut hex = 0;
    for (index, &letter) in letters.iter().enumerate() {
        let (before, after) = (at(index.checked_sub(1)), at(Some(index + 1)));
        let in_word = [before, after].iter().flatten().filter(|c| c.is_ascii_alphanumeric()).count() == 2;
        match letter {
            // Math isn't part of Markdown. GitHub's own advice is a `<span>`:
            // <https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/writing-mathematical-expressions>
            '$' => inert.push_str("<span>&#36;</span>"),
            // What follows the bracket makes it a task list, a footnote or an alert; the same goes for mentions, numbers and emoji.
            '[' | '#' => inert.extend(['\\', letter, JOINER]),
            '@' => inert.extend([letter, JOINER]),
            ':' if after != Some(' ') => inert.extend([letter, JOINER]),
            // GH-1, CVE-2026-1 and GHSA-…
            '-' if ["gh", "cve", "ghsa"].iter().any(|word| word_ends(index, word)) => inert.extend([letter, JOINER]),
            '.' if word_ends(index, "www") => inert.extend([JOINER, letter]),
            // At the start of a line this would make a numbered list, and a piece of text may be at the start.
            '.' | ')' if before.is_none_or(|c| c.is_ascii_digit()) => inert.extend(['\\', letter]),
            '-' if in_word => inert.push(letter),
            // `!` is one of them because a link may follow
            '!' | '\\' | '`' | '*' | '_' | '{' | '}' | ']' | '+' | '-' | '|' | '~' | '<' | '>' | '&' | '=' | '^' => {
                inert.extend(['\\', letter]);
            }
            _ => inert.push(letter),
        }
        hex = if letter.is_ascii_hexdigit() { hex + 1 } else { 0 };
        // A commit's hash has at least seven digits.
        if hex == 6 && after.is_some_and(|c| c.is_ascii_hexdigit()) {
            inert.push(JOINER);
            hex = 0;
        }
    }
    inert
}

/// Adjacent code would share its backticks.
fn code(code: &str) -> String {
    format!("{JOINER}{}", markdown::code_span(code))
}

/// A link with a text that is already escaped. An address in `<>` ends at `>`.
fn link(text: &str, url: &str) -> String {
    let mut address = String::with_capacity(url.len());
    for letter in url.chars() {
        match letter {
            '<' => address.push_str("%3C"),
            '>' => address.push_str("%3E"),
            '\\' => address.push_str("%5C"),
            // An entity would be decoded.
            '&' => address.push_str("&amp;"),
            _ => address.push(letter),
        }
    }
    format!("[{text}](<{address}>)")
}
