//! Values in a file, before they are checked.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// One value of a raw table. Reading it never fails, so that one wrong value doesn't hide the others:
/// [`super::Document::take`] reports it.
#[derive(Debug, Default)]
pub enum Field<T> {
    /// The key isn't there
    #[default]
    Absent,
    /// A value of the right type
    Is(T),
    /// A value of another type
    Bad,
}

impl<T> Field<T> {
    /// Whether the file leaves the key out.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Tables with names that people choose.
pub type Tables<T> = Field<BTreeMap<String, Field<T>>>;

/// The types of values in our files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string
    Text,
    /// A string such as `1h30m`
    Duration,
    /// A string such as `>500`
    Size,
    /// A boolean
    Flag,
    /// A list of strings
    Texts,
    /// A string or a list of strings
    TextOrTexts,
    /// A boolean or a table
    FlagOrTable,
    /// A table
    Table,
    /// An array of tables
    Tables,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a string",
            Self::Duration => "a duration such as \"60s\"",
            Self::Size => "a size such as \">500\"",
            Self::Flag => "true or false",
            Self::Texts => "a list of strings",
            Self::TextOrTexts => "a string or a list of strings",
            Self::FlagOrTable => "true, or a table",
            Self::Table => "a table",
            Self::Tables => "an array of tables",
        })
    }
}

/// A type of value in a file. Tables are the default, so a raw table needs only `impl Raw for … {}`.
pub trait Raw: DeserializeOwned {
    /// The type that the file must have here
    const SHAPE: Shape = Shape::Table;
}

impl Raw for String {
    const SHAPE: Shape = Shape::Text;
}

impl Raw for bool {
    const SHAPE: Shape = Shape::Flag;
}

impl<T: Raw> Raw for Vec<Field<T>> {
    const SHAPE: Shape = match T::SHAPE {
        Shape::Table => Shape::Tables,
        _ => Shape::Texts,
    };
}

impl<T: Raw> Raw for Box<T> {
    const SHAPE: Shape = T::SHAPE;
}

impl<T: Raw> Raw for BTreeMap<String, Field<T>> {}

/// A duration as written, such as `1h30m`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct DurationText(pub String);

impl Raw for DurationText {
    const SHAPE: Shape = Shape::Duration;
}

impl JsonSchema for DurationText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([0-9]+[smhdw])+$", "examples": ["60s", "1h30m", "3d"]})
    }
}

/// A range of numbers as written, such as `>500`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct SizeText(pub String);

impl Raw for SizeText {
    const SHAPE: Shape = Shape::Size;
}

impl JsonSchema for SizeText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^((>|>=|<|<=) *[0-9]+|[0-9]+ *- *[0-9]+)$";
        json_schema!({"type": "string", "pattern": pattern, "examples": [">500", "<=50", "100-500"]})
    }
}

/// A string, or a list of strings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum TextOrTexts {
    /// One
    One(String),
    /// Several
    Several(Vec<String>),
}

impl Raw for TextOrTexts {
    const SHAPE: Shape = Shape::TextOrTexts;
}

/// A string that is never shown: not in an error, not in the line of the file under an error.
#[derive(Debug)]
pub struct SecretText(pub SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl Raw for SecretText {
    const SHAPE: Shape = Shape::Text;
}

impl JsonSchema for SecretText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    /// `writeOnly` is how JSON Schema marks what must not be shown; `super::mask` goes by it too.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "writeOnly": true})
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<'de, T: Raw> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

/// Passes each kind of value to `T`, and turns a refusal into [`Field::Bad`]. Tables and lists are passed on unread, so
/// that [`serde_ignored`] sees their keys.
struct FieldVisitor<T>(PhantomData<T>);

fn scalar<'de, T: Raw, V: IntoDeserializer<'de, serde::de::value::Error>>(value: V) -> Field<T> {
    T::deserialize(value.into_deserializer()).map_or(Field::Bad, Field::Is)
}

impl<'de, T: Raw> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", T::SHAPE)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Field<T>, E> {
        Ok(scalar(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Field<T>, E> {
        Ok(scalar(value))
    }

    // None of our values is a number.
    fn visit_i64<E>(self, _: i64) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Field<T>, A::Error> {
        // A derived struct would accept a list as its fields in order.
        if matches!(T::SHAPE, Shape::Texts | Shape::TextOrTexts | Shape::Tables) {
            Ok(T::deserialize(SeqAccessDeserializer::new(seq)).map_or(Field::Bad, Field::Is))
        } else {
            Ok(Field::Bad)
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field<T>, A::Error> {
        if matches!(T::SHAPE, Shape::Table | Shape::FlagOrTable) {
            T::deserialize(MapAccessDeserializer::new(map)).map(Field::Is)
        } else {
            Ok(Field::Bad)
        }
    }
}
