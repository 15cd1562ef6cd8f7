//! What people on GitHub are called elsewhere: `[people.LOGIN]`, read and checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use lettre::Address;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{CHANNELS, email, jira};
use crate::destination::PersonKey;
use crate::template::OF_JIRA;
use crate::toml_file::{At, Field, Raw, Reader, Tables};

/// What somebody on GitHub is called elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The login on GitHub, as written
    pub login: String,
    /// Where they get mail
    pub email: Option<Address>,
    names: BTreeMap<&'static str, String>,
}

/// People, by their login in small letters.
pub type People = BTreeMap<String, Person>;

/// Nobody.
pub(super) static NOBODY: People = People::new();

/// Somebody whom a message names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handle<'a> {
    /// By the login on GitHub
    Login(&'a str),
    /// By the account in Jira
    Jira(&'a str),
}

impl<'a> Handle<'a> {
    /// Reads what stands in a message.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        text.strip_prefix(OF_JIRA).map_or(Self::Login(text), Self::Jira)
    }

    /// Who that is among some people.
    #[must_use]
    pub fn among(self, people: &'a People) -> Option<&'a Person> {
        match self {
            Self::Login(login) => people.get(&login.to_lowercase()),
            Self::Jira(account) => people.values().find(|person| person.name(jira::PERSON.key) == Some(account)),
        }
    }
}

impl Person {
    /// The person of this login, who is known by these names.
    #[must_use]
    pub fn new(login: &str, names: BTreeMap<&'static str, String>) -> Self {
        let email = names.get(email::PERSON.key).and_then(|address| address.parse().ok());
        Self { login: login.to_owned(), email, names }
    }

    /// All that they are called, by the keys of `[people.LOGIN]`.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.names.iter().map(|(key, name)| (*key, name.as_str()))
    }

    /// What they are called, by a key of `[people.LOGIN]`.
    #[must_use]
    pub fn name(&self, key: &str) -> Option<&str> {
        self.names.get(key).map(String::as_str)
    }
}

/// Every key that the table can have. Two channels of one service share a key.
fn keys() -> impl Iterator<Item = &'static PersonKey> {
    [&email::PERSON, &jira::PERSON].into_iter().chain(CHANNELS.iter().filter_map(|spec| spec.person))
}

/// `[people.LOGIN]` as written. Its keys are those of the channels, so it is read and described by hand.
#[derive(Debug, Default)]
pub struct PersonTable(BTreeMap<&'static str, Field<String>>);

impl Raw for PersonTable {}

impl<'de> Deserialize<'de> for PersonTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = PersonTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PersonTable, A::Error> {
        let mut names = BTreeMap::new();
        while let Some(written) = map.next_key::<String>()? {
            match keys().find(|known| known.key == written) {
                Some(known) => {
                    names.insert(known.key, map.next_value()?);
                }
                // The document reports whatever is ignored.
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(PersonTable(names))
    }
}

impl JsonSchema for PersonTable {
    fn schema_name() -> Cow<'static, str> {
        "PersonTable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for key in keys() {
            let mut schema = generator.subschema_for::<Field<String>>();
            schema.insert("description".to_owned(), key.about.into());
            properties.insert(key.key.to_owned(), schema.into());
        }
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

/// Reads the tables, by the login in small letters.
pub(crate) fn read(field: Tables<PersonTable>, reader: &mut Reader<'_>) -> BTreeMap<String, Person> {
    let mut people = BTreeMap::<String, Person>::new();
    let section = At::root().key("people");
    for (login, at, PersonTable(table)) in reader.document.tables(field, &section) {
        let mut names = BTreeMap::new();
        for (key, field) in table {
            let Some(known) = keys().find(|known| known.key == key) else { continue };
            if let Some(name) = read_name(known, field, (&at, reader)) {
                names.insert(known.key, name);
            }
        }
        if let Some(other) = people.insert(login.to_lowercase(), Person::new(&login, names)) {
            report_twice((&at, &section.key(&other.login)), reader);
        }
    }
    people
}

fn read_name(known: &PersonKey, field: Field<String>, (table, reader): (&At, &mut Reader<'_>)) -> Option<String> {
    let at = table.key(known.key);
    let name = reader.word(field, &at)?;
    let message = format!("`{name}` isn't valid for `{}`", known.key);
    let right = if (known.fits)(&name) { Ok(name) } else { Err((message, Some(format!("write {}", known.wanted)))) };
    reader.parsed(right, &at)
}

/// Reports a login that has two tables, at the later one.
fn report_twice((at, other): (&At, &At), reader: &mut Reader<'_>) {
    let (line, other_line) = (reader.document.place(at).line, reader.document.place(other).line);
    let (later, earlier) = if line > other_line { (at, other_line) } else { (other, line) };
    let message = format!("this is the same person as in line {earlier}: logins don't differ by capitals");
    let help = "put all names of a person into one table".to_owned();
    reader.document.wrong(later, message, help);
}

/// Whether a text is an id that a service gave as a number.
pub(super) fn is_id_number(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is the name of one user. Some names mention everybody.
pub(super) fn is_user_name(text: &str) -> bool {
    let everybody = ["all", "channel", "here", "everyone"];
    text.len() <= 64
        && !everybody.contains(&text.to_lowercase().as_str())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
