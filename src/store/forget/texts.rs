//! Texts of a row's own that can name a person.

use serde_json::json;

use super::{Batch, Pass};
use crate::event::{FORGOTTEN, Person};
use crate::store::row::{Row, Value, named_params};
use crate::store::{StoreError, Tx};

/// What went wrong with sends: servers name mailboxes.
pub(super) fn sends(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT id AS key, error, state IN ('queued', 'sending') AS waits FROM send
               WHERE id > coalesce(:after, 0) AND error IS NOT NULL ORDER BY id LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("error")?));
    let change = "UPDATE send SET error = :forgotten WHERE id = :key";
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run(change, named_params! { ":forgotten": FORGOTTEN, ":key": key }).map(drop),
    })
}

/// What went wrong with attempts of sends.
pub(super) fn attempts(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT id AS key, error, FALSE AS waits FROM attempt
               WHERE id > coalesce(:after, 0) AND error IS NOT NULL ORDER BY id LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("error")?));
    let change = "UPDATE attempt SET error = :forgotten WHERE id = :key";
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run(change, named_params! { ":forgotten": FORGOTTEN, ":key": key }).map(drop),
    })
}

/// What people have against assumptions: by them, or about them. An objection's key may be the id of a mail.
pub(super) fn objections(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT id AS key, key AS name, made_by, text, waits FROM objection WHERE id > coalesce(:after, 0)
               ORDER BY id LIMIT 200";
    let named = |row: &Row<'_>| {
        let texts = [row.get::<_, String>("name")?, row.get("made_by")?, row.get("text")?];
        Ok(texts.iter().any(|text| person.is_in(text)))
    };
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => forget_objection(tx, person, key),
    })
}

fn forget_objection(tx: &Tx<'_>, person: &Person, id: &Value) -> Result<(), StoreError> {
    let params = named_params! { ":id": id };
    let texts = tx.row("SELECT key, made_by FROM objection WHERE id = :id", params, |row| {
        Ok((row.get::<_, String>("key")?, row.get::<_, String>("made_by")?))
    })?;
    let Some((key, by)) = texts else { return Ok(()) };
    tx.put(
        "UPDATE objection SET text = '', made_by = iif(:theirs = 1, '', made_by),
                              key = iif(:named = 1, 'forgotten:' || id, key) WHERE id = :id",
        named_params! { ":theirs": person.is_in(&by) || person.is_in(&key), ":named": person.is_in(&key), ":id": id },
    )
}

/// Who agreed to assumptions: that somebody did is kept.
pub(super) fn agreements(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT id AS key, key AS name, made_by, FALSE AS waits FROM agreement WHERE id > coalesce(:after, 0)
               ORDER BY id LIMIT 200";
    let named = |row: &Row<'_>| {
        Ok(person.is_in(&row.get::<_, String>("name")?) || person.is_in(&row.get::<_, String>("made_by")?))
    };
    let change = "UPDATE agreement SET made_by = '', key = 'forgotten:' || id WHERE id = :key";
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run(change, named_params! { ":key": key }).map(drop),
    })
}

/// Who subscribed a channel to something, which it stays.
pub(super) fn subscriptions(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT id AS key, made_by, FALSE AS waits FROM subscription WHERE id > coalesce(:after, 0)
               ORDER BY id LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("made_by")?));
    let change = "UPDATE subscription SET made_by = '' WHERE id = :key";
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run(change, named_params! { ":key": key }).map(drop),
    })
}

/// What people answered: by them, or about them. An answer's key may be the id of a mail.
pub(super) fn answers(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT id AS key, concat_ws(' ', key, made_by, login, text) AS words, waits FROM answer
               WHERE id > coalesce(:after, 0) ORDER BY id LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("words")?));
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => forget_answer(tx, person, key),
    })
}

fn forget_answer(tx: &Tx<'_>, person: &Person, id: &Value) -> Result<(), StoreError> {
    let params = named_params! { ":id": id };
    let texts = tx.row("SELECT key, made_by, login FROM answer WHERE id = :id", params, |row| {
        let by = [row.get::<_, Option<String>>("made_by")?, row.get("login")?];
        Ok((row.get::<_, String>("key")?, by.iter().flatten().any(|name| person.is_in(name))))
    })?;
    let Some((key, theirs)) = texts else { return Ok(()) };
    tx.put(
        "UPDATE answer SET text = '', made_by = iif(:theirs = 1, '', made_by), login = iif(:theirs = 1, NULL, login),
                           key = iif(:named = 1, 'forgotten:' || id, key) WHERE id = :id",
        named_params! { ":theirs": theirs, ":named": person.is_in(&key), ":id": id },
    )
}

/// The subjects of conversations in mails. One that names them is called as the ledger calls it from then on.
pub(super) fn conversations(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT thread AS key, json_group_array(subject) AS subjects, FALSE AS waits FROM conversation
               WHERE thread > coalesce(:after, '') GROUP BY thread ORDER BY thread LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("subjects")?));
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => forget_subjects(tx, person, key),
    })
}

fn forget_subjects(tx: &Tx<'_>, person: &Person, thread: &Value) -> Result<(), StoreError> {
    let subjects = tx.rows(
        "SELECT DISTINCT subject FROM conversation WHERE thread = :thread",
        named_params! { ":thread": thread },
        |row| row.get::<_, String>("subject"),
    )?;
    for subject in subjects.into_iter().filter(|subject| person.is_in(subject)) {
        tx.put(
            "UPDATE conversation SET subject = thread WHERE thread = :thread AND subject = :subject",
            named_params! { ":thread": thread, ":subject": subject },
        )?;
    }
    Ok(())
}

/// Addresses that refused mail. One that is forgotten is tried again.
pub(super) fn refusals(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT destination AS key, destination || ' ' || error AS text, FALSE AS waits FROM bounce
               WHERE destination > coalesce(:after, '') ORDER BY destination LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("text")?));
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run("DELETE FROM bounce WHERE destination = :key", named_params! { ":key": key }).map(drop),
    })
}

const PEOPLE: &str =
    "SELECT id AS key, id, name, FALSE AS waits FROM person WHERE id > coalesce(:after, '') ORDER BY id LIMIT 200";

/// What people are called whom Jira names by an id.
pub(super) fn people(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let named = |row: &Row<'_>| Ok(person.is_called(&row.get::<_, String>("id")?));
    each(tx, (PEOPLE, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run("DELETE FROM person WHERE id = :key", named_params! { ":key": key }).map(drop),
    })
}

/// Who people on GitHub are elsewhere.
pub(super) fn contacts(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql =
        "SELECT login AS key, login, jira, concat_ws(' ', name, email, slack) AS text, FALSE AS waits FROM contact
               WHERE login > coalesce(:after, '') ORDER BY login LIMIT 200";
    let named = |row: &Row<'_>| {
        let (login, jira): (String, Option<String>) = (row.get("login")?, row.get("jira")?);
        let called = person.is_called(&login) || jira.is_some_and(|jira| person.is_called(&jira));
        Ok(called || person.is_in(&row.get::<_, String>("text")?))
    };
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run("DELETE FROM contact WHERE login = :key", named_params! { ":key": key }).map(drop),
    })
}

/// Who has logged in to the console: they have to do it again.
pub(super) fn sessions(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT digest AS key, concat_ws(' ', who, mail, groups) AS text, FALSE AS waits FROM session
               WHERE digest > coalesce(:after, x'') ORDER BY digest LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("text")?));
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run("DELETE FROM session WHERE digest = :key", named_params! { ":key": key }).map(drop),
    })
}

/// What was changed through the console: by whom, and what, if that names somebody.
pub(super) fn changes(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql =
        "SELECT id AS key, who, what, FALSE AS waits FROM audit WHERE id > coalesce(:after, 0) ORDER BY id LIMIT 200";
    let is_in = |text: Option<String>| text.is_some_and(|text| person.is_in(&text));
    let named = |row: &Row<'_>| Ok(is_in(row.get("who")?) || is_in(row.get("what")?));
    each(tx, (sql, named), after, |key| {
        if pass == Pass::Look {
            return Ok(());
        }
        let texts = tx.row("SELECT who, what FROM audit WHERE id = :key", named_params! { ":key": key }, |row| {
            Ok((is_in(row.get("who")?), is_in(row.get("what")?)))
        })?;
        let (who, what) = texts.unwrap_or_default();
        tx.run(
            "UPDATE audit SET who = iif(:who = 1, NULL, who), what = iif(:what = 1, NULL, what) WHERE id = :key",
            named_params! { ":who": who, ":what": what, ":key": key },
        )
        .map(drop)
    })
}

/// Who muted something.
pub(super) fn mutes(tx: &Tx<'_>, person: &Person, after: &Value, pass: Pass) -> Result<Batch, StoreError> {
    let sql = "SELECT id AS key, who, FALSE AS waits FROM mute WHERE id > coalesce(:after, 0) AND who IS NOT NULL
               ORDER BY id LIMIT 200";
    let named = |row: &Row<'_>| Ok(person.is_in(&row.get::<_, String>("who")?));
    each(tx, (sql, named), after, |key| match pass {
        Pass::Look => Ok(()),
        Pass::Change => tx.run("UPDATE mute SET who = NULL WHERE id = :key", named_params! { ":key": key }).map(drop),
    })
}

/// The next of those people.
pub(super) fn people_by_id(tx: &Tx<'_>, after: &Value) -> Result<(Option<Value>, Vec<serde_json::Value>), StoreError> {
    let people = tx.rows(PEOPLE, named_params! { ":after": after }, |row| {
        let (login, name): (String, String) = (row.get("id")?, row.get("name")?);
        Ok((row.get::<_, Value>("key")?, json!({ "login": login, "name": name })))
    })?;
    Ok((people.last().map(|(key, _)| key.clone()), people.into_iter().map(|(_, person)| person).collect()))
}

/// Who answered something, of whom an id is known too: of agreements, objections by a form in Slack, and answers. There are few
/// enough to be read at once.
pub(super) fn people_who_answered(
    tx: &Tx<'_>,
    _after: &Value,
) -> Result<(Option<Value>, Vec<serde_json::Value>), StoreError> {
    let people = tx.rows(
        "SELECT key AS id, made_by FROM agreement
         UNION SELECT key, made_by FROM objection WHERE key LIKE 'slack:%:%'
         UNION SELECT login, made_by FROM answer WHERE login IS NOT NULL",
        [],
        |row| {
            let (id, name): (String, String) = (row.get("id")?, row.get("made_by")?);
            // A form's key is `slack:`, who filled it in, and what they wrote.
            let id = id.strip_prefix("slack:").and_then(|form| form.split(':').next()).unwrap_or(&id);
            Ok(json!({ "login": id, "name": name }))
        },
    )?;
    Ok((None, people))
}

/// Goes through the next rows of a query, which have a `key` and say whether each `waits`.
fn each(
    tx: &Tx<'_>,
    (sql, named): (&str, impl Fn(&Row<'_>) -> Result<bool, StoreError>),
    after: &Value,
    change: impl Fn(&Value) -> Result<(), StoreError>,
) -> Result<Batch, StoreError> {
    let rows = tx.rows(sql, named_params! { ":after": after }, |row| {
        Ok((row.get::<_, Value>("key")?, named(row)?, row.get::<_, bool>("waits")?))
    })?;
    let mut batch = Batch { last: rows.last().map(|(key, ..)| key.clone()), ..Batch::default() };
    for (key, ..) in rows.iter().filter(|(_, named, waits)| *named && !waits) {
        batch.changed += 1;
        change(key)?;
    }
    batch.waiting = rows.iter().filter(|(_, named, waits)| *named && *waits).count();
    Ok(batch)
}
