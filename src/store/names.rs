//! What hosts, renamed subjects and people are called, and which repositories became private.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError};

use jiff::Timestamp;

use super::row::{Millis, Text, named_params, text};
use super::{Store, StoreError, Tx};
use crate::event::{Renamed, Source, SubjectKey};
use crate::track::Homes;

impl Store {
    /// What somebody is called, by the id.
    #[must_use]
    pub fn name_of(&self, id: &str) -> Option<String> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Keeps at hand what people are called, once it is written.
    pub fn remember_people(&self, people: HashMap<String, String>) {
        if !people.is_empty() {
            self.people.write().unwrap_or_else(PoisonError::into_inner).extend(people);
        }
    }
}

impl Tx<'_> {
    /// The same homes, with the hosts that were heard of first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub fn homes(&self, mut homes: Homes) -> Result<Homes, StoreError> {
        let known = self.rows("SELECT source, host FROM home", [], |row| {
            Ok((text::<Source>(row, "source").ok(), row.get::<_, String>("host")?))
        })?;
        for (source, host) in known {
            match source {
                Some(Source::Github) => homes.first_github = Some(host),
                Some(Source::Jira) => homes.first_jira = Some(host),
                // Unreadable: the next one that is heard of counts as the first.
                None => {}
            }
        }
        Ok(homes)
    }

    /// Remembers the hosts that were heard of first.
    ///
    /// # Errors
    /// As above
    pub fn learn_homes(&self, homes: &Homes) -> Result<(), StoreError> {
        for (source, host) in [(Source::Github, &homes.first_github), (Source::Jira, &homes.first_jira)] {
            let Some(host) = host else { continue };
            self.put(
                "INSERT INTO home (source, host) VALUES (:source, :host)
                 ON CONFLICT (source) DO UPDATE SET host = excluded.host",
                named_params! { ":source": Text(source), ":host": host },
            )?;
        }
        Ok(())
    }

    /// What something is called now, if it was renamed.
    ///
    /// # Errors
    /// As above
    pub fn alias(&self, name: &str) -> Result<Option<SubjectKey>, StoreError> {
        self.value("SELECT new FROM alias WHERE old = :name", named_params! { ":name": name })
    }

    /// Writes what people are called, by their ids.
    ///
    /// # Errors
    /// As above
    pub fn learn_people(&self, people: &HashMap<String, String>) -> Result<(), StoreError> {
        for (id, name) in people {
            self.put(
                "INSERT INTO person (id, name) VALUES (:id, :name)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE person.name <> excluded.name",
                named_params! { ":id": id, ":name": name },
            )?;
        }
        Ok(())
    }

    /// Whether another subject went the same way before, such as from one Jira project to another: its names begin with
    /// these, and go on with a `-`.
    ///
    /// # Errors
    /// As above
    pub fn went_before(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        self.holds(
            "SELECT EXISTS (SELECT 1 FROM alias WHERE old > :from || '-' AND old < :from || '.'
                                                  AND new > :to || '-' AND new < :to || '.')",
            named_params! { ":from": from, ":to": to },
        )
    }

    /// Whether a repository is private; `None` if we have not heard.
    ///
    /// # Errors
    /// As above
    pub fn private(&self, name: &str) -> Result<Option<bool>, StoreError> {
        self.value("SELECT private FROM repository WHERE name = :name", named_params! { ":name": name })
    }

    /// Remembers whether a repository is private, and when that was so.
    pub(super) fn note_private(&self, name: &str, private: bool, at: Timestamp) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO repository (name, private, at) VALUES (:name, :private, :at)
             ON CONFLICT (name) DO UPDATE SET private = excluded.private, at = excluded.at
             WHERE repository.private <> excluded.private AND repository.at <= excluded.at",
            named_params! { ":name": name, ":private": private, ":at": Millis(at) },
        )
    }

    /// What people are called, by their ids.
    pub(super) fn people(&self) -> Result<HashMap<String, String>, StoreError> {
        let people = self.rows("SELECT id, name FROM person", [], |row| Ok((row.get("id")?, row.get("name")?)))?;
        Ok(people.into_iter().collect())
    }

    /// Gives a subject, or a repository with all that is in it, its new name: what waits, what was told, conversations,
    /// mutes and timers go on under it.
    ///
    /// # Errors
    /// As above
    pub fn rename(&self, renamed: &Renamed) -> Result<(), StoreError> {
        let Renamed { from, to } = renamed;
        if from == to {
            return Ok(());
        }
        let both = named_params! { ":from": from, ":to": to };
        for statement in RENAMING.iter() {
            self.put(statement, both)?;
        }
        self.put("UPDATE ticket_id SET key = :to WHERE key = :from", both)?;
        self.put("UPDATE alias SET new = :to WHERE new = :from", both)?;
        self.put("DELETE FROM alias WHERE old = :to", named_params! { ":to": to })?;
        self.put(
            "INSERT INTO alias (old, new) VALUES (:from, :to) ON CONFLICT (old) DO UPDATE SET new = excluded.new",
            both,
        )?;
        if let Some(Workflows { repository, old, new }) = Workflows::of(renamed) {
            for statement in RENAMING_WORKFLOWS.iter() {
                self.put(statement, named_params! { ":repository": repository, ":old": old, ":new": new })?;
            }
        }
        // The notes in a description are named by what it describes.
        let host = from.host().map(|host| format!("{host}/")).unwrap_or_default();
        let (old, new) = (from.bare(), to.bare());
        for source in [Source::Github, Source::Jira] {
            let place = format!("{host}note:{source}:");
            self.put(
                "UPDATE event SET once = :to || substr(once, length(:from) + 1)
                 WHERE once > :from AND once < :from || 'A' AND substr(once, length(:from) + 1, 1) IN ('#', ':', '@')
                   AND NOT EXISTS (
                       SELECT 1 FROM event o WHERE o.once = :to || substr(event.once, length(:from) + 1))",
                named_params! { ":from": format!("{place}{old}"), ":to": format!("{place}{new}") },
            )?;
        }
        tracing::info!(%from, %to, "renamed");
        Ok(())
    }
}

/// Where names stand: table, column, in which rows, and what else a row is known by where there is one of a name.
const NAMED: [(&str, &str, &str, Option<&[&str]>); 13] = [
    ("subject", "key", "TRUE", Some(&[])),
    ("subject", "thread", "thread <> key", None),
    ("fired", "subject", "TRUE", Some(&["team", "rule", "kind"])),
    ("timer", "subject", "TRUE", Some(&["team", "rule", "kind"])),
    ("ledger", "subject", "due_at IS NOT NULL", None),
    ("ledger", "subject", "told_at IS NOT NULL", None),
    ("ledger", "thread", "thread IS NOT NULL", None),
    ("send", "thread", "state IN ('queued', 'sending')", None),
    ("conversation", "thread", "TRUE", Some(&["destination"])),
    ("mute", "thread", "thread IS NOT NULL", None),
    ("environment", "scope", "TRUE", Some(&["name"])),
    ("repository", "name", "TRUE", Some(&[])),
    ("nudge", "subject", "TRUE", Some(&[])),
];

/// The statements that give rows another name: what has that name already goes.
fn renaming(new: impl Fn(&str) -> String, of: impl Fn(&str) -> String) -> impl Iterator<Item = String> {
    NAMED.into_iter().flat_map(move |(table, column, which, unique)| {
        let (new, which) = (new(column), format!("{which} AND {}", of(column)));
        let delete = unique.map(|others| {
            let others = others.iter().map(|other| format!(", {other}")).collect::<String>();
            format!("DELETE FROM {table} WHERE ({column}{others}) IN (SELECT {new}{others} FROM {table} WHERE {which})")
        });
        delete.into_iter().chain([format!("UPDATE {table} SET {column} = {new} WHERE {which}")])
    })
}

/// The workflows that run on a branch which has another name from now on: that is the end of their names.
struct Workflows<'r> {
    /// What the names of all of the repository's begin with
    repository: &'r str,
    old: &'r str,
    new: &'r str,
}

impl<'r> Workflows<'r> {
    /// `None` for what isn't a branch.
    fn of(Renamed { from, to }: &'r Renamed) -> Option<Self> {
        Some(Self { repository: from.scope_on_host(), old: from.as_branch()?, new: to.as_branch()? })
    }
}

/// The statements that rename a branch's workflows wherever names stand.
static RENAMING_WORKFLOWS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let new = |column: &str| format!("substr({column}, 1, length({column}) - length(:old)) || :new");
    let of = |column: &str| {
        format!(
            "{column} > :repository || ':workflow/' AND {column} < :repository || ':workflow0'
             AND substr({column}, length({column}) - length(:old)) = '@' || :old"
        )
    };
    renaming(new, of).collect()
});

/// The statements that put the name `:to` in the place of `:from` wherever names stand, in order.
static RENAMING: LazyLock<Vec<String>> = LazyLock::new(|| {
    // `acme/api` and what begins with it and goes on with `#`, `:` or `@`.
    let is = |column: &str, name: &str| {
        format!(
            "({column} = {name} OR {column} > {name} AND {column} < {name} || 'A'
              AND substr({column}, length({name}) + 1, 1) IN ('#', ':', '@'))"
        )
    };
    let columns =
        renaming(|column| format!(":to || substr({column}, length(:from) + 1)"), |column| is(column, ":from"));
    // What waits names it too, and leads to its page.
    let named = |column: &str| {
        let ends = [("\"", "\""), ("\"", "#"), ("/", "/"), ("/", "\"")];
        ends.iter().fold(column.to_owned(), |text, (before, after)| {
            format!("replace({text}, '{before}' || :from || '{after}', '{before}' || :to || '{after}')")
        })
    };
    let words = [
        format!("UPDATE subject SET state = {} WHERE {} OR {}", named("state"), is("key", ":to"), is("thread", ":to")),
        format!(
            "UPDATE event SET body = {} WHERE id IN (
                 SELECT event_id FROM ledger WHERE due_at IS NOT NULL AND ({} OR {}))",
            named("body"),
            is("subject", ":to"),
            is("thread", ":to")
        ),
    ];
    columns.chain(words).collect()
});
