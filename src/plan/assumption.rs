//! What became of an assumption that was sent to a team: somebody objected, somebody answered, or nobody did.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::destination::Destination;
use crate::event::{About, Event, OccurrenceId};
use crate::reason::Reason;
use crate::rule::{Team, is_member};

/// What came of an assumption whose time to object is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// Its author said something else since
    Changed,
    /// A member of the team wrote in the conversation, where its author reads it
    Answered {
        /// Who
        name: String,
        /// Where
        place: String,
    },
    /// Nobody objected
    Agreed,
}

impl Agreement {
    /// As the ledger has it; `until` is as the team's wall shows it.
    #[must_use]
    pub fn reason(&self, until: Timestamp, zone: &TimeZone) -> Reason {
        let until = zone.to_datetime(until);
        match self {
            Self::Changed => Reason::ChangedBeforeAgreed,
            Self::Answered { name, place } => Reason::Answered { name: name.clone(), place: place.clone(), until },
            Self::Agreed => Reason::Agreed { until },
        }
    }
}

/// What came of an assumption by the time that ends objections. Whatever a member of the team wrote in the conversation
/// `since` is an answer.
#[must_use]
pub fn agreement(assumption: &Event, team: Option<&Team>, (until, since): (Timestamp, &[Event])) -> Agreement {
    let replaces = |event: &Event| event.note.as_ref().and_then(|note| note.replaces.clone());
    let once = assumption.once.as_ref().map(OccurrenceId::original);
    if once.is_some() && since.iter().any(|event| replaces(event) == once) {
        return Agreement::Changed;
    }
    let wrote = |event: &&Event| event.at <= until && (event.comment.is_some() || event.note.is_some());
    let mut answers = since.iter().filter(wrote).filter_map(|event| {
        let actor = event.actor.as_ref().filter(|actor| team.is_some_and(|team| is_member(&team.members, actor)))?;
        let place = event.url.as_deref().unwrap_or(&event.subject);
        Some(Agreement::Answered { name: actor.name.clone(), place: place.to_owned() })
    });
    answers.next().unwrap_or(Agreement::Agreed)
}

/// The channel that can tell the author of a note something where it was made, if there is such a place.
#[must_use]
pub fn author_page(note: &Event) -> Option<Destination> {
    match note.about {
        About::PullRequest(_) | About::Issue(_) => Some(Destination::Github),
        About::Ticket(_) => Some(Destination::Jira),
        About::Thing(_) => None,
    }
}

/// One sentence that says why an answer is on the page of what its message was about.
#[must_use]
pub fn why_answer(team: &str) -> String {
    format!("It answers a message from microalign to {team}.")
}

/// One sentence that says why the author of a note is told what came of it.
#[must_use]
pub fn why_author(teams: &[String]) -> String {
    let teams = teams.join(", ");
    format!("You get this because microalign asked {teams} about it.")
}
