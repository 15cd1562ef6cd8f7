//! The fields of a ticket, as its changelog names them.

use crate::source::lenient::Maybe;
use crate::source::{people, text};

use super::payload::Item;

/// The fields whose changes have a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Key,
    Status,
    Due,
    FixVersion,
    Assignee,
    Reporter,
    Priority,
    Flagged,
    Link,
    Description,
    Resolution,
    Security,
    Comment,
    /// Fields that Jira maintains itself: the order on a board, sums of logged work, …
    Noise,
    Other,
}

/// The fields that Jira maintains itself, by their identifiers and English names.
const NOISE: [&str; 25] = [
    "rank",
    "timespent",
    "time spent",
    "timeestimate",
    "remaining estimate",
    "timeoriginalestimate",
    "original estimate",
    "timetracking",
    "time tracking",
    "worklog",
    "worklogid",
    "worklog id",
    "worklogtimespent",
    "workratio",
    "work ratio",
    "updated",
    "created",
    "lastviewed",
    "statuscategorychangedate",
    "resolutiondate",
    "workflow",
    "watches",
    "watchers",
    "votes",
    "projectimport",
];

/// Readable names of fields whose identifier isn't readable.
const NAMES: [(&str, &str); 16] = [
    ("duedate", "due date"),
    ("fixversions", "fix version"),
    ("fix version/s", "fix version"),
    ("versions", "affected version"),
    ("version", "affected version"),
    ("issuelinks", "link"),
    ("issuekey", "key"),
    ("summary", "title"),
    ("issuetype", "type"),
    ("issue type", "type"),
    ("component", "components"),
    ("attachment", "attachments"),
    ("issueparentassociation", "parent"),
    ("remoteissuelink", "web link"),
    ("sprint", "sprint"),
    ("security", "security level"),
];

impl Item {
    /// Recognises a field by its `fieldId` if there is one, since names are in the language of each site ("Статус"), or
    /// else by its name in any case. Flagged and Rank are custom fields, which only their names identify; other custom
    /// fields can have any name.
    pub fn field(&self) -> Field {
        let custom = self.is_custom();
        let named = |text: &str| match text.to_ascii_lowercase().as_str() {
            "flagged" => Field::Flagged,
            "rank" => Field::Noise,
            _ if custom => Field::Other,
            "key" | "issuekey" => Field::Key,
            "status" => Field::Status,
            "duedate" | "due date" => Field::Due,
            "fixversions" | "fix version" | "fix version/s" => Field::FixVersion,
            "assignee" => Field::Assignee,
            "reporter" => Field::Reporter,
            "priority" => Field::Priority,
            "issuelinks" | "link" => Field::Link,
            "description" => Field::Description,
            "resolution" => Field::Resolution,
            "security" | "security level" => Field::Security,
            "comment" => Field::Comment,
            text if NOISE.contains(&text) || text.starts_with("aggregate") => Field::Noise,
            _ => Field::Other,
        };
        let ranked = |words: &str| words.to_ascii_lowercase().starts_with("ranked ");
        match self.field_id.text().map_or(Field::Other, named) {
            // The name of the board's order varies, but the text of a move doesn't.
            Field::Other if custom && self.to_string.text().is_some_and(ranked) => Field::Noise,
            Field::Other => self.field.text().map_or(Field::Other, named),
            field => field,
        }
    }

    /// Whether it is the field of Data Center that names the epic, on a site in English.
    pub fn is_epic_link(&self) -> bool {
        self.is_custom() && self.field.text().is_some_and(|name| name.eq_ignore_ascii_case("epic link"))
    }

    /// Whether it is a field that the site calls by this name, or that has this id.
    pub fn is_called(&self, name: &str) -> bool {
        let is = |text: &Maybe<String>| text.text().is_some_and(|text| text.eq_ignore_ascii_case(name.trim()));
        self.is_custom() && (is(&self.field) || is(&self.field_id))
    }

    fn is_custom(&self) -> bool {
        self.field_type.as_deref() == Some("custom")
    }

    /// The name that rules and templates see for a field without a meaning of its own.
    pub fn id(&self) -> String {
        let id = self.field_id.text().filter(|_| !self.is_custom());
        text::title(id.or_else(|| self.field.text()).unwrap_or("unknown"))
    }

    /// What readers call the field: its name on the site, unless that is a term of Jira's.
    pub fn name(&self) -> Option<String> {
        let known = |text: &str| {
            let text = text.to_lowercase();
            let named = NAMES.iter().find(|(id, _)| *id == text).map(|(_, name)| (*name).to_owned());
            named.or_else(|| STABLE.contains(&text.as_str()).then_some(text))
        };
        let id = self.field_id.text().filter(|_| !self.is_custom()).and_then(known);
        let site = self.field.text().or_else(|| self.field_id.text());
        id.or_else(|| known(site?).filter(|_| !self.is_custom())).or_else(|| site.map(text::title))
    }

    /// The old value: its readable form if there is one.
    pub fn before(&self) -> Option<String> {
        words(self.from_string.text(), self.from.text())
    }

    /// The new value.
    pub fn after(&self) -> Option<String> {
        words(self.to_string.text(), self.to.text())
    }

    /// The old and the new person; `cloud` says whether people have account ids.
    pub fn people(&self, cloud: bool) -> [Option<String>; 2] {
        let person = |words: Option<&str>, id: Option<&str>| match words {
            Some(words) if !people::repeats(words, id) => text::excerpt(words),
            words => id.or(words).map(|id| people::either(id, cloud)),
        };
        [person(self.from_string.text(), self.from.text()), person(self.to_string.text(), self.to.text())]
    }
}

/// Fields with a readable name of Jira's, in any case.
const STABLE: [&str; 15] = [
    "key",
    "status",
    "due date",
    "fix version",
    "assignee",
    "reporter",
    "priority",
    "link",
    "description",
    "resolution",
    "labels",
    "components",
    "parent",
    "environment",
    "project",
];

/// The value of a field, with marked ids of people.
fn words(words: Option<&str>, value: Option<&str>) -> Option<String> {
    let text = words.or(value)?;
    let is_list = text.starts_with('[') && text.ends_with(']');
    let ids = if is_list { text[1..text.len() - 1].split(", ").collect() } else { vec![text] };
    let marked = if !ids.is_empty() && ids.iter().all(|id| people::is_id(id)) {
        ids.iter().map(|id| people::either(id, false)).collect::<Vec<_>>().join(", ")
    } else {
        people::in_markup(text)
    };
    text::excerpt(&marked)
}
