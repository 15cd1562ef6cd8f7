//! The fields of Jira's webhook bodies that we read, on Cloud and Data Center.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::event::{Actor, StatusCategory};
use crate::source::lenient::{Day, Document, Id, Link, List, Maybe, Time};
use crate::source::people;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Body {
    /// Whether an Automation rule sent it, see [`super::AUTOMATION`]
    pub automation: Maybe<bool>,
    pub webhook_event: Maybe<String>,
    #[serde(rename = "issue_event_type_name")]
    pub issue_event_type: Maybe<String>,
    pub timestamp: Maybe<Time>,
    pub user: Maybe<User>,
    pub issue: Maybe<Issue>,
    pub changelog: Maybe<Changelog>,
    pub comment: Maybe<Comment>,
    pub issue_link: Maybe<IssueLink>,
    pub sprint: Maybe<Sprint>,
    pub version: Maybe<Version>,
}

/// `accountId` on Cloud, `name` and `key` on Data Center
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct User {
    #[serde(rename = "self")]
    pub api: Maybe<Link>,
    pub account_id: Maybe<String>,
    pub name: Maybe<String>,
    pub key: Maybe<String>,
    pub display_name: Maybe<String>,
    pub account_type: Maybe<String>,
}

impl User {
    pub fn actor(&self) -> Option<Actor> {
        let login = self.ids().next()?;
        let nameless = || people::either(login, self.account_id.text().is_some());
        let name = self.name().map_or_else(nameless, str::to_owned);
        let bot = self.account_type.as_deref() == Some("app");
        Some(Actor { login: login.to_owned(), name, url: None, bot })
    }

    /// Their identifiers, the best first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        [&self.account_id, &self.name, &self.key].into_iter().filter_map(|id| id.text())
    }

    /// Their name for people.
    pub fn name(&self) -> Option<&str> {
        self.display_name.text().filter(|name| !people::repeats(name, self.account_id.text()))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Issue {
    pub id: Maybe<Id>,
    pub key: Maybe<Id>,
    #[serde(rename = "self")]
    pub api: Maybe<Link>,
    pub fields: Maybe<Fields>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    pub summary: Maybe<String>,
    pub description: Maybe<Document>,
    pub status: Maybe<Status>,
    pub duedate: Maybe<Day>,
    pub assignee: Maybe<User>,
    pub reporter: Maybe<User>,
    pub creator: Maybe<User>,
    pub priority: Maybe<Named>,
    pub issuetype: Maybe<Named>,
    pub project: Maybe<Project>,
    pub labels: Maybe<List<String>>,
    #[serde(rename = "fixVersions")]
    pub fix_versions: Maybe<List<Version>>,
    pub components: Maybe<List<Named>>,
    pub resolution: Maybe<Named>,
    /// Its security level; null if it has none
    pub security: Maybe<Value>,
    pub issuelinks: Maybe<List<LinkedTo>>,
    /// On Cloud also the epic
    pub parent: Maybe<Keyed>,
    pub updated: Maybe<Time>,
}

/// A link of a ticket, whose other end is either outward or inward.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LinkedTo {
    pub id: Maybe<Id>,
    #[serde(rename = "type")]
    pub kind: Maybe<LinkWords>,
    pub outward_issue: Maybe<Issue>,
    pub inward_issue: Maybe<Issue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LinkWords {
    pub name: Maybe<String>,
    pub outward: Maybe<String>,
    pub inward: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Keyed {
    pub key: Maybe<Id>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Project {
    pub key: Maybe<Id>,
    #[serde(rename = "self")]
    pub api: Maybe<Link>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    pub name: Maybe<String>,
    pub status_category: Maybe<Category>,
}

impl Status {
    pub fn category(&self) -> Option<StatusCategory> {
        match self.status_category.as_ref()?.key.as_deref()? {
            "new" => Some(StatusCategory::Todo),
            "indeterminate" => Some(StatusCategory::InProgress),
            "done" => Some(StatusCategory::Done),
            _ => None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Category {
    pub key: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Changelog {
    /// The same in Jira's history of the ticket
    pub id: Maybe<Id>,
    pub items: Maybe<List<Item>>,
}

/// One change of one field. `from` and `to` are identifiers or dates, the `*String`s are for people.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Item {
    pub field: Maybe<String>,
    #[serde(rename = "fieldtype")]
    pub field_type: Maybe<String>,
    pub field_id: Maybe<String>,
    pub from: Maybe<String>,
    pub from_string: Maybe<String>,
    pub to: Maybe<String>,
    pub to_string: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Comment {
    pub id: Maybe<Id>,
    #[serde(rename = "self")]
    pub api: Maybe<Link>,
    pub author: Maybe<User>,
    pub update_author: Maybe<User>,
    pub body: Maybe<Document>,
    pub created: Maybe<Time>,
    pub updated: Maybe<Time>,
    /// Present only if the comment is for a group or role
    pub visibility: Maybe<Value>,
    /// In Jira Service Management on Cloud, `false` for an internal note
    pub jsd_public: Maybe<Value>,
    /// On Data Center, it is one of these: `sd.public.comment`
    pub properties: Maybe<Value>,
}

impl Body {
    /// Whether an Automation rule sent it, which doesn't say where a change stands in the ticket's history.
    pub fn is_automation(&self) -> bool {
        *self.automation == Some(true)
    }
}

impl Comment {
    /// Not everybody who can see the ticket may read it, so its text isn't used.
    pub fn is_restricted(&self) -> bool {
        // An Automation rule writes an empty text for nothing.
        let visibility = self.visibility.as_ref().is_some_and(|visibility| !visibility.is_null() && visibility != "");
        let not_public = self.jsd_public.as_ref().is_some_and(|public| says(public, false));
        visibility || not_public || self.properties.as_ref().is_some_and(has_internal)
    }

    pub fn created(&self) -> Option<Timestamp> {
        self.created.map(|time| time.0)
    }

    pub fn updated(&self) -> Option<Timestamp> {
        self.updated.map(|time| time.0)
    }
}

/// The property of internal comments of a service desk, and of ours.
const INTERNAL: &str = "sd.public.comment";

/// Whether a comment's properties say that it is internal: a list of keys and values as documented, or a map.
fn has_internal(properties: &Value) -> bool {
    match properties {
        Value::Array(properties) => properties.iter().any(|property| {
            let key = property["key"].as_str().unwrap_or_default();
            (key.eq_ignore_ascii_case(INTERNAL) && is_internal(&property["value"])) || is_internal(&property[INTERNAL])
        }),
        Value::Object(properties) => properties.get(INTERNAL).is_some_and(is_internal),
        _ => false,
    }
}

/// The value of a property may be the text in which it was stored.
fn is_internal(value: &Value) -> bool {
    match value {
        Value::String(text) => serde_json::from_str::<Value>(text).is_ok_and(|value| says(&value["internal"], true)),
        Value::Array(values) => values.iter().any(is_internal),
        value => says(&value["internal"], true),
    }
}

fn says(value: &Value, flag: bool) -> bool {
    *value == flag || value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case(&flag.to_string()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IssueLink {
    pub id: Maybe<Id>,
    pub source_issue_id: Maybe<Id>,
    pub destination_issue_id: Maybe<Id>,
    pub issue_link_type: Maybe<LinkType>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LinkType {
    pub name: Maybe<String>,
    pub outward_name: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sprint {
    pub id: Maybe<Id>,
    #[serde(rename = "self")]
    pub api: Maybe<Link>,
    pub name: Maybe<String>,
    pub goal: Maybe<String>,
    pub origin_board_id: Maybe<Id>,
    pub start_date: Maybe<Time>,
    pub complete_date: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Version {
    pub id: Maybe<Id>,
    #[serde(rename = "self")]
    pub api: Maybe<Link>,
    pub name: Maybe<String>,
    pub description: Maybe<String>,
    pub project_id: Maybe<Id>,
    pub release_date: Maybe<Day>,
}
