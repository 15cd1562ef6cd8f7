//! `microalign people`: who people on GitHub are elsewhere.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ConfigArgs, Failure, look_into_store, say};
use crate::channel::People;
use crate::store::{Contact, Said};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print one JSON object per person
    #[arg(long)]
    json: bool,
}

/// What somebody is called, and how that is known.
struct Name {
    name: String,
    /// `[people]`, or whoever was asked
    from: String,
    /// When they were asked
    at: Option<Timestamp>,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.look()?;
    let found = match config.store.exists().await {
        true => look_into_store(&config.store).await?.all_contacts().await?,
        false => Vec::new(),
    };
    let people = listed(&config.channels.people, found);
    if args.json {
        return people.iter().try_for_each(|(login, names)| say(as_json(login, names)));
    }
    if people.is_empty() {
        return say("Nobody is known yet: people are looked up when a message mentions them or is for them.");
    }
    for (login, names) in &people {
        say(login)?;
        for (key, Name { name, from, at }) in names {
            let at = at.map(|at| format!(", {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
            say(format!("  {key:<12} {name}  ({from}{at})"))?;
        }
        if names.is_empty() {
            say("  nothing was found")?;
        }
    }
    Ok(())
}

/// The names of everybody, by login and key. What the operator wrote goes before what was found.
fn listed(written: &People, found: Vec<Contact>) -> BTreeMap<String, BTreeMap<String, Name>> {
    let mut people = BTreeMap::<String, BTreeMap<String, Name>>::new();
    for contact in found {
        let mail = contact.email_from.map(|from| format!("GitHub: {from}"));
        let asked_at = contact.email.as_ref().map(|said| said.at);
        let names = people.entry(contact.login).or_default();
        let github = || "GitHub".to_owned();
        names.extend(contact.name.map(|name| ("name".to_owned(), Name { name, from: github(), at: asked_at })));
        let said = [
            ("email", contact.email, mail.unwrap_or_else(github)),
            ("slack", contact.slack, "Slack, by mail address".to_owned()),
            ("jira", contact.jira, "Jira, by mail address".to_owned()),
        ];
        names.extend(said.into_iter().filter_map(|(key, said, from)| {
            let Said { value, at } = said?;
            Some((key.to_owned(), Name { name: value?, from, at: Some(at) }))
        }));
    }
    for (login, person) in written {
        let names = people.entry(login.clone()).or_default();
        let own = person.names().map(|(key, name)| {
            (key.to_owned(), Name { name: name.to_owned(), from: "`[people]`".to_owned(), at: None })
        });
        names.extend(own);
    }
    people
}

fn as_json(login: &str, names: &BTreeMap<String, Name>) -> Value {
    let mut person = json!({ "login": login });
    for (key, Name { name, from, at }) in names {
        person[key] = json!({ "name": name, "from": from, "at": at });
    }
    person
}
