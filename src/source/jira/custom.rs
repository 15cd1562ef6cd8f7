//! The fields that a site adds to its tickets: the epic, sprints, due dates, and what rules ask for.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::{TicketKey, is_field_id};
use crate::source::jira_text::Written;
use crate::source::lenient::{Day, Maybe};
use crate::source::site_fields::SiteFields;
use crate::source::text;

/// The most values of a field that are kept.
const MOST: usize = 100;
/// How Data Center writes a sprint: `com.atlassian.greenhopper.service.sprint.Sprint@1f[id=1,state=ACTIVE,name=Sprint 1,…]`
const SPRINT: &str = "com.atlassian.greenhopper.service.sprint.Sprint@";

/// Such fields of a payload, by their ids.
#[derive(Debug, Default)]
pub struct Custom(BTreeMap<String, Box<RawValue>>);

impl Custom {
    /// Those of a body.
    pub fn read(body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            issue: Maybe<Issue>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Issue {
            fields: Maybe<BTreeMap<String, Box<RawValue>>>,
        }
        let body = serde_json::from_slice::<Body>(body).unwrap_or_default();
        let mut fields = body.issue.into_inner().and_then(|issue| issue.fields.into_inner()).unwrap_or_default();
        fields.retain(|id, _| is_field_id(id));
        Self(fields)
    }

    /// Whether the payload lists such fields at all: comments come without them.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a field holds: null if it is empty; `None` if the payload leaves it out.
    fn value(&self, id: &str) -> Option<Value> {
        serde_json::from_str(self.0.get(id)?.get()).ok()
    }

    /// The day that a field holds, if it holds one.
    pub fn day(&self, id: &str) -> Option<Date> {
        let Value::String(day) = self.value(id)? else { return None };
        Day::try_from(day).ok().map(|day| day.0)
    }

    /// The values of the fields with these ids as people see them. A field that is left out has none if the payload lists the
    /// ticket's fields; otherwise they aren't known.
    pub fn values<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Option<Vec<String>> {
        let mut all = None;
        for id in ids {
            if let Some(value) = self.value(id) {
                words(&value, all.get_or_insert_with(Vec::new));
            } else if !self.is_empty() {
                all.get_or_insert_default();
            }
        }
        all
    }

    /// What rules ask for, by the names that they use.
    pub fn asked(&self, fields: &SiteFields) -> BTreeMap<String, Vec<String>> {
        let values = |name: &String| Some((name.to_lowercase(), self.values(fields.ids(name))?));
        fields.asked.iter().filter_map(values).collect()
    }

    /// The keys of epics.
    pub fn epics(&self, fields: &SiteFields) -> Option<Vec<String>> {
        let keys = self.values(fields.epic_ids())?;
        Some(keys.into_iter().filter(|key| key.parse::<TicketKey>().is_ok()).collect())
    }

    /// The names of the sprints that the ticket is in. Jira keeps those that were closed before. `None` if the payload doesn't
    /// list the ticket's fields. The field has another id on each site, but no other has such values.
    pub fn sprints(&self) -> Option<Vec<String>> {
        let is_sprint = |raw: &str| raw.contains(SPRINT) || raw.contains("\"state\"") && raw.contains("oardId\"");
        let lists = self.0.values().map(|raw| raw.get()).filter(|raw| raw.starts_with('[') && is_sprint(raw));
        let lists = lists.filter_map(|raw| serde_json::from_str::<Vec<Value>>(raw).ok());
        let sprints = lists.flatten().filter_map(|value| sprint(&value)).collect::<Vec<_>>();
        let open = sprints.iter().filter(|(_, closed)| !closed).collect::<Vec<_>>();
        let last = sprints.last().filter(|_| open.is_empty());
        let names = open.into_iter().chain(last).map(|(name, _)| name.clone()).take(MOST).collect();
        (!self.is_empty()).then_some(names)
    }
}

/// A sprint's name, and whether it is closed.
fn sprint(value: &Value) -> Option<(String, bool)> {
    let (name, state) = match value {
        Value::String(written) => {
            let inside = written.strip_prefix(SPRINT)?.split_once('[')?.1;
            let after = |key: &str| inside.split_once(key).map(|(_, rest)| rest);
            // A name may have commas.
            let name = after("name=")?.split(",startDate=").next()?;
            (name.to_owned(), after("state=")?.split(',').next()?.to_owned())
        }
        value => (value["name"].as_str()?.to_owned(), value["state"].as_str().unwrap_or_default().to_owned()),
    };
    Some((text::title(&name), state.eq_ignore_ascii_case("closed")))
}

/// The words for a value: of a text, number, option, person or anything else with a name, or a list of them. A cascading
/// option has two.
fn words(value: &Value, all: &mut Vec<String>) {
    if all.len() >= MOST {
        return;
    }
    match value {
        Value::Null => {}
        Value::Bool(flag) => all.push(flag.to_string()),
        Value::Number(number) => all.push(number.to_string().trim_end_matches(".0").to_owned()),
        Value::String(words) => all.extend(text::excerpt(words)),
        Value::Array(values) => values.iter().for_each(|value| words(value, all)),
        Value::Object(object) if object.get("type").is_some_and(|kind| kind == "doc") => {
            all.extend(Written::read(value).and_then(|written| written.summary()));
        }
        Value::Object(object) => {
            let keys = ["value", "displayName", "accountId", "name", "key"];
            let said = keys.iter().filter_map(|key| object.get(*key)).filter(|said| said.is_string());
            said.for_each(|said| words(said, all));
            object.get("child").into_iter().for_each(|child| words(child, all));
        }
    }
}
