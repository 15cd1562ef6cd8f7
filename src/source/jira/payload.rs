//! The fields of Jira's webhook bodies that we read, on Cloud and Data Center.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::event::{Actor, StatusCategory};
use crate::source::lenient::{Day, Id, Link, Maybe, Time};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Body {
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
    pub account_id: Maybe<String>,
    pub name: Maybe<String>,
    pub key: Maybe<String>,
    pub display_name: Maybe<String>,
    pub account_type: Maybe<String>,
}

impl User {
    pub fn actor(&self) -> Option<Actor> {
        let login = self.account_id.text().or_else(|| self.name.text()).or_else(|| self.key.text())?;
        let name = self.display_name.text().unwrap_or(login).to_owned();
        let bot = self.account_type.as_deref() == Some("app");
        Some(Actor { login: login.to_owned(), name, url: None, bot })
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
    pub description: Maybe<Value>,
    pub status: Maybe<Status>,
    pub duedate: Maybe<Day>,
    pub assignee: Maybe<User>,
    pub reporter: Maybe<User>,
    pub priority: Maybe<Named>,
    pub issuetype: Maybe<Named>,
    pub project: Maybe<Project>,
    pub labels: Maybe<Vec<Maybe<String>>>,
    #[serde(rename = "fixVersions")]
    pub fix_versions: Maybe<Vec<Maybe<Version>>>,
    pub components: Maybe<Vec<Maybe<Named>>>,
    pub updated: Maybe<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: Maybe<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Project {
    pub key: Maybe<Id>,
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
    pub items: Maybe<Vec<Maybe<Item>>>,
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
    pub body: Maybe<Value>,
    pub created: Maybe<Time>,
    pub updated: Maybe<Time>,
    /// There only if the comment is for a group or role
    pub visibility: Maybe<Value>,
    /// In Jira Service Management, `false` for an internal note
    pub jsd_public: Maybe<bool>,
}

impl Comment {
    /// Not everybody who sees the ticket may read it, so its words go no further.
    pub fn is_restricted(&self) -> bool {
        self.visibility.as_ref().is_some_and(|visibility| !visibility.is_null()) || *self.jsd_public == Some(false)
    }

    pub fn created(&self) -> Option<Timestamp> {
        self.created.map(|time| time.0)
    }

    pub fn updated(&self) -> Option<Timestamp> {
        self.updated.map(|time| time.0)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IssueLink {
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
