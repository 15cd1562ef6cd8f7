//! What a payload would lead to: its event, what each rule makes of it, and the messages. It only computes; the command
//! `explain` and the playground show it.

mod at;
mod view;

use jiff::Timestamp;

pub use self::at::{At, Goes, goes};
pub use self::view::{EventView, GoesView, MessageView, RuleView, View};
use crate::channel::{Channels, Post, Preview};
use crate::compose::{self, Rulebook, Telling};
use crate::destination::Destination;
use crate::event::{Event, Source};
use crate::intake::understand;
use crate::plan::{self, Evaluated};
use crate::reason::{Code, Reason};
use crate::rule::{Rule, Team, Verdict};
use crate::source::{self, Parsed, Settings};
use crate::store::Incoming;
use crate::template::{Links, Message, RenderError};
use crate::track::{self, Tracked};

/// What is explained.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Who sent it
    pub source: Source,
    /// GitHub's name for the event; empty for Jira
    pub event: String,
    /// The body
    pub body: Vec<u8>,
    /// When it came
    pub received: Timestamp,
}

impl From<Incoming> for Payload {
    fn from(Incoming { source, name, body, received, .. }: Incoming) -> Self {
        Self { source, event: name, body, received }
    }
}

/// By what a payload is explained.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// How payloads are read
    pub settings: &'a Settings,
    /// The rules and templates
    pub rulebook: &'a Rulebook,
    /// How messages look
    pub channels: &'a Channels,
    /// When the event would come, if that is asked; by default now, and then nobody asks when a message would be sent
    pub at: Option<At>,
    /// Only the rules of this team
    pub team: Option<&'a str>,
}

/// What a payload leads to.
#[derive(Debug)]
pub enum Explained<'a> {
    /// No rule can ask for it
    Ignored(Reason),
    /// It tells of something
    Events(Explanation<'a>),
}

impl Explained<'_> {
    /// Why messages can't be written.
    pub fn errors(&self) -> impl Iterator<Item = &RenderError> {
        let messages = match self {
            Self::Ignored(_) => &[],
            Self::Events(explanation) => explanation.messages.as_slice(),
        };
        messages.iter().filter_map(|would| would.preview.as_ref().err())
    }
}

/// What a payload tells of, and what comes of that.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The events, each with the state of its subject
    pub tracked: Vec<Tracked>,
    /// Each rule with its result
    pub lines: Vec<Line<'a>>,
    /// The messages that would be sent
    pub messages: Vec<Would<'a>>,
}

/// A rule, with its result for the event.
#[derive(Debug)]
pub struct Line<'a> {
    /// The result
    pub evaluated: Evaluated<'a>,
    /// When its message would be sent, if that is asked; the inner `None` is for a rule that doesn't match
    pub goes: Option<Option<Goes>>,
}

impl<'a> Line<'a> {
    fn new(evaluated: Evaluated<'a>, at: Option<At>) -> Self {
        let matches = evaluated.verdict == Verdict::Match;
        let goes = at.map(|at| matches.then(|| goes(evaluated.team, evaluated.rule, at)));
        Self { evaluated, goes }
    }

    /// Whether the rule matches.
    #[must_use]
    pub fn matches(&self) -> bool {
        self.evaluated.verdict == Verdict::Match
    }

    /// Why the rule matches, or why it doesn't.
    #[must_use]
    pub fn because(&self) -> String {
        match &self.evaluated.verdict {
            Verdict::Match => self.evaluated.by.join("; "),
            Verdict::Miss { because, .. } | Verdict::Suppressed { because } => because.to_string(),
        }
    }

    /// Why the rule doesn't match, for programs.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match &self.evaluated.verdict {
            Verdict::Match => None,
            Verdict::Miss { because, .. } | Verdict::Suppressed { because } => Some(because.code()),
        }
    }
}

/// A message that would be sent.
#[derive(Debug)]
pub struct Would<'a> {
    /// The team
    pub team: &'a str,
    /// The rule
    pub rule: &'a str,
    /// The destination
    pub destination: String,
    /// How it looks there, or why it can't be written
    pub preview: Result<Preview, RenderError>,
}

/// Explains a payload.
#[must_use]
pub fn explain<'a>(payload: &Payload, means: Means<'a>) -> Explained<'a> {
    let Payload { source, event, body, received } = payload;
    let mut events = match understand(*source, event, body, *received, means.settings) {
        Parsed::Ignored(reason) => return Explained::Ignored(reason),
        Parsed::Events(events) => events,
    };
    events.iter_mut().for_each(at_home);
    let tracked = events.into_iter().map(|event| track::track(None, event)).collect::<Vec<_>>();
    let evaluated = plan::evaluate_all(&tracked, means.rulebook.rules());
    let lines = evaluated.into_iter().filter(|evaluated| is_asked(&means, evaluated.team));
    let lines = lines.map(|evaluated| Line::new(evaluated, means.at)).collect();
    let messages = messages(&tracked, &means);
    Explained::Events(Explanation { tracked, lines, messages })
}

/// A payload alone says nothing about other hosts, or about people whom it doesn't name.
fn at_home(event: &mut Event) {
    event.host = None;
    source::name_people(event, &|_| None);
}

fn is_asked(means: &Means<'_>, team: &Team) -> bool {
    means.team.is_none_or(|asked| asked == team.name)
}

fn messages<'a>(tracked: &[Tracked], means: &Means<'a>) -> Vec<Would<'a>> {
    let Means { rulebook, channels, at, .. } = *means;
    let (mut would, mut said) = (Vec::new(), Vec::new());
    for (nth, tracked) in tracked.iter().enumerate() {
        for (team, rule, kind) in plan::matching(tracked, rulebook.rules()) {
            let event = &Event { kind, ..tracked.event.clone() };
            let now = at.map_or_else(Timestamp::now, |at| goes(team, rule, at).at);
            if !is_asked(means, team) || compose::withheld(team, event, None).is_some() {
                continue;
            }
            let ticket = tracked.ticket_as(kind);
            let message = rulebook.compose(&Telling { event, ticket, team, rule, line: None, now });
            for to in plan::destinations(rule) {
                // If several rules of a team send the same words about an event to one destination, they are sent once.
                let words = (nth, &team.name, to.clone(), message.as_ref().ok().map(|message| message.body.clone()));
                if message.is_ok() && said.contains(&words) {
                    continue;
                }
                let preview = message.as_ref().map(|message| preview(channels, (team, rule, event), &to, message));
                let preview = preview.map_err(Clone::clone);
                would.push(Would { team: &team.name, rule: &rule.name, destination: to.to_string(), preview });
                said.push(words);
            }
        }
    }
    would
}

fn preview(
    channels: &Channels,
    (team, rule, event): (&Team, &Rule, &Event),
    to: &Destination,
    message: &Message,
) -> Preview {
    let thread = &track::conversation(event);
    let links = Links::default();
    let post = Post {
        id: 0,
        team: &team.name,
        rule: &rule.name,
        kind: event.kind.as_str(),
        ..Post::new(message, thread, (event.at, &links))
    };
    channels.preview(to, &post)
}
