//! Where messages go out: one file a channel, each from the same tree to its own dialect, and each saying which
//! failures are worth another try.

mod email;
mod html;
mod http;
mod mailbox;
mod slack;
mod slack_webhook;
mod smtp;
mod webhook;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

pub use self::html::body as html_body;
pub use self::http::choose_tls_provider;

use self::email::Sender;
use self::http::Http;
use self::smtp::Smtp;
use crate::destination::Destination;
use crate::settings::{ChannelSettings, SlackSettings, SlackWebhookSettings, WebhookSettings};
use crate::template::{Links, Message, clean, shorten};

/// A message on its way to one destination.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Names this send, and stays the same over every attempt
    pub id: i64,
    /// What it says
    pub message: &'a Message,
    /// The conversation it belongs to
    pub thread: &'a str,
    /// What readers call the conversation
    pub thread_label: &'a str,
    /// What [`Outcome::Sent`] gave for the conversation's first message there
    pub root: Option<&'a str>,
    /// The team it is for
    pub team: &'a str,
    /// The rule that matched
    pub rule: &'a str,
    /// The event's kind
    pub kind: &'a str,
    /// When the update was made
    pub at: Timestamp,
    /// The ways out of the conversation
    pub links: &'a Links,
}

/// What became of an attempt. Errors are one short line without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The other end has it
    Sent {
        /// What the other end calls it, for replies
        reference: Option<String>,
    },
    /// It was not taken, and may be later
    Transient {
        /// Why
        error: String,
        /// How long the other end asks us to wait
        retry_after: Option<Duration>,
    },
    /// It will never be taken
    Permanent {
        /// Why
        error: String,
    },
    /// There was no answer: it may have been delivered
    Ambiguous {
        /// Why
        error: String,
        /// How long the other end asks us to wait
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// Its name, for counting.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Transient { .. } => "transient",
            Self::Permanent { .. } => "permanent",
            Self::Ambiguous { .. } => "ambiguous",
        }
    }

    fn transient(error: impl AsRef<str>) -> Self {
        Self::Transient { error: line(error.as_ref()), retry_after: None }
    }

    fn permanent(error: impl AsRef<str>) -> Self {
        Self::Permanent { error: line(error.as_ref()) }
    }

    fn ambiguous(error: impl AsRef<str>) -> Self {
        Self::Ambiguous { error: line(error.as_ref()), retry_after: None }
    }
}

/// What others say goes into the ledger and the console: one line of it is enough.
fn line(text: &str) -> String {
    shorten(&clean(text), 300)
}

/// What stands at the end of a message's quiet line, each with its words.
fn ways_out(links: &Links) -> impl Iterator<Item = (&'static str, &str)> {
    let ways = [("Mute this conversation", &links.mute), ("Unsubscribe", &links.unsubscribe)];
    ways.into_iter().filter_map(|(words, url)| Some((words, url.as_deref()?)))
}

/// A message as a destination would show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its subject
    pub subject: String,
    /// Its text
    pub text: String,
    /// Its HTML, where the destination takes HTML
    pub html: Option<String>,
}

/// A send that takes longer is given up.
const MAIL_DEADLINE: Duration = Duration::from_secs(30);
const HTTP_DEADLINE: Duration = Duration::from_secs(15);

/// Every configured channel. Connections, and the certificates they need, are made at the first send.
#[derive(Debug)]
pub struct Channels {
    settings: ChannelSettings,
    smtp: Option<Smtp>,
    http: Http,
}

/// The channel that takes a destination.
enum Route<'a> {
    Smtp(&'a Smtp, &'a str),
    Slack(&'a SlackSettings, &'a str),
    SlackWebhook(&'a SlackWebhookSettings),
    Webhook(&'a WebhookSettings),
    Mailbox,
}

impl Channels {
    /// The channels of a configuration.
    #[must_use]
    pub fn new(settings: ChannelSettings) -> Self {
        Self::with_deadlines(settings, MAIL_DEADLINE, HTTP_DEADLINE)
    }

    fn with_deadlines(settings: ChannelSettings, mail: Duration, http: Duration) -> Self {
        let smtp = settings.email.as_ref().and_then(|email| email.smtp.clone());
        Self { smtp: smtp.map(|smtp| Smtp::new(smtp, mail)), http: Http::new(http), settings }
    }

    /// Sends a message, within a deadline.
    pub async fn send(&self, to: &Destination, post: &Post<'_>) -> Outcome {
        match self.route(to) {
            Ok(Route::Smtp(smtp, address)) => match email::compose(&self.sender(), to, post) {
                Ok(mail) => mail.sent(smtp.send(&mail, address).await),
                Err(error) => Outcome::permanent(error),
            },
            Ok(Route::Mailbox) => match email::compose(&self.sender(), to, post) {
                Ok(mail) => mail.sent(mailbox::write(&self.settings.mailbox, post, &mail).await),
                Err(error) => Outcome::permanent(error),
            },
            Ok(Route::Slack(slack, channel)) => slack::send(&self.http, slack, channel, post).await,
            Ok(Route::SlackWebhook(hook)) => slack_webhook::send(&self.http, hook, post).await,
            Ok(Route::Webhook(hook)) => webhook::send(&self.http, hook, post).await,
            Err(error) => Outcome::permanent(error),
        }
    }

    /// A message as [`Self::send`] would write it.
    #[must_use]
    pub fn preview(&self, to: &Destination, post: &Post<'_>) -> Preview {
        let message = post.message;
        let html = match self.route(to) {
            Ok(Route::Smtp(..) | Route::Mailbox | Route::Webhook(_)) => Some(html::page(post)),
            Ok(Route::Slack(..) | Route::SlackWebhook(_)) | Err(_) => None,
        };
        Preview { subject: message.subject.clone(), text: message.text(), html }
    }

    /// The mailbox's folder, for a destination that ends up there and was meant for elsewhere.
    #[must_use]
    pub fn instead(&self, to: &Destination) -> Option<&Path> {
        let local = matches!(self.route(to), Ok(Route::Mailbox)) && *to != Destination::Mailbox;
        local.then_some(&*self.settings.mailbox)
    }

    /// Mail without a server goes to the local mailbox, and so does everything while nothing is set up.
    fn route<'a>(&'a self, to: &'a Destination) -> Result<Route<'a>, String> {
        let settings = &self.settings;
        let found = match to {
            Destination::Mailbox => Some(Route::Mailbox),
            Destination::Email(address) => {
                Some(self.smtp.as_ref().map_or(Route::Mailbox, |smtp| Route::Smtp(smtp, address)))
            }
            Destination::Slack(channel) => settings.slack.as_ref().map(|slack| Route::Slack(slack, channel)),
            Destination::SlackWebhook(name) => settings.slack_webhooks.get(name).map(Route::SlackWebhook),
            Destination::Webhook(name) => settings.webhooks.get(name).map(Route::Webhook),
        };
        match (found, to) {
            (Some(route), _) => Ok(route),
            (None, _) if settings.is_bare() => Ok(Route::Mailbox),
            (None, Destination::SlackWebhook(name)) => Err(format!("{to} needs `[slack_webhook.{name}]`")),
            (None, Destination::Webhook(name)) => Err(format!("{to} needs `[webhook.{name}]`")),
            (None, _) => Err(format!("{to} needs `[slack]`")),
        }
    }

    fn sender(&self) -> Sender {
        self.settings.email.as_ref().map_or_else(Sender::local, |email| Sender::new(email.from.clone()))
    }
}

#[cfg(test)]
mod listener;
#[cfg(test)]
mod tests;
