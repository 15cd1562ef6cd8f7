//! A TOML document, read so that all its problems are reported together, each with its place.
//!
//! The raw types hold no positions. A problem names its value by its path ([`At`]), which is looked up in the same
//! text, parsed with positions. [`serde_ignored`] finds keys that no raw type has, and the JSON Schema of the same
//! types suggests the right ones. No crate does all of this, so it is hand-written.

mod expand;
mod field;
mod inside;
mod mask;
mod problem;
mod reader;

use std::cell::OnceCell;
use std::ops::Range;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use expand::expanded;
pub use field::{DurationText, Field, Raw, SecretText, Shape, SizeText, Tables, TextOrTexts};
pub use inside::read_inside;
pub use mask::veiled;
pub use problem::{Place, Problem, Wrong, did_you_mean, nearest};
pub use reader::{Reader, Secrets, TOKEN, WEB_ADDRESS};

/// Nobody reads more problems of one file, and a file that is made to have a million would exhaust the memory.
const MOST_PROBLEMS: usize = 100;

/// The same for the lines shown: each problem of a line shows all of it.
const MOST_SHOWN: usize = 256 * 1024;

/// Where a value is: `rule`, the second, `on`, the first.
#[derive(Debug, Clone, Default)]
pub struct At(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

impl At {
    /// The document itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The value of a key of this table.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// An entry of this list, from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    fn of_ignored(path: &serde_ignored::Path<'_>) -> Self {
        use serde_ignored::Path;
        match path {
            Path::Root => Self::root(),
            Path::Seq { parent, index } => Self::of_ignored(parent).index(*index),
            Path::Map { parent, key } => Self::of_ignored(parent).key(key),
            Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
                Self::of_ignored(parent)
            }
        }
    }
}

/// Explains an unknown key that looks like a known one with another meaning. The arguments are the key at the top of
/// the document that it is below, and the key itself.
pub type Instead = fn(&str, &str) -> Option<&'static str>;

/// A document whose syntax is right, and the problems found in it so far.
#[derive(Debug)]
pub struct Document<'t> {
    file: &'t str,
    text: &'t str,
    root: Spanned<DeValue<'t>>,
    /// Built only for the first problem: most files have none.
    schema: fn() -> Schema,
    instead_of: Instead,
    /// The parts of the text that must not be shown.
    hidden: OnceCell<Vec<Range<usize>>>,
    problems: Vec<Problem>,
    /// How much of the text the problems show.
    shown: usize,
    /// Where the first unknown key is. From there on, the text may be something else.
    unknown_from: usize,
}

impl<'t> Document<'t> {
    /// Reads a raw table from the text of a file. Unknown keys are reported with the problems that follow.
    ///
    /// # Errors
    /// All the places where the text isn't TOML.
    pub fn read<T: DeserializeOwned + JsonSchema>(file: &'t str, text: &'t str) -> Result<(Self, T), Vec<Problem>> {
        Self::read_explaining(file, text, |_, _| None)
    }

    /// Like [`Self::read`]; `instead_of` says which key to use instead of an unknown one, if that isn't the most
    /// similar.
    ///
    /// # Errors
    /// As there
    pub fn read_explaining<T: DeserializeOwned + JsonSchema>(
        file: &'t str,
        text: &'t str,
        instead_of: Instead,
    ) -> Result<(Self, T), Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(syntax_problems(file, text, &errors, &schema::<T>()));
        }
        let span = table.span();
        let root = Spanned::new(span, DeValue::Table(table.into_inner()));
        let (hidden, problems) = (OnceCell::new(), Vec::new());
        let (shown, unknown_from) = (0, usize::MAX);
        let mut document =
            Self { file, text, root, schema: schema::<T>, instead_of, hidden, problems, shown, unknown_from };
        let mut unknown = Vec::new();
        let raw = toml::Deserializer::parse(text).and_then(|deserializer| {
            serde_ignored::deserialize(deserializer, |path| unknown.push(At::of_ignored(&path)))
        });
        if !unknown.is_empty() {
            let schema = schema::<T>();
            let starts = unknown.iter().filter_map(|at| Some(document.lookup(at)?.0?.start));
            document.unknown_from = starts.min().unwrap_or(0);
            unknown.iter().for_each(|at| document.unknown_key(at, &schema));
        }
        match raw {
            Ok(raw) => Ok((document, raw)),
            // The types accept every kind of value, so this is a number that is too large.
            Err(error) => {
                document.push(&error.span().unwrap_or_default(), error.message().to_owned(), None);
                Err(document.into_problems())
            }
        }
    }

    /// Reports what is wrong with a value. For a table, its header is shown.
    pub fn wrong(&mut self, at: &At, message: impl Into<String>, help: impl Into<Option<String>>) {
        let span = self.lookup(at).map_or(0..0, |(_, value)| value.span());
        self.push(&span, message.into(), help.into());
    }

    /// Where a value is, for problems that are found later.
    #[must_use]
    pub fn place(&self, at: &At) -> Place {
        let span = self.lookup(at).map_or(0..0, |(_, value)| value.span());
        mask::place(self.text, &span, self.hidden())
    }

    /// Whether a table has no key at all.
    #[must_use]
    pub fn is_empty_table(&self, at: &At) -> bool {
        matches!(self.lookup(at).map(|(_, value)| value.get_ref()), Some(DeValue::Table(table)) if table.is_empty())
    }

    /// How many problems were found so far.
    #[must_use]
    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The value of a field, if the file has one of the right type; one of another type is reported.
    pub fn take<T: Raw>(&mut self, field: Field<T>, at: &At) -> Option<T> {
        if field.is_absent() {
            return None;
        }
        let (_, value) = self.lookup(at)?;
        let (span, found) = (value.span(), value.get_ref());
        match field {
            Field::Absent => None,
            // To serde, a date looks like a table.
            Field::Is(value) if !(found.is_datetime() && matches!(T::SHAPE, Shape::Table | Shape::FlagOrTable)) => {
                Some(value)
            }
            Field::Is(_) | Field::Bad => {
                let message = format!("expected {}, found {}", T::SHAPE, name(found));
                let help = self.right_form(T::SHAPE, at, value);
                self.push(&span, message, help);
                None
            }
        }
    }

    /// The entries of a list of strings, each with its place. Entries of another type are reported and left out.
    pub fn texts(&mut self, field: Field<Vec<Field<String>>>, at: &At) -> Option<Vec<(At, String)>> {
        let entries = self.take(field, at)?;
        Some(self.entries(entries, at))
    }

    /// The entries of a list that are of the right type, each with its place; the others are reported.
    pub fn entries<T: Raw>(&mut self, entries: Vec<Field<T>>, at: &At) -> Vec<(At, T)> {
        let place = |index| at.index(index);
        entries
            .into_iter()
            .enumerate()
            .filter_map(|(index, entry)| self.take(entry, &place(index)).map(|entry| (place(index), entry)))
            .collect()
    }

    /// The tables of a section whose names people choose, each with its name and place; others are reported.
    pub fn tables<T: Raw>(&mut self, field: Tables<T>, section: &At) -> Vec<(String, At, T)> {
        let mut tables = Vec::new();
        for (name, field) in self.take(field, section).unwrap_or_default() {
            let at = section.key(&name);
            if let Some(table) = self.take(field, &at) {
                tables.push((name, at, table));
            }
        }
        tables
    }

    /// `value`, if no problem was found.
    ///
    /// # Errors
    /// All the problems, in the order of the file.
    pub fn finish<V>(self, value: V) -> Result<V, Vec<Problem>> {
        if self.problems.is_empty() { Ok(value) } else { Err(self.into_problems()) }
    }

    /// All the problems, in the order of the file.
    #[must_use]
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| a.place.cmp(&b.place));
        self.problems
    }

    fn push(&mut self, span: &Range<usize>, message: String, help: Option<String>) {
        if self.problems.len() < MOST_PROBLEMS && self.shown < MOST_SHOWN {
            let place = mask::place(self.text, span, self.hidden());
            let rest = self.text.get(span.start..).unwrap_or_default();
            let line_end = span.start + rest.find('\n').unwrap_or(rest.len());
            let place = Place { as_expected: !span.is_empty() && line_end <= self.unknown_from, ..place };
            self.shown += place.shown.len();
            self.problems.push(Problem { file: self.file.to_owned(), place: Some(place), message, help });
        }
    }

    fn hidden(&self) -> &[Range<usize>] {
        self.hidden.get_or_init(|| mask::secrets(&self.root, self.text, &(self.schema)()))
    }

    fn unknown_key(&mut self, at: &At, schema: &Schema) {
        let Some((Step::Key(key), table)) = at.0.split_last() else { return };
        let Some((span, parent)) = self.lookup(at).and_then(|(key, _)| Some((key?, self.lookup(&At(table.to_vec()))?)))
        else {
            return;
        };
        // A date where a table should be is reported as such by `take`.
        if parent.1.get_ref().is_datetime() {
            return;
        }
        let known = schema_at(schema.as_value(), table).map(keys).unwrap_or_default();
        let top = match table.first() {
            Some(Step::Key(top)) => top.as_str(),
            _ => "",
        };
        let help = (self.instead_of)(top, key)
            .map(str::to_owned)
            .or_else(|| elsewhere(schema.as_value(), table, key))
            .or_else(|| did_you_mean(key, known.iter().copied()))
            .unwrap_or_else(|| format!("the keys here are {}", known.join(", ")));
        self.push(&span, format!("unknown key `{key}`"), Some(help));
    }

    /// The place of the last key of a path, and its value.
    fn lookup(&self, at: &At) -> Option<(Option<Range<usize>>, &Spanned<DeValue<'t>>)> {
        at.0.iter().try_fold((None, &self.root), |(_, value), step| match (step, value.get_ref()) {
            (Step::Key(key), DeValue::Table(table)) => {
                table.get_key_value(key.as_str()).map(|(key, value)| (Some(key.span()), value))
            }
            (Step::Index(index), DeValue::Array(array)) => array.get(*index).map(|value| (None, value)),
            _ => None,
        })
    }

    /// How to write a value of the wrong type, where that is clear.
    fn right_form(&self, expected: Shape, at: &At, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let written = || mask::shown(self.text, &value.span(), self.hidden());
        match (expected, value.get_ref()) {
            (Shape::Texts, DeValue::String(_)) => Some(format!("write [{}]", written())),
            (Shape::Text, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_)) => {
                Some(format!("write \"{}\"", written()))
            }
            (Shape::Duration, DeValue::Integer(_)) => Some(format!("write \"{}s\" for seconds", written())),
            (Shape::Size, DeValue::Integer(_)) => {
                Some(format!("write \">{0}\", \">={0}\", \"<{0}\" or \"<={0}\"", written()))
            }
            (Shape::Flag | Shape::FlagOrTable, DeValue::String(text)) if matches!(text.as_ref(), "true" | "false") => {
                Some(format!("write {text}"))
            }
            (Shape::Tables, DeValue::Table(_)) => match at.0.as_slice() {
                [Step::Key(key)] => Some(format!("write [[{key}]]")),
                [.., Step::Key(key)] => Some(format!("write {key} = [{{ … }}]")),
                _ => None,
            },
            (Shape::Table, DeValue::Array(_)) => match at.0.as_slice() {
                [_, .., Step::Key(key)] => Some(format!("write {key} = {{ … }}, without the brackets")),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The JSON Schema of a raw type, for editors.
#[must_use]
pub fn schema<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>()
}

/// One mistake often causes several errors in a line, of which the first says most.
fn syntax_problems(file: &str, text: &str, errors: &[toml::de::Error], schema: &Schema) -> Vec<Problem> {
    let hidden = mask::unparsed(text, schema);
    let mut problems: Vec<_> = errors
        .iter()
        .take(MOST_PROBLEMS)
        .map(|error| Problem {
            file: file.to_owned(),
            place: Some(mask::place(text, &error.span().unwrap_or_default(), &hidden)),
            message: error.message().to_owned(),
            help: None,
        })
        .collect();
    problems.sort_by(|a, b| a.place.cmp(&b.place));
    problems.dedup_by_key(|problem| problem.place.as_ref().map(|place| place.line));
    problems
}

/// The schema of the value at a path.
fn schema_at<'s>(root: &'s serde_json::Value, path: &[Step]) -> Option<&'s serde_json::Value> {
    path.iter().try_fold(root, |schema, step| {
        let below = match step {
            Step::Key(key) => schema
                .get("properties")
                .and_then(|properties| properties.get(key))
                .or_else(|| schema.get("additionalProperties").filter(|schema| schema.is_object())),
            Step::Index(_) => schema.get("items"),
        };
        below.map(|schema| referred(root, schema))
    })
}

/// Where a key in the wrong table belongs: to the root, to a table around it, or to the tables of a list below.
fn elsewhere(root: &serde_json::Value, table: &[Step], key: &str) -> Option<String> {
    let has = |schema: &serde_json::Value| keys(schema).contains(&key);
    let around = (0..table.len()).rev().find(|depth| schema_at(root, &table[..*depth]).is_some_and(has));
    match around {
        Some(0) => return Some(format!("`{key}` belongs to the top of the file, before the first `[`")),
        Some(_) => return Some(format!("`{key}` belongs to the table around this one")),
        None => {}
    }
    let lists = keys(root).into_iter().filter(|_| table.is_empty());
    let below = lists.map(|list| (list, [Step::Key(list.to_owned()), Step::Index(0)]));
    let (list, _) = below.into_iter().find(|(_, path)| schema_at(root, path).is_some_and(has))?;
    Some(format!("`{key}` belongs to a [[{list}]]"))
}

/// What a schema refers to. Only a table that can contain itself has a reference, see [`schema`].
fn referred<'s>(root: &'s serde_json::Value, schema: &'s serde_json::Value) -> &'s serde_json::Value {
    let pointer = schema.get("$ref").and_then(|reference| reference.as_str()?.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn keys(schema: &serde_json::Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    properties.into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

fn name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
