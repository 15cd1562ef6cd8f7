//! Where messages go out: one file for each channel, which writes the message's tree in the channel's dialect, sends it,
//! and says which failures are worth another try. When a send is tried, and when again, is up to [`crate::dispatch`].
//!
//! A chat or a webhook is one file, and one line in `chats`: the file has its [`ChannelSpec`], its tables in
//! `microalign.toml`, and `read` and `send`.

mod chats;
mod email;
mod fit;
mod github;
mod github_token;
mod html;
mod http;
mod jira;
mod mailbox;
mod markdown;
mod names;
mod outcome;
mod person;
mod rate_limiter;
mod settings;
mod simplify;
mod table;
mod wiki;

pub(crate) mod discord;
pub(crate) mod google_chat;
pub(crate) mod matrix;
pub(crate) mod mattermost;
pub(crate) mod mattermost_webhook;
pub(crate) mod rocket_chat;
pub(crate) mod slack;
pub(crate) mod slack_webhook;
pub(crate) mod teams;
pub(crate) mod webhook;
pub(crate) mod zulip;

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::Mailbox;

pub(crate) use self::chats::chats;
pub use self::chats::{CHANNELS, Chat};
pub use self::email::{DkimSettings, EmailSettings, EmailTable, MailServer, MailTls, ReplySettings};
pub(crate) use self::email::{read as read_email, tls_settings};
pub use self::html::body as html_body;
pub use self::http::{choose_tls_provider, http_client};
pub use self::names::Names;
pub use self::outcome::Outcome;
pub(crate) use self::person::read as read_people;
pub use self::person::{Handle, People, Person, PersonTable};
pub use self::settings::ChannelSettings;
pub use self::slack::{
    AGREE, MUTE, OBJECT, Settings as SlackSettings, Subscribing, is_id as is_slack_id, spoken as in_slack,
};
pub use self::table::Hook;

use self::email::{Sender, Smtp};
use self::github_token::Tokens;
use self::http::Http;
use self::person::NOBODY;
use crate::api::github::GithubApi;
use crate::api::jira::{Access, JiraApi};
use crate::destination::{self, ChannelSpec, Destination, Manner, PersonKey};
use crate::template::{Links, Message, clean, shorten};

/// A message on its way to one destination.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Identifies this send, and is the same for every attempt
    pub id: i64,
    /// What it says
    pub message: &'a Message,
    /// The conversation it belongs to: a ticket's key, or what it is about, such as `owner/repo#45`
    pub thread: &'a str,
    /// What readers call the conversation
    pub thread_label: &'a str,
    /// The conversation's alias, where neither may be shown; [`Channels::send`] sets it
    pub alias: &'a str,
    /// The reference of the conversation's first message there, from [`Outcome::Sent`]
    pub root: Option<&'a str>,
    /// Whether it is not written again where somebody deleted it
    pub stays_away: bool,
    /// Whom it mentions, by their names in the channel
    pub mentions: &'a [&'a str],
    /// Where answers are sent
    pub reply_to: Option<&'a Mailbox>,
    /// Who people are that others were asked about. What the operator wrote goes before
    pub found: &'a People,
    /// What follows the `+` in the address for answers, for a message that people can object to
    pub reply_tag: Option<&'a str>,
    /// The team it is for
    pub team: &'a str,
    /// The rule that matched
    pub rule: &'a str,
    /// The event's kind
    pub kind: &'a str,
    /// When the update was made
    pub at: Timestamp,
    /// The links to object, mute and unsubscribe
    pub links: &'a Links,
    /// The same for a channel with buttons; [`Channels::send`] removes them for any other
    pub buttons: &'a Buttons,
}

/// What the buttons of a message do: each has the token of a link, signed, which says what that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buttons {
    /// Objects or agrees to an assumption
    pub assumption: Option<String>,
    /// Mutes the conversation
    pub mute: Option<String>,
}

/// A message without buttons.
pub(super) static NO_BUTTONS: Buttons = Buttons { assumption: None, mute: None };

impl<'a> Post<'a> {
    /// A message made now, which begins a conversation of this name, mentions nobody and belongs to no rule.
    #[must_use]
    pub fn new(message: &'a Message, thread: &'a str, (at, links): (Timestamp, &'a Links)) -> Self {
        Self {
            id: at.as_microsecond(),
            message,
            thread,
            thread_label: thread,
            alias: "",
            root: None,
            stays_away: false,
            mentions: &[],
            reply_to: None,
            found: &NOBODY,
            reply_tag: None,
            team: "",
            rule: "",
            kind: "",
            at,
            links,
            buttons: &NO_BUTTONS,
        }
    }
}

/// What a message does at its destination. A channel that can't do it does the next best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    /// It is a message of its own
    Post,
    /// It answers the conversation's first message
    Reply {
        /// The reference of that message
        root: &'a str,
        /// It is shown in the channel as well
        broadcast: bool,
    },
    /// It replaces the conversation's first message
    Edit(&'a str),
}

impl<'a> Post<'a> {
    /// Enough of the alias to tell two conversations apart.
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

/// One line of what another service says, which is enough for the ledger and the console.
fn line(text: &str) -> String {
    shorten(&clean(text), 300)
}

/// The links at the end of a message's quiet line, each with its text.
fn ways_out(links: &Links) -> impl Iterator<Item = (&'static str, &str)> {
    let ways =
        [("Object", &links.object), ("Mute this conversation", &links.mute), ("Unsubscribe", &links.unsubscribe)];
    ways.into_iter().filter_map(|(words, url)| Some((words, url.as_deref()?)))
}

/// The quiet line's text. If links follow it after a dot, it has no full stop.
fn reason<'a>(post: &Post<'a>) -> &'a str {
    let why = post.message.why.as_str();
    if ways_out(post.links).next().is_some() { why.trim_end_matches('.') } else { why }
}

/// U+2060 WORD JOINER, which is invisible and in no value. It breaks up what a service would take for markup, a link or a
/// mention.
const JOINER: char = '\u{2060}';

/// Why a comment that isn't to be written again can't be edited.
const DELETED: &str = "somebody deleted the comment";

/// What readers are told whose answers are carried.
const CARRIED: &str = "What you answer becomes a comment there, with your name.";

/// Joins the parts that aren't blank.
fn joined<const N: usize>(parts: [String; N], gap: &str) -> String {
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(gap)
}

/// Whether a text is a number, which some services have for ids. Only a number may become part of an address.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A message as a destination shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its subject
    pub subject: String,
    /// Its text
    pub text: String,
    /// Its HTML, if the destination accepts HTML
    pub html: Option<String>,
}

/// A send that takes longer is cancelled.
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
}

/// What takes a message for a destination, with what the operator set up for it.
enum Route<'a> {
    Smtp(&'a Smtp, &'a str),
    Mailbox,
    Chat(&'a Chat, &'a str),
    Github(&'a GithubApi),
    Jira(&'a Access, &'a JiraApi),
}

impl Route<'_> {
    /// Whether somebody hears of it when a button of ours is pressed there.
    fn has_buttons(&self) -> bool {
        matches!(self, Self::Chat(Chat::Slack(settings), _) if settings.signing_secret.is_some())
    }
}

impl Channels {
    /// The channels of a configuration, with the aliases of conversations that may not be named.
    #[must_use]
    pub fn new(settings: ChannelSettings, names: Names) -> Self {
        Self::with_deadlines(settings, names, (MAIL_DEADLINE, HTTP_DEADLINE))
    }

    fn with_deadlines(settings: ChannelSettings, names: Names, (mail, http): (Duration, Duration)) -> Self {
        let smtp = settings.email.as_ref().and_then(|email| email.smtp.clone());
        let jira = settings.jira.clone().map(Access::new);
        let smtp = smtp.map(|smtp| Smtp::new(smtp, mail));
        Self { smtp, jira, http: Http::new(http), github: Tokens::default(), names, settings }
    }

    /// So many processes send by the same settings: together they keep to the services' limits.
    pub fn share(&self, among: usize) {
        self.http.share(u32::try_from(among).unwrap_or(u32::MAX));
    }

    /// Sends a message, within a deadline. Whom the message mentions, who gets answers, and the conversation's alias are
    /// looked up here.
    pub async fn send(&self, to: &Destination, post: &Post<'_>) -> Outcome {
        let addressed = self.addressed(to, post.found);
        let (to, route) = match addressed.as_ref().map(|to| (to, self.route(to))) {
            Ok((to, Ok(route))) => (to, route),
            Ok((_, Err(error))) => return Outcome::permanent(error),
            Err(error) => return Outcome::permanent(error.clone()),
        };
        let mentions =
            post.message.mention.iter().filter_map(|who| self.name_at(to, who, post.found)).collect::<Vec<_>>();
        let reply_to = post.message.reply_to.as_deref().map(Handle::read);
        let reply_to = reply_to.and_then(|who| self.name_of(who, &email::PERSON, post.found)?.parse().ok());
        let reply_to = reply_to.map(|address| Mailbox::new(None, address));
        let alias = self.names.of(post.thread);
        let buttons = if route.has_buttons() { post.buttons } else { &NO_BUTTONS };
        let promising = self.promising(&route, post);
        let post = Post { message: promising.as_ref().unwrap_or(post.message), ..*post };
        let post = &Post { alias: &alias, mentions: &mentions, reply_to: reply_to.as_ref(), buttons, ..post };
        let (outcome, mask) = match route {
            Route::Smtp(smtp, _) => (self.mail(&route, to, post).await, smtp.mask()),
            Route::Mailbox => return self.mail(&route, to, post).await,
            Route::Chat(chat, place) => (chat.send(&self.http, place, post).await, chat.mask()),
            Route::Github(api) => (github::send(&self.http, (&self.github, api), post).await, api.mask()),
            Route::Jira(access, api) => (jira::send(&self.http, access, post).await, api.mask()),
        };
        outcome.map_error(|error| mask.apply(&error))
    }

    /// The message with a sentence on what becomes of answers, if they are carried and can be heard there.
    fn promising(&self, route: &Route<'_>, post: &Post<'_>) -> Option<Message> {
        let hears = match route {
            Route::Smtp(..) | Route::Mailbox => {
                post.reply_tag.is_some() && self.settings.email.as_ref().is_some_and(|email| email.replies.is_some())
            }
            Route::Chat(Chat::Slack(settings), _) => settings.signing_secret.is_some(),
            Route::Chat(..) | Route::Github(_) | Route::Jira(..) => false,
        };
        let why = format!("{} {CARRIED}", post.message.why);
        (hears && post.message.answers).then(|| Message { why: why.trim_start().to_owned(), ..post.message.clone() })
    }

    async fn mail(&self, route: &Route<'_>, to: &Destination, post: &Post<'_>) -> Outcome {
        let sender = self.settings.email.as_ref().map_or_else(Sender::local, Sender::new);
        match email::compose(&sender, to, post) {
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
            Ok(Route::Smtp(..) | Route::Mailbox | Route::Chat(Chat::Webhook(_), _)) => Some(html::page(post)),
            _ => None,
        };
        Preview { subject: message.subject.clone(), text: message.text(), html }
    }

    /// The mailbox's folder, for a destination whose messages are written there although it is another.
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
            Destination::Email(address)
                if to.login().is_none() && settings.mail_allowed().is_some_and(|allowed| !allowed.allows(address)) =>
            {
                return Err("`[email] allow` doesn't allow mail to this address".to_owned());
            }
            Destination::Email(address) => {
                Some(self.smtp.as_ref().map_or(Route::Mailbox, |smtp| Route::Smtp(smtp, address)))
            }
            Destination::Chat { channel, place } => {
                let Some(spec) = spec(channel) else { return Err(format!("there is no channel `{channel}`")) };
                settings.chats.get(&spec.table(place)).map(|chat| Route::Chat(chat, place))
            }
            Destination::Github => settings.github.as_ref().map(Route::Github),
            Destination::Jira => {
                self.jira.as_ref().zip(settings.jira.as_ref()).map(|(access, api)| Route::Jira(access, api))
            }
        };
        match found {
            Some(route) => Ok(route),
            None if !settings.is_set_up() => Ok(Route::Mailbox),
            None => Err(format!("{to} needs {}", settings.available().missing(to).unwrap_or_default())),
        }
    }

    /// What a person is called at a destination. On GitHub that is the login itself, and in Jira the account.
    fn name_at<'a>(&'a self, to: &Destination, who: &'a str, found: &'a People) -> Option<&'a str> {
        let who = Handle::read(who);
        match (to, who) {
            (Destination::Github, Handle::Login(login)) => Some(login),
            (Destination::Jira, Handle::Jira(account)) => Some(account),
            (to, who) => self.name_of(who, person_key(to)?, found),
        }
    }

    /// What a person is called by this key: by the operator, or else by those who were asked.
    fn name_of<'a>(&'a self, who: Handle<'a>, key: &PersonKey, found: &'a People) -> Option<&'a str> {
        let name = |people: &'a People| who.among(people)?.name(key.key);
        name(&self.settings.people).or_else(|| name(found))
    }

    /// Where a message goes that is for a person.
    ///
    /// # Errors
    /// Nobody knows where that is. Slack may know a user of that name itself.
    fn addressed<'a>(&self, to: &'a Destination, found: &People) -> Result<Cow<'a, Destination>, String> {
        let Some(login) = to.login() else { return Ok(Cow::Borrowed(to)) };
        match to {
            Destination::Email(_) => match self.name_of(Handle::Login(login), &email::PERSON, found) {
                Some(address) => Ok(Cow::Owned(Destination::Email(address.to_owned()))),
                None => Err(format!(
                    "nobody knows the mail address of `{login}`: neither `[people.{login}]` nor GitHub has one"
                )),
            },
            Destination::Chat { channel, .. } => {
                let id = person_key(to).and_then(|key| self.name_of(Handle::Login(login), key, found));
                Ok(id.map_or(Cow::Borrowed(to), |id| {
                    Cow::Owned(Destination::Chat { channel: channel.clone(), place: id.to_owned() })
                }))
            }
            _ => Ok(Cow::Borrowed(to)),
        }
    }
}

/// By which key of `[people.LOGIN]` a destination knows people whom a message mentions.
#[must_use]
pub fn person_key(to: &Destination) -> Option<&'static PersonKey> {
    match to {
        Destination::Jira => Some(&jira::PERSON),
        Destination::Chat { channel, .. } => spec(channel)?.person,
        Destination::Github | Destination::Email(_) | Destination::Mailbox => None,
    }
}

fn spec(channel: &str) -> Option<&'static ChannelSpec> {
    destination::find(CHANNELS, channel)
}

/// Reads a destination as people write it, whether or not it is set up.
///
/// # Errors
/// One sentence that says what would be right.
pub fn destination(text: &str) -> Result<Destination, String> {
    destination::read(text, CHANNELS)
}

/// About how many characters a message can have at a destination before it has to be shortened: a message for several
/// updates is divided by that.
#[must_use]
pub fn room(to: &Destination) -> usize {
    match to {
        Destination::Chat { channel, .. } => spec(channel).map_or(usize::MAX, |spec| spec.room),
        Destination::Github => github::ROOM,
        Destination::Jira => jira::ROOM,
        Destination::Email(_) | Destination::Mailbox => usize::MAX,
    }
}

/// The minimum interval between two messages to a destination, where its service asks for one.
#[must_use]
pub fn gap(to: &Destination) -> Option<Duration> {
    let gap = match to {
        Destination::Chat { channel, .. } => spec(channel)?.gap,
        Destination::Github => github::GAP,
        Destination::Email(_) | Destination::Jira | Destination::Mailbox => return None,
    };
    Some(gap).filter(|gap| !gap.is_zero())
}

#[cfg(test)]
mod listener;
#[cfg(test)]
mod tests;
