//! Where messages go out: one file a channel, each from the same tree to its own dialect, and each saying which
//! failures are worth another try.

mod access;
mod discord;
mod dkim;
mod email;
mod fit;
mod github;
mod google_chat;
mod html;
mod http;
mod jira;
mod mailbox;
mod markdown;
mod matrix;
mod mattermost;
mod mattermost_webhook;
mod names;
mod outcome;
mod pace;
mod rocket_chat;
mod route;
mod simple;
mod slack;
mod slack_webhook;
mod smtp;
mod teams;
mod webhook;
mod wiki;
mod zulip;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::Mailbox;

pub use self::html::body as html_body;
pub use self::http::{choose_tls_provider, http_client};
pub use self::names::Names;
pub use self::outcome::Outcome;

use self::access::Tokens;
use self::email::Sender;
use self::http::Http;
use self::route::Route;
use self::smtp::Smtp;
use crate::api::jira::Access;
use crate::destination::{Destination, Manner};
use crate::settings::{ChannelSettings, Person};
use crate::template::{Links, Message, clean, shorten};

/// A message on its way to one destination.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Names this send, and stays the same over every attempt
    pub id: i64,
    /// What it says
    pub message: &'a Message,
    /// The conversation it belongs to: a ticket's key, or what it is about, such as `owner/repo#45`
    pub thread: &'a str,
    /// What readers call the conversation
    pub thread_label: &'a str,
    /// What it is called where neither may be said; [`Channels::send`] knows that
    pub alias: &'a str,
    /// What [`Outcome::Sent`] gave for the conversation's first message there
    pub root: Option<&'a str>,
    /// Whom it calls, as the channel knows them
    pub mentions: &'a [&'a str],
    /// Who answers go to
    pub reply_to: Option<&'a Mailbox>,
    /// What the address that we read answers at has behind its `+`, for a message that can be objected to
    pub reply_tag: Option<&'a str>,
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

impl<'a> Post<'a> {
    /// A message made now that begins a conversation of this name, calls nobody and is of no team's rule.
    #[must_use]
    pub fn new(message: &'a Message, thread: &'a str, (at, links): (Timestamp, &'a Links)) -> Self {
        Self {
            id: at.as_microsecond(),
            message,
            thread,
            thread_label: thread,
            alias: "",
            root: None,
            mentions: &[],
            reply_to: None,
            reply_tag: None,
            team: "",
            rule: "",
            kind: "",
            at,
            links,
        }
    }
}

/// What a message does where it goes, as far as a channel can: what it can't do becomes the next best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    /// It is a message of its own
    Post,
    /// It answers to the conversation's first message
    Reply {
        /// What the channel calls that message
        root: &'a str,
        /// It is shown in the channel as well
        broadcast: bool,
    },
    /// It takes the place of the conversation's first message
    Edit(&'a str),
}

impl<'a> Post<'a> {
    /// As much of the alias as tells two conversations apart.
    fn short_alias(&self) -> &'a str {
        self.alias.get(..16).unwrap_or(self.alias)
    }

    fn step(&self) -> Step<'a> {
        match (self.root, self.message.manner) {
            (None, _) | (_, Manner::Post) => Step::Post,
            (Some(root), Manner::Reply) => Step::Reply { root, broadcast: false },
            (Some(root), Manner::Broadcast) => Step::Reply { root, broadcast: true },
            (Some(root), Manner::Edit) => Step::Edit(root),
        }
    }
}

/// What others say goes into the ledger and the console: one line of it is enough.
fn line(text: &str) -> String {
    shorten(&clean(text), 300)
}

/// What stands at the end of a message's quiet line, each with its words.
fn ways_out(links: &Links) -> impl Iterator<Item = (&'static str, &str)> {
    let ways =
        [("Object", &links.object), ("Mute this conversation", &links.mute), ("Unsubscribe", &links.unsubscribe)];
    ways.into_iter().filter_map(|(words, url)| Some((words, url.as_deref()?)))
}

/// The quiet line's words where a dot stands between them and the ways out, if there are any: without a full stop before it.
fn reason<'a>(post: &Post<'a>) -> &'a str {
    let why = post.message.why.as_str();
    if ways_out(post.links).next().is_some() { why.trim_end_matches('.') } else { why }
}

/// U+2060 WORD JOINER, which nobody sees and no value has: it breaks up what a service would take for more than text.
const JOINER: char = '\u{2060}';

/// Parts with a gap between each two, without those that say nothing.
fn joined<const N: usize>(parts: [String; N], gap: &str) -> String {
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(gap)
}

/// Whether it is a number, as some services call their messages: what goes into an address must be nothing else.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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
    names: Names,
    smtp: Option<Smtp>,
    jira: Option<Access>,
    http: Http,
    github: Tokens,
    rooms: matrix::Rooms,
}

impl Channels {
    /// The channels of a configuration, and what conversations are called that may not be named.
    #[must_use]
    pub fn new(settings: ChannelSettings, names: Names) -> Self {
        Self::with_deadlines(settings, names, (MAIL_DEADLINE, HTTP_DEADLINE))
    }

    fn with_deadlines(settings: ChannelSettings, names: Names, (mail, http): (Duration, Duration)) -> Self {
        let smtp = settings.email.as_ref().and_then(|email| email.smtp.clone());
        let jira = settings.jira.clone().map(Access::new);
        let smtp = smtp.map(|smtp| Smtp::new(smtp, mail));
        let (github, rooms) = (Tokens::default(), matrix::Rooms::default());
        Self { smtp, jira, http: Http::new(http), github, rooms, names, settings }
    }

    /// Sends a message, within a deadline. Whom the message calls, who answers go to, and the conversation's alias are looked up
    /// here.
    pub async fn send(&self, to: &Destination, post: &Post<'_>) -> Outcome {
        let route = match self.route(to) {
            Ok(route) => route,
            Err(error) => return Outcome::permanent(error),
        };
        let called = post.message.mention.iter().filter_map(|login| name_on(to, login, self.settings.person(login)));
        let reply_to = post.message.reply_to.as_deref().and_then(|login| self.settings.person(login));
        let reply_to = reply_to.and_then(|person| Some(Mailbox::new(None, person.email.clone()?)));
        let mentions = called.collect::<Vec<_>>();
        let alias = self.names.of(post.thread);
        let post = &Post { alias: &alias, mentions: &mentions, reply_to: reply_to.as_ref(), ..*post };
        let secrets = route.secrets();
        let outcome = self.hand_over(route, to, post).await;
        outcome.map_error(|error| secrets.mask(&error))
    }

    async fn hand_over(&self, route: Route<'_>, to: &Destination, post: &Post<'_>) -> Outcome {
        match route {
            Route::Smtp(..) | Route::Mailbox => self.mail(&route, to, post).await,
            Route::Slack(slack, channel) => slack::send(&self.http, slack, channel, post).await,
            Route::SlackWebhook(hook) => slack_webhook::send(&self.http, hook, post).await,
            Route::Teams(hook) => teams::send(&self.http, hook, post).await,
            Route::Discord(discord) => discord::send(&self.http, discord, post).await,
            Route::GoogleChat(hook) => google_chat::send(&self.http, hook, post).await,
            Route::Mattermost(api, channel) => mattermost::send(&self.http, api, channel, post).await,
            Route::MattermostWebhook(hook) => mattermost_webhook::send(&self.http, hook, post).await,
            Route::RocketChat(api, room) => rocket_chat::send(&self.http, api, room, post).await,
            Route::Matrix(api, room) => matrix::send(&self.http, (&self.rooms, api), room, post).await,
            Route::Zulip(api, stream) => zulip::send(&self.http, api, stream, post).await,
            Route::Webhook(hook) => webhook::send(&self.http, hook, post).await,
            Route::Github(api) => github::send(&self.http, (&self.github, api), post).await,
            Route::Jira(access, _) => jira::send(&self.http, access, post).await,
        }
    }

    async fn mail(&self, route: &Route<'_>, to: &Destination, post: &Post<'_>) -> Outcome {
        match email::compose(&self.sender(), to, post) {
            Ok(mail) => mail.sent(match route {
                Route::Smtp(smtp, address) => smtp.send(&mail, address).await,
                _ => mailbox::write(&self.settings.mailbox, post, &mail).await,
            }),
            Err(error) => Outcome::permanent(error),
        }
    }

    /// A message as [`Self::send`] would write it.
    #[must_use]
    pub fn preview(&self, to: &Destination, post: &Post<'_>) -> Preview {
        let message = post.message;
        let html = match self.route(to) {
            Ok(Route::Smtp(..) | Route::Mailbox | Route::Webhook(_)) => Some(html::page(post)),
            _ => None,
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
            Destination::Email(address) if settings.mail_allowed().is_some_and(|allowed| !allowed.allows(address)) => {
                return Err("`[email] allow` does not let mail go there".to_owned());
            }
            Destination::Email(address) => {
                Some(self.smtp.as_ref().map_or(Route::Mailbox, |smtp| Route::Smtp(smtp, address)))
            }
            Destination::Slack(channel) => settings.slack.as_ref().map(|api| Route::Slack(api, channel)),
            Destination::SlackWebhook(name) => settings.slack_webhooks.get(name).map(Route::SlackWebhook),
            Destination::Teams(name) => settings.teams.get(name).map(Route::Teams),
            Destination::Discord(name) => settings.discord.get(name).map(Route::Discord),
            Destination::GoogleChat(name) => settings.google_chat.get(name).map(Route::GoogleChat),
            Destination::Mattermost(channel) => settings.mattermost.as_ref().map(|api| Route::Mattermost(api, channel)),
            Destination::MattermostWebhook(name) => {
                settings.mattermost_webhooks.get(name).map(Route::MattermostWebhook)
            }
            Destination::RocketChat(room) => settings.rocket_chat.as_ref().map(|api| Route::RocketChat(api, room)),
            Destination::Matrix(room) => settings.matrix.as_ref().map(|api| Route::Matrix(api, room)),
            Destination::Zulip(stream) => settings.zulip.as_ref().map(|api| Route::Zulip(api, stream)),
            Destination::Webhook(name) => settings.webhooks.get(name).map(Route::Webhook),
            Destination::Github => settings.github.as_ref().map(Route::Github),
            Destination::Jira => {
                self.jira.as_ref().zip(settings.jira.as_ref()).map(|(access, api)| Route::Jira(access, api))
            }
        };
        match found {
            Some(route) => Ok(route),
            None if settings.is_bare() => Ok(Route::Mailbox),
            None => Err(format!("{to} needs {}", settings.missing(to).unwrap_or_default())),
        }
    }

    fn sender(&self) -> Sender {
        self.settings.email.as_ref().map_or_else(Sender::local, Sender::new)
    }
}

/// What a destination's channel calls somebody. On GitHub that is the login itself.
fn name_on<'a>(to: &Destination, login: &'a str, person: Option<&'a Person>) -> Option<&'a str> {
    let person = match (to, person) {
        (Destination::Github, _) => return Some(login),
        (_, person) => person?,
    };
    match to {
        Destination::Slack(_) | Destination::SlackWebhook(_) => person.slack.as_deref(),
        Destination::Teams(_) => person.teams.as_deref(),
        Destination::Discord(_) => person.discord.as_deref(),
        Destination::GoogleChat(_) => person.google_chat.as_deref(),
        Destination::Mattermost(_) | Destination::MattermostWebhook(_) => person.mattermost.as_deref(),
        Destination::RocketChat(_) => person.rocket_chat.as_deref(),
        Destination::Matrix(_) => person.matrix.as_deref(),
        Destination::Zulip(_) => person.zulip.as_deref(),
        Destination::Jira => person.jira.as_deref(),
        Destination::Email(_) | Destination::Webhook(_) | Destination::Mailbox | Destination::Github => None,
    }
}

/// About how many letters a message can have at a destination before it has to be shortened: what is put together from
/// several updates is divided by that.
#[must_use]
pub fn room(to: &Destination) -> usize {
    match to {
        Destination::Slack(_) | Destination::SlackWebhook(_) => slack::ROOM,
        Destination::Teams(_) => teams::ROOM,
        Destination::Discord(_) => discord::ROOM,
        Destination::GoogleChat(_) => google_chat::ROOM,
        Destination::Mattermost(_) | Destination::MattermostWebhook(_) => mattermost::ROOM,
        Destination::RocketChat(_) => rocket_chat::ROOM,
        Destination::Matrix(_) => matrix::ROOM,
        Destination::Zulip(_) => zulip::ROOM,
        Destination::Github => github::ROOM,
        Destination::Jira => jira::ROOM,
        Destination::Email(_) | Destination::Webhook(_) | Destination::Mailbox => usize::MAX,
    }
}

#[cfg(test)]
mod listener;
#[cfg(test)]
mod tests;
