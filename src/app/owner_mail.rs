//! Tells a team file's owner what is wrong with the file.
//!
//! Such mails aren't essential: the log says the same, and `microalign check` shows errors too, so a mail that fails
//! isn't retried.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::channel::{Channels, Outcome, Post};
use crate::compose::Rulebook;
use crate::destination::Destination;
use crate::rule::{Nameable, Outdated, Renaming, Team};
use crate::template::{Block, Inline, Links, Message};
use crate::toml_file::Problem;

/// Mails the owner of each file that is broken, unless `before` had the same problems.
pub async fn tell(channels: &Channels, rulebook: &Rulebook, before: &Rulebook) {
    for (team, problems) in rulebook.broken() {
        if before.broken().any(|(other, old)| other.name == team.name && old == problems) {
            continue;
        }
        mail(channels, team, (&problems[0].file, "file.broken"), &broken(team, &problems)).await;
    }
}

/// Mails the owner of each file with rules that use an old name of something that was renamed, until `stop` turns true.
pub async fn follow_names(
    channels: Arc<Channels>,
    rulebook: watch::Receiver<Arc<Rulebook>>,
    mut renamings: mpsc::UnboundedReceiver<Renaming>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let renaming = tokio::select! {
            renaming = renamings.recv() => renaming,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Some(renaming) = renaming else { return };
        let rulebook = Arc::clone(&rulebook.borrow());
        tokio::select! {
            () = tell_of_name(&channels, &rulebook, &renaming) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn tell_of_name(channels: &Channels, rulebook: &Rulebook, renaming: &Renaming) {
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
        mail(channels, team, (&file.display().to_string(), "file.outdated"), &message).await;
    }
}

async fn mail(channels: &Channels, team: &Team, (file, kind): (&str, &str), message: &Message) {
    let Some(owner) = &team.owner else { return };
    let links = Links::default();
    let post = Post { team: &team.name, rule: "owner", kind, ..Post::new(message, file, (Timestamp::now(), &links)) };
    let outcome = channels.send(&Destination::Email(owner.clone()), &post).await;
    if !matches!(outcome, Outcome::Sent { .. }) {
        tracing::warn!(team = team.name, kind, ?outcome, "failed to tell the owner of a team file");
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
