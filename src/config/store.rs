//! `[store]`: where it is, and how long what is in it is kept.

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::file::StoreTable;
use crate::rule::parse_duration_up_to;
use crate::store::{Keep, Location, Server};
use crate::toml_file::{At, DurationText, Field, Reader, SecretText, Wrong};

pub(super) fn read(field: Field<StoreTable>, reader: &mut Reader<'_>) -> (Location, Keep) {
    let store = At::root().key("store");
    let table = reader.document.take(field, &store).unwrap_or_default();
    let at = store.key("url");
    let location = read_location(table.url, &at, reader);
    let default = Keep::default();
    let (keep_at, bodies_at) = (store.key("keep"), store.key("keep_bodies"));
    let keep = Keep {
        ledger: read_age(table.keep, &keep_at, reader).unwrap_or(default.ledger),
        bodies: read_age(table.keep_bodies, &bodies_at, reader).unwrap_or(default.bodies),
    };
    if keep.ledger < Keep::SHORTEST {
        let help = "write at least \"30d\": `recover` looks so far back, and would send again what it doesn't find";
        reader.document.wrong(&keep_at, "this is too short", help.to_owned());
    } else if keep.bodies > keep.ledger {
        let help = "write at most what `keep` has, which is \"90d\" by default";
        reader.document.wrong(&bodies_at, "bodies can't be kept longer than the ledger", help.to_owned());
    }
    (location.unwrap_or_else(|| Location::from(&reader.folder.join("microalign.db"))), keep)
}

/// Reads where the store is. The address isn't shown, because it may hold a password.
fn read_location(field: Field<SecretText>, at: &At, reader: &mut Reader<'_>) -> Option<Location> {
    let written = reader.document.take(field, at)?;
    if reader.is_store_assumed(&written) {
        return None;
    }
    let url = reader.expanded(written.0.expose_secret(), at)?;
    let folder = reader.folder;
    reader.parsed(parse(&url, folder), at)
}

/// What an address says; a file's path begins at the folder.
pub(super) fn parse(url: &str, folder: &Path) -> Result<Location, Wrong> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let help = "write \"postgres://USER:PASSWORD@HOST/DATABASE\"".to_owned();
        let server = url.parse::<Server>().map_err(|wrong| (wrong.to_owned(), Some(help)));
        return server.map(Location::Server);
    }
    Ok(Location::from(&folder.join(sqlite_file(url)?)))
}

fn read_age(field: Field<DurationText>, at: &At, reader: &mut Reader<'_>) -> Option<Duration> {
    let DurationText(text) = reader.document.take(field, at)?;
    let age = parse_duration_up_to(&text, "520w").map_err(|(wrong, help)| (wrong, Some(help)));
    reader.parsed(age, at)
}

/// The path in `sqlite://FILE`.
fn sqlite_file(url: &str) -> Result<String, Wrong> {
    let help = || Some("write \"sqlite://microalign.db\", or \"postgres://USER:PASSWORD@HOST/DATABASE\"".to_owned());
    match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
        Some(":memory:") => Err(("the ledger must survive a restart: name a file".to_owned(), help())),
        Some(file) if !file.is_empty() && !file.contains('?') => Ok(file.to_owned()),
        Some(_) => Err(("this doesn't name a file".to_owned(), help())),
        None => Err(("this isn't the address of a store".to_owned(), help())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use crate::config::{self, Secrets};

    #[test]
    fn the_address_is_looked_up_only_for_whoever_uses_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("microalign.toml");
        let url = "url = \"postgres://ma:${PASSWORD}@db/ma\"";
        fs::write(&path, format!("[store]\n{url}\n[github]\nsecrets = [\"${{GITHUB}}\"]\n")).unwrap();
        let problems = |secrets| config::read(&path, &|_| None, secrets).unwrap().1.len();
        assert_eq!([Secrets::Needed, Secrets::OfTheStore, Secrets::Assumed].map(problems), [2, 1, 0]);
    }

    #[test]
    fn the_password_of_a_store_is_shown_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("microalign.toml");
        let env = |name: &str| (name == "PASSWORD").then(|| "hunter2".to_owned());
        fs::write(&path, "[store]\nurl = \"postgres://ma:${PASSWORD}@db1,db2/ma?target_session_attrs=read-write\"\n")
            .unwrap();
        let location = config::store(&path, &env).unwrap();
        assert_eq!(format!("{location} {location:?}"), "postgres://ma@db1,db2/ma postgres://ma@db1,db2/ma");
        assert!(location.file().is_none());
        for wrong in ["postgres://ma:hunter2@", "postgres://ma:hunter2@db", "mysql://ma:hunter2@db/ma"] {
            fs::write(&path, format!("[store]\nurl = \"{wrong}\"\n")).unwrap();
            let problems = config::store(&path, &env).unwrap_err();
            let shown = problems.iter().map(ToString::to_string).collect::<String>();
            assert!(!shown.contains("hunter2") && !shown.is_empty(), "{shown}");
        }
    }
}
