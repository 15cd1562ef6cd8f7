//! Changes: what was changed through the console, for operators.

use std::sync::Arc;

use jiff::Timestamp;
use maud::html;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::page::{moment, page};
use super::request::Asked;
use crate::store::Audited;

/// How many changes a page has.
const PAGE: usize = 100;
/// What is shown in place of what was removed by `microalign store forget`.
const FORGOTTEN: &str = "(removed)";

/// Which changes to show.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only those before this one: `next` of the page before
    before: Option<i64>,
}

/// Changes, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Changes {
    changes: Vec<Audited>,
    /// What `before` is for the next page, if there is one
    next: Option<i64>,
}

/// `GET /api/v1/audit`
pub(super) async fn changes(console: Arc<Console>, visitor: Visitor, query: Query) -> Result<Changes, Refused> {
    visitor.check_operate()?;
    let mut changes = console.store.audited(query.before).await?;
    let more = changes.len() > PAGE;
    changes.truncate(PAGE);
    let next = changes.last().filter(|_| more).map(|last| last.id);
    Ok(Changes { changes, next })
}

/// `GET /audit`
pub(super) async fn audit(console: &Arc<Console>, asked: &Asked) -> Result<Answer, Refused> {
    let (query, visitor) = (asked.query(Vec::new())?, asked.visitor.clone());
    let Changes { changes, next } = changes(Arc::clone(console), visitor, query).await?;
    let now = Timestamp::now();
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| FORGOTTEN.to_owned());
    let content = html! {
        p.lead { "What was changed through the console, and by whom. Newest first." }
        @if changes.is_empty() { p { "Nothing was changed." } } @else {
            div.wide tabindex="0" role="region" aria-label="Changes" {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "How" } th scope="col" { "What" } } }
                    tbody {
                        @for change in &changes {
                            tr {
                                td { (moment(change.at, now)) }
                                td { (text(&change.who)) }
                                td { (change.via) }
                                td { (change.action) " " (text(&change.what)) }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(next) = next { nav.pages aria-label="Pages" { a href=(format!("/audit?before={next}")) { "Older" } } }
    };
    Ok(Answer::Page(page(("Changes", "/audit"), &asked.visitor, &content)))
}
