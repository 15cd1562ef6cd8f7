//! The tree of names that a template can use, read from the context's JSON Schema.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::context::Context;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object with names of its own
    Object(BTreeMap<String, Shape>),
    /// A list
    List(Box<Shape>),
    /// A text, a number or a boolean
    Value,
}

/// The whole context.
pub(super) static CONTEXT: LazyLock<Shape> = LazyLock::new(|| {
    let schema = schema();
    read(&schema, &schema)
});

/// The JSON Schema of the context, for `microalign schema context`.
#[must_use]
pub fn schema() -> Json {
    schemars::schema_for!(Context).to_value()
}

fn read(schema: &Json, root: &Json) -> Shape {
    if let Some(name) = schema.get("$ref").and_then(Json::as_str) {
        return root.pointer(name.trim_start_matches('#')).map_or(Shape::Value, |target| read(target, root));
    }
    // An optional object is an `anyOf` of the object and null.
    if let Some(cases) = schema.get("anyOf").and_then(Json::as_array) {
        let shapes = cases.iter().map(|case| read(case, root));
        return shapes.into_iter().find(|shape| *shape != Shape::Value).unwrap_or(Shape::Value);
    }
    if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
        return Shape::Object(properties.iter().map(|(name, schema)| (name.clone(), read(schema, root))).collect());
    }
    match schema.get("items") {
        Some(items) => Shape::List(Box::new(read(items, root))),
        None => Shape::Value,
    }
}

impl Shape {
    /// The names it has.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Object(names) => names.keys().map(String::as_str).collect(),
            Self::List(_) | Self::Value => Vec::new(),
        }
    }

    /// Every path below it, such as `pr.author.name`.
    pub(super) fn paths(&self) -> Vec<String> {
        let Self::Object(names) = self else { return Vec::new() };
        let below = |(name, shape): (&String, &Shape)| {
            let deeper = shape.paths().into_iter().map(|path| format!("{name}.{path}"));
            std::iter::once(name.clone()).chain(deeper).collect::<Vec<_>>()
        };
        names.iter().flat_map(below).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_design_exist() {
        let paths = CONTEXT.paths();
        for name in [
            "event.kind event.time event.url actor.login actor.name actor.url repo",
            "pr.number pr.title pr.url pr.draft pr.stage pr.author.name pr.base pr.head pr.labels pr.additions",
            "pr.deletions pr.changed_files pr.body_summary pr.private issue.title issue.url",
            "ticket.key ticket.summary ticket.url ticket.status ticket.previous_status ticket.due ticket.due_in_days",
            "ticket.assignee.name ticket.reporter.name ticket.priority ticket.type_name ticket.labels ticket.fix_versions",
            "thing.kind thing.title thing.url thing.branch thing.environment thing.outcome thing.body_summary",
            "change.field change.from change.to note.kind note.text note.url note.author.name comment.summary comment.url",
            "thread.key thread.label thread.url team rule why links.mute links.unsubscribe links.details now timezone",
        ]
        .iter()
        .flat_map(|line| line.split_whitespace())
        {
            assert!(paths.iter().any(|path| path == name), "{name}");
        }
    }
}
