//! Tells a team file's owner what is wrong with the file.
//!
//! These mails belong to no event, so the ledger has no line for them. They wait here, in a task of their own: nothing else waits
//! for a mail server, and a mail that fails is tried again as messages are. After a restart, the log and `microalign check` say
//! what is wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::channel::{Channels, Outcome, Post};
use crate::compose::Rulebook;
use crate::destination::Destination;
use crate::dispatch::backoff;
use crate::rule::{Nameable, Outdated, Renaming, Team};
use crate::template::{Block, Inline, Links, Message};
use crate::toml_file::Problem;

/// The last is about three hours after the first.
const ATTEMPTS: i64 = 10;
const BROKEN: &str = "file.broken";
const OUTDATED: &str = "file.outdated";

/// Mails the owners of team files: when one is broken whose last good version stays in force, and when a rule uses an old name.
pub(super) struct OwnerMail {
    pub(super) channels: Arc<Channels>,
    pub(super) rulebook: watch::Receiver<Arc<Rulebook>>,
    pub(super) renamings: mpsc::UnboundedReceiver<Renaming>,
}

impl OwnerMail {
    /// Runs until `stop` turns true, whatever is under way then.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut mails = Mails::default();
        loop {
            let next = mails.waiting.iter().map(|mail| mail.next).min();
            tokio::select! {
                changed = self.rulebook.changed() => match changed {
                    Ok(()) => {
                        mails.update(&self.rulebook.borrow_and_update());
                        continue;
                    }
                    Err(_) => return,
                },
                Some(renaming) = self.renamings.recv() => {
                    mails.tell_of_name(&self.rulebook.borrow(), &renaming);
                    continue;
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            tokio::select! {
                () = mails.attempt(&self.channels) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}

/// A mail that waits.
struct Mail {
    owner: String,
    team: String,
    file: String,
    kind: &'static str,
    message: Message,
    at: Timestamp,
    attempts: i64,
    next: Instant,
}

/// The mails that wait. There is one at most about what is broken in a file.
#[derive(Default)]
struct Mails {
    waiting: Vec<Mail>,
    /// The problems that owners were told of, or will be, by file
    told: BTreeMap<String, Vec<Problem>>,
}

impl Mails {
    /// Adds a mail for each file that is broken in a new way. One that is out of date is dropped.
    fn update(&mut self, rulebook: &Rulebook) {
        let mut told = BTreeMap::new();
        for (team, problems) in rulebook.broken() {
            let file = problems[0].file.clone();
            let known = self.told.remove(&file).filter(|known| known.iter().eq(problems.iter().copied()));
            if known.is_none() {
                self.waiting.retain(|mail| mail.kind != BROKEN || mail.file != file);
                self.add(team, (&file, BROKEN), broken(team, &problems));
            }
            told.insert(file, known.unwrap_or_else(|| problems.into_iter().cloned().collect()));
        }
        self.waiting.retain(|mail| mail.kind != BROKEN || told.contains_key(&mail.file));
        self.told = told;
    }

    /// Adds a mail for each file with rules that use an old name of something that was renamed.
    fn tell_of_name(&mut self, rulebook: &Rulebook, renaming: &Renaming) {
        for (file, team) in rulebook.files() {
            let outdated = renaming.outdates(team);
            if outdated.is_empty() {
                continue;
            }
            for Outdated { rule, key, entry } in &outdated {
                let (file, team) = (file.display(), &team.name);
                tracing::warn!(%file, team, rule, key, entry, "a rule uses a name that has changed");
            }
            let message = renamed(team, file, (renaming, &outdated));
            self.add(team, (&file.display().to_string(), OUTDATED), message);
        }
    }

    fn add(&mut self, team: &Team, (file, kind): (&str, &'static str), message: Message) {
        let Some(owner) = team.owner.clone() else { return };
        let (team, file) = (team.name.clone(), file.to_owned());
        let (at, attempts, next) = (Timestamp::now(), 0, Instant::now());
        self.waiting.push(Mail { owner, team, file, kind, message, at, attempts, next });
    }

    /// Tries the mail that is due first.
    async fn attempt(&mut self, channels: &Channels) {
        let Some(index) = (0..self.waiting.len()).min_by_key(|index| self.waiting[*index].next) else { return };
        let mail = &mut self.waiting[index];
        let links = Links::default();
        let post = Post {
            team: &mail.team,
            rule: "owner",
            kind: mail.kind,
            ..Post::new(&mail.message, &mail.file, (mail.at, &links))
        };
        let outcome = channels.send(&Destination::Email(mail.owner.clone()), &post).await;
        mail.attempts += 1;
        if !mail.waits_after(&outcome) {
            self.waiting.remove(index);
        }
    }
}

impl Mail {
    /// Whether it is tried again after an attempt, and from when.
    fn waits_after(&mut self, outcome: &Outcome) -> bool {
        if matches!(outcome, Outcome::Sent { .. }) {
            return false;
        }
        let again =
            matches!(outcome, Outcome::Transient { .. } | Outcome::Ambiguous { .. }) && self.attempts < ATTEMPTS;
        // No mail server asks for a rest.
        self.next = Instant::now() + backoff(self.attempts, fastrand::f64());
        let (team, kind, attempt) = (&self.team, self.kind, self.attempts);
        tracing::warn!(team, kind, attempt, ?outcome, again, "failed to tell the owner of a team file");
        again
    }
}

fn broken(team: &Team, problems: &[&Problem]) -> Message {
    let shown = problems.iter().map(|problem| problem.render_for_mail()).collect::<Vec<_>>().join("\n\n");
    let text = format!("{} has errors. Its last good version stays in force until you fix them:", problems[0].file);
    message(team, format!("{} is broken", problems[0].file), (text, shown, None))
}

/// An owner outside of the company doesn't learn names that aren't in the file.
fn renamed(team: &Team, file: &Path, (renaming, outdated): (&Renaming, &[Outdated<'_>])) -> Message {
    let file = file.display();
    let Renaming { what, from, to, .. } = renaming;
    let (thing, happened) = match what {
        Nameable::Repository => ("A repository", format!("The repository {from} is now {to}")),
        Nameable::Branch(repository) => {
            ("A default branch", format!("The default branch of {repository} is now {to} (it was {from})"))
        }
        Nameable::Ticket => ("A ticket", format!("The ticket {from} is now {to}")),
    };
    let named = renaming.may_be_named_to(team);
    let happened = if named { happened } else { format!("{thing} has another name now") };
    let subject = match what {
        _ if !named => happened.clone(),
        Nameable::Branch(repository) => format!("{repository}: {from} is now {to}"),
        Nameable::Repository | Nameable::Ticket => format!("{from} is now {to}"),
    };
    let text = format!("{happened}. These rules in {file} still use the old name, and don't match the new one:");
    let shown = outdated.iter().map(|Outdated { rule, key, entry }| format!("{rule}: {key} = {entry:?}"));
    let wildcard = outdated.iter().any(|outdated| outdated.entry.contains('*'));
    let projects = [from, to].map(|key| key.rsplit_once('-').map_or(key.as_str(), |(project, _)| project));
    let more = (*what == Nameable::Ticket && wildcard && named)
        .then(|| format!("You won't hear of further tickets that move from {} to {}.", projects[0], projects[1]));
    message(team, subject, (text, shown.collect::<Vec<_>>().join("\n"), more))
}

fn message(team: &Team, subject: String, (text, shown, more): (String, String, Option<String>)) -> Message {
    let paragraph = |text: String| Block::Paragraph(vec![Inline::Text(text)]);
    let body = [paragraph(text), Block::Code(shown)].into_iter().chain(more.map(paragraph));
    Message {
        subject,
        body: body.collect(),
        why: format!("You get this because you are the owner of {}'s rules.", team.name),
        ..Message::default()
    }
}
