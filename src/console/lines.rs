//! Lines of the ledger as a visitor may see them: words that are restricted, private, changed or removed are left out, as they
//! are in messages.

mod show;

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Console;
use super::access::Visitor;
use super::page::{inert, web_address};
use crate::compose::Rulebook;
use crate::event::{Change, Event};
use crate::reason::Reason;
use crate::store::{EntryState, EventRecord, Record, SendRecord, SendState, Unsent};
use crate::template::{Message, clean};

/// Why words aren't shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Hidden {
    /// A ticket that they are about has a security level
    Restricted,
    /// They are about a private repository
    Private,
    /// They were changed, deleted or taken back since
    Changed,
    /// They were removed from the store
    Removed,
    /// They stand in a message about several conversations
    Shared,
}

impl Hidden {
    /// In words.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Restricted => "The ticket has a security level, so the words aren't shown.",
            Self::Private => "The repository is private, so the words aren't shown.",
            Self::Changed => "It was changed or taken back since, so the words aren't shown.",
            Self::Removed => "The words were taken back, or removed (`microalign store forget`).",
            Self::Shared => "It was told in a message about several conversations.",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EventView {
    /// Its number
    id: i64,
    /// When it happened
    #[schemars(with = "String")]
    pub(super) at: Timestamp,
    /// Its kind; nothing if that isn't to be known
    kind: Option<String>,
    /// What it is about
    subject: String,
    /// Its page
    url: Option<String>,
    /// Who did it
    actor: Option<String>,
    /// What changed
    change: Option<String>,
    /// What was noted for other teams
    note: Option<String>,
    /// What was written
    comment: Option<String>,
    /// It puts other words in the place of a note
    edits: bool,
    /// It takes a note back
    takes_back: bool,
    /// Why its words aren't shown
    hidden: Option<Hidden>,
}

/// What became of it for a team.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LineView {
    /// `delivery.line`, as commands take it
    pub(super) line: String,
    /// The team, if it reached a rule
    pub(super) team: Option<String>,
    /// The rule
    rule: Option<String>,
    /// What became of it
    #[schemars(with = "String")]
    pub(super) state: EntryState,
    /// Why
    reason: String,
    /// It tells the author of an assumption what came of it
    tells_author: bool,
    /// It carries what somebody answered, or says why that isn't carried
    carries_answer: bool,
    /// When it was planned
    #[schemars(with = "String")]
    pub(super) at: Timestamp,
    /// Until when it waits
    #[schemars(with = "Option<String>")]
    due: Option<Timestamp>,
    /// Until when the team can object
    #[schemars(with = "Option<String>")]
    pub(super) object_by: Option<Timestamp>,
    /// The message's subject
    subject: Option<String>,
    /// The message
    text: Option<String>,
    /// The line whose message tells this one, too
    told_with: Option<String>,
    /// Why the words of the message aren't shown
    hidden: Option<Hidden>,
    /// Where it goes
    sends: Vec<SendView>,
    /// What people have against the assumption
    pub(super) objections: Vec<ObjectionView>,
    /// Who agreed to it
    pub(super) agreements: Vec<AgreementView>,
    #[serde(skip)]
    message: Option<Message>,
}

/// A message to a destination.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SendView {
    /// Where to
    destination: String,
    /// Where it is
    state: SendState,
    /// How often it was tried
    attempts: i64,
    /// When it is tried next
    #[schemars(with = "Option<String>")]
    next: Option<Timestamp>,
    /// When it arrived
    #[schemars(with = "Option<String>")]
    sent: Option<Timestamp>,
    /// What went wrong last
    error: Option<String>,
}

/// What somebody has against an assumption.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ObjectionView {
    /// Who, as they say
    by: Option<String>,
    /// By link, mail or Slack
    through: String,
    /// What they wrote
    text: Option<String>,
    /// When
    #[schemars(with = "String")]
    at: Timestamp,
    /// Why that isn't shown
    hidden: Option<Hidden>,
}

/// Somebody who agreed to an assumption.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AgreementView {
    /// Who, as they are called there
    by: Option<String>,
    /// In Slack
    through: String,
    /// When
    #[schemars(with = "String")]
    at: Timestamp,
}

/// What decides how much of a line somebody sees.
pub(super) struct Eyes<'v> {
    visitor: &'v Visitor,
    rulebook: Arc<Rulebook>,
    /// They see as the readers of teams do that have readers outside
    outside: bool,
}

impl<'v> Eyes<'v> {
    pub(super) fn new(console: &Console, visitor: &'v Visitor) -> Self {
        let rulebook = Arc::clone(&console.rulebook.borrow());
        let outside = !visitor.sees_everything();
        Self { visitor, rulebook, outside }
    }

    /// Whether the rule of a line may say everything about restricted tickets, and the visitor reads what it says.
    fn may_read(&self, record: &Record) -> bool {
        let (Some(team), Some(rule)) = (&record.team, &record.rule) else { return false };
        let rule = self.rulebook.rules().find(team, rule);
        rule.is_some_and(|(_, rule)| rule.restricted) && self.visitor.reads(Some(team))
    }

    /// Whether a message that waits or failed can be shown: it is as it was written, and the work may be restricted since.
    pub(super) fn shows(&self, send: &Unsent, message: &Message) -> bool {
        let restricted = send.restricted && !message.restricted && !message.own_subject;
        let private = self.outside && send.private && !message.private;
        !(restricted || private)
    }

    fn is_private(&self, record: &Record) -> bool {
        self.outside && (record.private || record.event.as_ref().is_none_or(|event| event.event.is_private()))
    }

    /// Why what a line says of its event isn't shown.
    fn hides(&self, record: &Record, event: Option<&EventRecord>) -> Option<Hidden> {
        let restricted = record.of_restricted || event.is_some_and(|event| is_restricted(&event.event));
        match restricted {
            true => Some(Hidden::Restricted),
            false => self.is_private(record).then_some(Hidden::Private),
        }
    }

    /// What happened, so far as it may be known.
    pub(super) fn event(&self, record: &Record) -> Option<EventView> {
        let known = record.event.as_ref()?;
        let EventRecord { id, event, changed } = &**known;
        let hidden = self.hides(record, Some(known));
        let note = event.note.as_ref();
        let is_removed = |text: &str| text.is_empty() || text == crate::event::FORGOTTEN;
        let removed = note.filter(|note| is_removed(&note.text)).map(|_| Hidden::Removed);
        let stale = note.filter(|note| *changed || note.taken_back).map(|_| Hidden::Changed);
        let shown = |text: Option<&str>| text.filter(|_| hidden.is_none()).map(inert);
        Some(EventView {
            id: *id,
            at: event.at,
            kind: shown(Some(event.kind.as_str()))
                .or_else(|| (hidden == Some(Hidden::Private)).then(|| event.kind.to_string())),
            subject: match hidden {
                Some(Hidden::Private) => event.scope.clone(),
                _ => clean(&event.subject),
            },
            url: shown(web_address(event.url.as_deref().or_else(|| event.about.url()))),
            actor: shown(event.actor.as_ref().map(|actor| actor.name.as_str())),
            change: shown(event.change.as_ref().map(changed_words).as_deref()),
            note: shown(note.map(|note| note.text.as_str())).filter(|_| stale.is_none() && removed.is_none()),
            comment: shown(event.comment.as_ref().map(|comment| comment.summary.as_str())),
            edits: note.is_some_and(|note| note.edited),
            takes_back: note.is_some_and(|note| note.taken_back),
            hidden: hidden.or(removed).or(stale),
        })
    }

    /// A line, so far as it may be known.
    pub(super) fn line(&self, record: Record) -> LineView {
        let about = self.hides(&record, record.event.as_deref());
        let hidden = self.hides_message(&record, about);
        let message = record.message.clone().filter(|_| hidden.is_none());
        let bare = about.is_some() || record.by_restricted;
        let reason = if bare { record.reason.code().describe().to_owned() } else { sentence(&record) };
        let objections = record.objections.iter().map(|objection| {
            let hidden = about.or(objection.text.is_empty().then_some(Hidden::Removed));
            let text = |text: &String| Some(inert(text)).filter(|text| about.is_none() && !text.is_empty());
            ObjectionView {
                by: text(&objection.by),
                through: objection.through.to_string(),
                text: text(&objection.text),
                at: objection.at,
                hidden,
            }
        });
        let agreements = record.agreements.iter().map(|agreement| AgreementView {
            by: Some(inert(&agreement.by)).filter(|by| about.is_none() && !by.is_empty()),
            through: agreement.through.to_string(),
            at: agreement.at,
        });
        LineView {
            agreements: agreements.collect(),
            objections: objections.collect(),
            line: record.line.to_string(),
            state: record.state,
            reason,
            tells_author: record.tells_author,
            carries_answer: record.carries,
            at: record.at,
            due: record.due,
            object_by: record.object_by,
            subject: message.as_ref().map(|message| message.subject.clone()),
            text: message.as_ref().map(Message::text),
            told_with: record.lead,
            hidden,
            sends: record.sends.into_iter().map(SendView::from).collect(),
            team: record.team,
            rule: record.rule,
            message,
        }
    }

    /// Why the words of a line's message aren't shown.
    fn hides_message(&self, record: &Record, about: Option<Hidden>) -> Option<Hidden> {
        if record.forgotten {
            return Some(Hidden::Removed);
        }
        let message = record.message.as_ref()?;
        if record.shared {
            return Some(Hidden::Shared);
        }
        // Nothing is hidden in what was written while the ticket was known to be restricted.
        let told_of_restricted = record.of_restricted || record.by_restricted || about == Some(Hidden::Restricted);
        if told_of_restricted && !message.restricted && !message.own_subject && !self.may_read(record) {
            return Some(Hidden::Restricted);
        }
        if self.is_private(record) && !message.private {
            return Some(Hidden::Private);
        }
        let takes_back = |event: &Event| event.note.as_ref().is_some_and(|note| note.taken_back);
        let stale = record.event.as_ref().filter(|known| known.changed || takes_back(&known.event));
        stale.map(|_| Hidden::Changed)
    }
}

fn is_restricted(event: &Event) -> bool {
    crate::track::is_restricted(&event.about)
}

/// Why a line is in its state, and what came of it.
fn sentence(record: &Record) -> String {
    let came = record.outcomes.iter().map(Reason::to_string);
    let said = std::iter::once(record.reason.to_string()).chain(came);
    said.collect::<Vec<_>>().join("; ")
}

/// What changed. Old titles and descriptions aren't said again: somebody changed them.
fn changed_words(change: &Change) -> String {
    let name = change.name.as_deref().unwrap_or(&change.field);
    let is_text = matches!(change.field.as_str(), "title" | "summary" | "description" | "body");
    match (&change.from, &change.to) {
        _ if is_text => name.to_owned(),
        (Some(from), Some(to)) => format!("{name}: {from} → {to}"),
        (None, Some(to)) => format!("{name}: {to}"),
        (Some(from), None) => format!("{name}: no longer {from}"),
        (None, None) => name.to_owned(),
    }
}

impl From<SendRecord> for SendView {
    fn from(SendRecord { destination, state, attempts, next, sent, error }: SendRecord) -> Self {
        Self { destination, state, attempts, next, sent, error: error.as_deref().map(inert) }
    }
}
