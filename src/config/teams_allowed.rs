//! What `[teams_allowed]` says: which repositories may have a team's file, and what that may do.

use std::collections::BTreeMap;

use super::file::TeamAllowedTable;
use crate::rule::{Pattern, Patterns, TeamAllowed, TeamsAllowed, allowed_destination, allowed_repo, heard_repo};
use crate::toml_file::{At, Field, Reader, Tables, Wrong};

/// Reads all tables; `possible` is whether GitHub's API can be asked for the files.
pub(super) fn read(tables: Tables<TeamAllowedTable>, possible: bool, reader: &mut Reader<'_>) -> TeamsAllowed {
    let section = At::root().key("teams_allowed");
    let given = !tables.is_absent();
    let mut teams = BTreeMap::new();
    for (name, at, table) in reader.document.tables(tables, &section) {
        for (field, key) in [(&table.repos, "repos"), (&table.to, "to")] {
            reader.require(field, &at, key);
        }
        let allowed = TeamAllowed {
            repos: list(table.repos, (&at.key("repos"), allowed_repo), reader),
            to: list(table.to, (&at.key("to"), allowed_destination), reader),
            hears: list(table.hears, (&at.key("hears"), heard_repo), reader),
        };
        teams.insert(name, allowed);
    }
    if given && !possible {
        let help = "write `app_id` and `private_key`, or a `token`, in `[github]`".to_owned();
        reader.document.wrong(&section, "the files of repositories are read through GitHub's API", help);
    }
    TeamsAllowed::new(teams)
}

/// Reads an entry of a list.
type ReadEntry = fn(&str) -> Result<Pattern, Wrong>;

/// A list without an entry that allows something would, as a list of patterns, allow everything.
fn list(field: Field<Vec<Field<String>>>, (at, read): (&At, ReadEntry), reader: &mut Reader<'_>) -> Patterns {
    let given = !field.is_absent();
    let entries = reader.document.texts(field, at).unwrap_or_default();
    if given && !entries.iter().any(|(_, text)| !text.starts_with('!')) {
        reader.document.wrong(at, "this list allows nothing", "write an entry without `!`, or leave it out".to_owned());
    }
    let patterns = entries.into_iter().filter_map(|(at, text)| reader.parsed(read(&text), &at)).collect();
    Patterns::new(patterns)
}
