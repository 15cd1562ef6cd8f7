//! The pages about the files that people write, generated from their JSON Schemas.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::tables::{Table, code};

const HEAD: &[&str] = &["key", "value", "required", "meaning"];

/// The page of `microalign.toml`.
pub(super) fn configuration(schema: &Json) -> String {
    let mut page = format!("# Configuration keys\n\n{}\n\n## Top level\n\n", description(schema));
    let mut table = Table::new(HEAD);
    let (tables, values): (Vec<_>, Vec<_>) =
        properties(schema).into_iter().flatten().partition(|(_, property)| is_table(property));
    for (key, property) in values {
        table.row(key_row(schema, key, property));
    }
    table.finish(&mut page);
    for (key, property) in tables {
        section(key, property, &mut page);
    }
    page
}

/// The section of a table, and those of the tables in it.
fn section(name: &str, schema: &Json, page: &mut String) {
    let named = schema.get("additionalProperties").filter(|inner| inner.is_object());
    let placeholder = if name == "people" { "LOGIN" } else { "NAME" };
    let heading = if named.is_some() { format!("{name}.{placeholder}") } else { name.to_owned() };
    // Writing to a String cannot fail.
    let _infallible = write!(page, "\n## `[{heading}]`\n\n{}\n\n", description(schema));
    let inner = named.unwrap_or(schema);
    let mut table = Table::new(HEAD);
    for (key, property) in properties(inner).into_iter().flatten().filter(|(_, property)| !is_table(property)) {
        table.row(key_row(inner, key, property));
    }
    table.finish(page);
    for (key, property) in properties(inner).into_iter().flatten().filter(|(_, property)| is_table(property)) {
        section(&format!("{heading}.{key}"), property, page);
    }
}

/// The page of team files, and of the file with the defaults for all of them.
pub(super) fn rules(schema: &Json, defaults: &Json) -> String {
    let mut page = "# Team files\n\nOne file in `rules/` is one team. See [rules](../guides/rules.md) for an example with every key.\n"
        .to_owned();
    let empty = Json::Null;
    let at = |path: &str| schema.pointer(path).unwrap_or(&empty);
    let (rule, condition, test) =
        (at("/properties/rule/items"), at("/$defs/ConditionTable"), at("/properties/test/items"));
    let is_condition = |key: &str| properties(condition).is_some_and(|conditions| conditions.contains_key(key));
    let sections = [
        ("The team", schema, "", false),
        ("`[[rule]]`", rule, "A key that the team has too replaces the team's for this rule.", false),
        ("Conditions", rule, "These stand on a rule, and in the groups of `any`, `all` and `not`.", true),
        ("`[[test]]`", test, "", false),
    ];
    for (heading, table_schema, note, conditions) in sections {
        let _infallible = write!(page, "\n## {heading}\n\n");
        let about = if conditions { String::new() } else { description(table_schema) };
        for text in [about.as_str(), note].into_iter().filter(|text| !text.is_empty()) {
            let _infallible = write!(page, "{text}\n\n");
        }
        let mut table = Table::new(HEAD);
        for (key, property) in properties(table_schema).into_iter().flatten() {
            let wanted = !std::ptr::eq(table_schema, rule) || is_condition(key) == conditions;
            if wanted && !matches!(key.as_str(), "rule" | "test" | "lists") {
                table.row(key_row(table_schema, key, property));
            }
        }
        table.finish(&mut page);
    }
    let keys = |table: &Json| {
        let keys = properties(table).into_iter().flatten().filter(|(key, _)| *key != "lists");
        keys.map(|(key, _)| code(key)).collect::<Vec<_>>().join(", ")
    };
    let (lists, list) = (at("/properties/lists"), at("/properties/lists/additionalProperties"));
    let _infallible = write!(
        page,
        "\n## `[lists.NAME]`\n\n{} {} A list is for any of these conditions: {}.\n",
        description(lists),
        description(list),
        keys(list)
    );
    let _infallible = write!(
        page,
        "\n## `_defaults.toml`\n\n{} Its keys are those of a team: {}; and `[lists.NAME]`.\n",
        description(defaults),
        keys(defaults)
    );
    page
}

/// The names of a template's context, one row each: `pr.author.name`.
pub(super) fn names(schema: &Json, table: &mut Table) {
    walk(schema, schema, "", table);
}

fn walk(object: &Json, root: &Json, prefix: &str, table: &mut Table) {
    for (key, property) in properties(object).into_iter().flatten() {
        let name = format!("{prefix}{key}");
        let (list, target) = target(property, root);
        let mark = if list { "[]" } else { "" };
        let about = match (description(property), description(target)) {
            (own, _) if !own.is_empty() => own,
            (_, general) => general,
        };
        table.row([code(&format!("{name}{mark}")), about]);
        walk(target, root, &format!("{name}{mark}."), table);
    }
}

/// The schema behind references, `null` and lists, and whether it is a list.
fn target<'a>(property: &'a Json, root: &'a Json) -> (bool, &'a Json) {
    if let Some(name) = property.get("$ref").and_then(Json::as_str) {
        return root.pointer(name.trim_start_matches('#')).map_or((false, property), |found| target(found, root));
    }
    if let Some(cases) = property.get("anyOf").and_then(Json::as_array) {
        let case = cases.iter().find(|case| case.get("type").and_then(Json::as_str) != Some("null"));
        return case.map_or((false, property), |case| target(case, root));
    }
    match property.get("items") {
        Some(items) => (true, target(items, root).1),
        None => (false, property),
    }
}

fn properties(schema: &Json) -> Option<&Map<String, Json>> {
    schema.get("properties").and_then(Json::as_object)
}

fn description(schema: &Json) -> String {
    let text = schema.get("description").and_then(Json::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_table(schema: &Json) -> bool {
    properties(schema).is_some() || schema.get("additionalProperties").is_some_and(is_table)
}

fn key_row(table: &Json, key: &str, property: &Json) -> [String; 4] {
    let required = table.get("required").and_then(Json::as_array).into_iter().flatten().any(|name| name == key);
    let required = if required { "yes" } else { "" };
    [code(key), value(property), required.to_owned(), description(property)]
}

/// What may be written for a key.
fn value(property: &Json) -> String {
    if let Some(names) = property.get("enum").and_then(Json::as_array) {
        return names.iter().filter_map(Json::as_str).map(code).collect::<Vec<_>>().join(", ");
    }
    if let Some(cases) = property.get("anyOf").and_then(Json::as_array) {
        return cases.iter().map(value).collect::<Vec<_>>().join(" or ");
    }
    let types = property.get("type").and_then(Json::as_array).into_iter().flatten();
    if types.clone().any(|kind| kind == "boolean") {
        return "`true` or table".to_owned();
    }
    if property.get("$ref").is_some() || properties(property).is_some() {
        return "table".to_owned();
    }
    let secret = if property.get("writeOnly").is_some() { ", secret" } else { "" };
    match property.get("type").and_then(Json::as_str) {
        Some("array") => match property.get("items").map(value).as_deref() {
            Some("table") => "list of tables".to_owned(),
            Some("string, secret") => "list of strings, secret".to_owned(),
            _ => "list of strings".to_owned(),
        },
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("object") => "table of lists".to_owned(),
        Some(other) => format!("{other}{secret}"),
        None => String::new(),
    }
}
