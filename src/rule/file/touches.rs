//! `touches_owned` as it is written: `true`, or a table that says how much.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::toml_file::{self, Field, Raw, Shape, SizeText};

/// `touches_owned`
#[derive(Debug)]
pub enum TouchesText {
    /// Any file is enough
    Flag(bool),
    /// As much as it says
    Table(Box<TouchesTable>),
}

/// How much of what the team owns has to change.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct TouchesTable {
    /// How many files of the team are changed: `">1"`, `">=2"`, `"<20"`, `"<=20"` or `"2-9"`.
    pub files: Field<SizeText>,
    /// How much of all the changed files that is: `">20%"`, or the like.
    #[schemars(schema_with = "share")]
    pub share: Field<SizeText>,
    /// Whether files count that the repository's `.gitattributes` call `linguist-generated`. `true` by default.
    pub generated: Field<bool>,
}

impl Raw for TouchesText {
    const SHAPE: Shape = Shape::FlagOrTable;
}

impl<'de> Deserialize<'de> for TouchesText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TouchesVisitor)
    }
}

struct TouchesVisitor;

impl<'de> Visitor<'de> for TouchesVisitor {
    type Value = TouchesText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shape::FlagOrTable)
    }

    fn visit_bool<E>(self, value: bool) -> Result<TouchesText, E> {
        Ok(TouchesText::Flag(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TouchesText, A::Error> {
        let table = TouchesTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(TouchesText::Table(Box::new(table)))
    }
}

impl JsonSchema for TouchesText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TouchesOwned".into()
    }

    /// One schema for both: a table's keywords say nothing about `true`.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = toml_file::schema::<TouchesTable>();
        for about in ["$schema", "title", "description"] {
            schema.remove(about);
        }
        schema.insert("type".to_owned(), serde_json::json!(["boolean", "object"]));
        schema
    }
}

fn share(_: &mut SchemaGenerator) -> Schema {
    let pattern = "^((>|>=|<|<=) *[0-9]+%|[0-9]+% *- *[0-9]+%)$";
    json_schema!({ "type": "string", "pattern": pattern, "examples": [">20%", "<=50%", "20%-50%"] })
}
