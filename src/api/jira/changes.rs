//! Recent changes of tickets, with their histories and comments.
//!
//! Cloud's search is <https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/>, whose
//! responses contain only some of a ticket's histories and comments; the rest is requested for each ticket.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{ApiError, Jira};

/// The fields of a ticket besides those that every request reads.
const MORE: &str = "description,created,creator,comment";
/// The size of a page.
const PAGE: usize = 100;
/// The most pages that are read.
const PAGES: usize = 100;

/// Where the next page of a search begins.
#[derive(Debug, Clone)]
pub enum Cursor {
    /// On Data Center: its offset
    At(usize),
    /// On Cloud: its token
    Token(String),
}

impl Jira {
    /// A page of the tickets that a JQL query finds, with as many histories and comments as the response contains, and
    /// the next page.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn search(&self, jql: &str, from: Option<Cursor>) -> Result<(Vec<Value>, Option<Cursor>), ApiError> {
        let fields = format!("{},{MORE}", self.wanted());
        if self.cloud {
            let fields = fields.split(',').collect::<Vec<_>>();
            let mut body = json!({ "jql": jql, "fields": fields, "expand": "changelog", "maxResults": PAGE });
            if let Some(Cursor::Token(token)) = from {
                body["nextPageToken"] = json!(token);
            }
            let answer = self.ask(Method::POST, "/rest/api/3/search/jql", Some(&body)).await?;
            let next = answer["nextPageToken"].as_str().map(|token| Cursor::Token(token.to_owned()));
            return Ok((list(&answer, "issues"), next));
        }
        let start = if let Some(Cursor::At(start)) = from { start } else { 0 };
        let jql = byte_serialize(jql.as_bytes()).collect::<String>();
        let path =
            format!("/rest/api/2/search?jql={jql}&startAt={start}&maxResults={PAGE}&fields={fields}&expand=changelog");
        let answer = self.get(&path).await?;
        let issues = list(&answer, "issues");
        let end = start + issues.len();
        let more = !issues.is_empty() && end < number(&answer, "total");
        Ok((issues, more.then_some(Cursor::At(end))))
    }

    /// What changed in a ticket since then.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn histories(&self, issue: &Value, since: Timestamp) -> Result<Vec<Value>, ApiError> {
        let given = &issue["changelog"];
        let mut histories = list(given, "histories");
        let reaches = histories.iter().any(|history| is_before(history, since));
        if given.is_null() || (number(given, "total") > histories.len() && !reaches) {
            histories = self.all_histories(issue, since).await?;
        }
        histories.retain(|history| !is_before(history, since));
        Ok(histories)
    }

    /// Cloud has a list, oldest first, which is read from its end; Data Center sends everything with the ticket.
    async fn all_histories(&self, issue: &Value, since: Timestamp) -> Result<Vec<Value>, ApiError> {
        let path = format!("{}/issue/{}", self.rest(), name(issue));
        if !self.cloud {
            let answer = self.get(&format!("{path}?fields=updated&expand=changelog")).await?;
            return Ok(list(&answer["changelog"], "histories"));
        }
        let page = async |start: usize, most: usize| {
            self.get(&format!("{path}/changelog?startAt={start}&maxResults={most}")).await
        };
        let (mut end, mut all) = (number(&page(0, 1).await?, "total"), Vec::new());
        for _ in 0..PAGES {
            let start = end.saturating_sub(PAGE);
            let histories = list(&page(start, end - start).await?, "values");
            let reaches = histories.iter().any(|history| is_before(history, since));
            all.extend(histories);
            if reaches || start == 0 {
                break;
            }
            end = start;
        }
        Ok(all)
    }

    /// The comments on a ticket since then.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn comments(&self, issue: &Value, since: Timestamp) -> Result<Vec<Value>, ApiError> {
        let given = &issue["fields"]["comment"];
        let mut comments = list(given, "comments");
        // Whether a comment is hidden from a service desk's customers is a property there, which doesn't come with the
        // ticket.
        let properties = if self.cloud { "" } else { "&expand=properties" };
        let unsaid = !self.cloud && comments.iter().any(|comment| !is_before(comment, since));
        if given.is_null() || number(given, "total") > comments.len() || unsaid {
            comments.clear();
            let all = format!("{}/issue/{}/comment", self.rest(), name(issue));
            let path = format!("{all}?orderBy=-created&maxResults={PAGE}{properties}");
            for _ in 0..PAGES {
                let answer = self.get(&format!("{path}&startAt={}", comments.len())).await?;
                let page = list(&answer, "comments");
                // Newest first, if the server knows this order.
                let last = page.last().is_none_or(|comment| is_before(comment, since));
                comments.extend(page);
                if last || comments.len() >= number(&answer, "total") {
                    break;
                }
            }
        }
        comments.retain(|comment| !is_before(comment, since));
        Ok(comments)
    }

    /// Every status that a ticket can have.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn statuses(&self) -> Result<Vec<Value>, ApiError> {
        let answer = self.get(&format!("{}/status", self.rest())).await?;
        Ok(answer.as_array().cloned().unwrap_or_default())
    }
}

/// The time in a field of what Jira wrote.
#[must_use]
pub fn time(written: &Value, field: &str) -> Option<Timestamp> {
    written[field].as_str()?.parse().ok()
}

/// Something without a time counts as old.
fn is_before(written: &Value, since: Timestamp) -> bool {
    time(written, "created").is_none_or(|created| created < since)
}

fn list(answer: &Value, field: &str) -> Vec<Value> {
    answer[field].as_array().cloned().unwrap_or_default()
}

fn number(answer: &Value, field: &str) -> usize {
    answer[field].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

/// The key of a ticket for an address, if it is only a key.
fn name(issue: &Value) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    issue["key"].as_str().unwrap_or_default().chars().filter(plain).collect()
}
