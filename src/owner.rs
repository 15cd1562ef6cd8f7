//! Tells a team file's owner that the file is broken.
//!
//! By the way only: the problems are in the log and in `microalign check` too, so a mail that cannot be sent is not
//! tried again.

use jiff::Timestamp;

use crate::channel::{Channels, Outcome, Post};
use crate::destination::Destination;
use crate::rule::Team;
use crate::rulebook::Rulebook;
use crate::template::{Block, Inline, Links, Message};
use crate::toml_file::Problem;

/// Mails the owner of each file that is broken, unless `before` had the same problems.
pub async fn tell(channels: &Channels, rulebook: &Rulebook, before: &Rulebook) {
    for (team, problems) in rulebook.broken() {
        let Some(owner) = &team.owner else { continue };
        if before.broken().any(|(other, old)| other.name == team.name && old == problems) {
            continue;
        }
        let message = message(team, &problems);
        let now = Timestamp::now();
        let post = Post {
            id: now.as_millisecond(),
            message: &message,
            thread: &problems[0].file,
            thread_label: &problems[0].file,
            alias: "",
            root: None,
            mentions: &[],
            reply_to: None,
            reply_tag: None,
            team: &team.name,
            rule: "owner",
            kind: "file.broken",
            at: now,
            links: &Links::default(),
        };
        let outcome = channels.send(&Destination::Email(owner.clone()), &post).await;
        if !matches!(outcome, Outcome::Sent { .. }) {
            tracing::warn!(team = team.name, ?outcome, "the owner of a broken file could not be told");
        }
    }
}

fn message(team: &Team, problems: &[&Problem]) -> Message {
    let shown = problems.iter().map(|problem| problem.render(false)).collect::<Vec<_>>().join("\n\n");
    let text = format!("{} has errors. Its last good version stays in force until they are mended:", problems[0].file);
    Message {
        subject: format!("{} is broken", problems[0].file),
        body: vec![Block::Paragraph(vec![Inline::Text(text)]), Block::Code(shown)],
        why: format!("You get this because you are the owner of {}'s rules.", team.name),
        ..Message::default()
    }
}
