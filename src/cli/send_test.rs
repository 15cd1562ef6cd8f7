//! `microalign send-test`: sends one real message, and shows the provider's answer.

use jiff::Timestamp;

use super::{ConfigArgs, Failure, open_store, say};
use crate::channel::{self, Channels, Names, Outcome, Post};
use crate::config::Config;
use crate::destination::Destination;
use crate::template::{Block, Inline, Links, Message};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// The destination, as in a team file's `to`: email:ana@example.com, slack:#channel, …
    #[arg(value_parser = channel::destination)]
    destination: Destination,
    /// The page to comment on, for the destinations github and jira: acme/ingest-api#45, DATA-123
    #[arg(long, value_name = "PAGE")]
    on: Option<String>,
}

impl Args {
    /// The conversation of the message: an existing page, if the message becomes a comment.
    fn thread(&self, now: Timestamp) -> Result<String, Failure> {
        let example = match self.destination {
            Destination::Github => "acme/ingest-api#45",
            Destination::Jira => "DATA-123",
            _ if self.on.is_some() => {
                return Err(Failure::Usage(format!("--on is for github and jira, not for {}", self.destination)));
            }
            _ => return Ok(format!("send-test/{now}")),
        };
        let to = &self.destination;
        self.on.clone().ok_or_else(|| Failure::Usage(format!("say what to comment on: send-test {to} --on {example}")))
    }
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let now = Timestamp::now();
    let thread = args.thread(now)?;
    let config = args.config.load()?;
    let channels = Channels::new(config.channels.clone(), Names::open());
    let text = "Hello! If you can read this, microalign can reach you here. There is nothing to do.";
    let message = Message {
        subject: "microalign: a test message".to_owned(),
        body: vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])],
        why: "You get this because somebody ran `microalign send-test`.".to_owned(),
        ..Message::default()
    };
    let (name, links) = ("send-test", Links::default());
    let post =
        Post { thread_label: name, team: name, rule: name, kind: name, ..Post::new(&message, &thread, (now, &links)) };
    let to = &args.destination;
    match (channels.send(to, &post).await, channels.instead(to)) {
        (Outcome::Sent { .. }, Some(folder)) => {
            let folder = folder.display();
            say(format!("not sent, as nothing is configured for {to}: the message is in the folder {folder}"))
        }
        (Outcome::Sent { reference, .. }, _) => {
            let reference = reference.map(|reference| format!(" ({reference})")).unwrap_or_default();
            say(format!("sent to {to}{reference}"))?;
            forgive(&config, to).await
        }
        (Outcome::Permanent { error } | Outcome::NoMailbox { error }, _) => {
            Err(Failure::Wrong(format!("{to} refused it for good: {error}")))
        }
        (Outcome::Transient { error, .. }, _) => Err(Failure::Wrong(format!("{to} can't take it now: {error}"))),
        (Outcome::Ambiguous { error, .. }, _) => {
            Err(Failure::Wrong(format!("{to} didn't answer; the message may have arrived: {error}")))
        }
    }
}

/// A message that arrives proves that the destination works again.
async fn forgive(config: &Config, to: &Destination) -> Result<(), Failure> {
    if !config.store.exists().await || !open_store(&config.store).await?.forgive(to).await? {
        return Ok(());
    }
    say(format!("{to} had refused messages; microalign sends to it again from now on"))
}
