//! Named lists: `[lists.payments] repo = […]`, which `repo = ["@payments"]` stands for.

use std::collections::BTreeMap;

use super::Checker;
use crate::destination::is_name;
use crate::rule::entry;
use crate::rule::file::ListTable;
use crate::toml_file::{At, Tables, nearest};

/// Named lists: for each condition that one is for, its entries as written.
pub(super) type Lists = BTreeMap<String, BTreeMap<&'static str, Vec<String>>>;

/// An entry of a condition.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where it is, or the name of the list that it is in
    pub(super) at: At,
    pub(super) text: String,
    /// The list that it is in, if a condition names that
    pub(super) list: Option<String>,
}

impl From<(At, String)> for Entry {
    fn from((at, text): (At, String)) -> Self {
        Self { at, text, list: None }
    }
}

/// The list that an entry names.
fn named(text: &str) -> Option<&str> {
    text.trim_start_matches('!').strip_prefix('@').filter(|name| is_name(&name.replace('.', "-")))
}

impl Checker<'_> {
    /// The lists of a file, each entry checked as in the condition that it is for.
    pub(super) fn named_lists(&mut self, field: Tables<ListTable>) -> Lists {
        let mut lists = Lists::new();
        for (name, at, table) in self.document.tables(field, &At::root().key("lists")) {
            self.valid_name(&name, &at);
            if self.among.defaults.lists.contains_key(&name) {
                let help = "give this one another name, or leave it out to use the one for all teams".to_owned();
                self.document.wrong(&at, format!("`_defaults.toml` has a list `{name}`, too"), help);
            }
            if self.document.is_empty_table(&at) {
                self.document.wrong(&at, "this list has no entries", "write such as `repo = [\"acme/*\"]`".to_owned());
            }
            lists.insert(name, self.entries_of_list(table, &at));
        }
        lists
    }

    fn entries_of_list(&mut self, table: ListTable, at: &At) -> BTreeMap<&'static str, Vec<String>> {
        let mut list = BTreeMap::new();
        for (key, field) in table.into_entries().into_iter().filter(|(_, field)| !field.is_absent()) {
            let entries = self.filled_list(field, &at.key(key));
            for (at, text) in &entries {
                if named(text).is_some() && !entry::is_of_people(key) {
                    let help = "write the other list's entries here".to_owned();
                    self.document.wrong(at, format!("`{text}`: a list can't name another"), help);
                } else {
                    self.right(entry::reader(key)(text), at);
                }
                if key == "author_team" {
                    self.must_be_team(text, at);
                }
            }
            list.insert(key, entries.into_iter().map(|(_, text)| text).collect());
        }
        list
    }

    /// The entries of a condition, with those of the lists that it names in their places.
    pub(super) fn expanded(&mut self, entries: Vec<(At, String)>, key: &'static str) -> Vec<Entry> {
        let expanded = entries.into_iter().flat_map(|(at, text)| match named(&text) {
            Some(name) => self.entries_named((&text, name), key, &at).unwrap_or_else(|| vec![(at, text).into()]),
            None => vec![(at, text).into()],
        });
        expanded.collect()
    }

    /// `None` if the entry isn't meant for a list: GitHub's `@LOGIN`, which is wrong for another reason.
    fn entries_named(&mut self, (text, name): (&str, &str), key: &'static str, at: &At) -> Option<Vec<Entry>> {
        let Some(list) = self.lists.get(name) else {
            let similar = nearest(name, self.lists.keys().map(String::as_str));
            if similar.is_none() && entry::is_of_people(key) {
                return None;
            }
            let written = || format!("write `[lists.{name}]`, or \"\\\\@{name}\" for the text itself");
            let help = similar.map_or_else(written, |similar| format!("did you mean `@{similar}`?"));
            self.document.wrong(at, format!("there is no list `{name}`"), help);
            return Some(Vec::new());
        };
        let Some(entries) = list.get(key) else {
            let keys = list.keys().copied().collect::<Vec<_>>().join("`, `");
            let help = format!("it has `{keys}`: add `{key} = […]` to `[lists.{name}]`");
            self.document.wrong(at, format!("the list `{name}` has no `{key}`"), help);
            return Some(Vec::new());
        };
        let excluded = text.starts_with('!');
        if let Some(inner) = entries.iter().find(|entry| excluded && entry.starts_with('!')) {
            let help = "leave that entry out of the list, or name the entries here".to_owned();
            self.document.wrong(at, format!("the list `{name}` excludes `{inner}`, so it can't be excluded"), help);
            return Some(Vec::new());
        }
        let not = if excluded { "!" } else { "" };
        let entry =
            |entry: &String| Entry { at: at.clone(), text: format!("{not}{entry}"), list: Some(name.to_owned()) };
        Some(entries.iter().map(entry).collect())
    }
}
