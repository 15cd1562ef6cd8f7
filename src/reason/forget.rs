//! Takes a person's name out of a reason.

use crate::event::{FORGOTTEN, Person, SOMEBODY};

use super::Reason;

impl Reason {
    /// Takes a person's name out of it: its code stays, and so does every field that doesn't name them.
    pub fn forget(&mut self, person: &Person) {
        let (texts, instead): (Vec<&mut String>, _) = match self {
            Self::ReviewedAgainByNow { by: name }
            | Self::OwnDoing { who: name, .. }
            | Self::BotDoing { who: name, .. }
            | Self::NotTheirs { assignee: name, .. }
            | Self::Objected { by: name, .. }
            | Self::TellsObjection { by: name }
            | Self::CarriesAnswer { by: name }
            | Self::AnswerOutside { by: name } => (vec![name], SOMEBODY),
            Self::Answered { name, place, .. } => {
                if person.is_in(place) {
                    FORGOTTEN.clone_into(place);
                }
                (vec![name], SOMEBODY)
            }
            Self::Muted { by } => (by.iter_mut().filter_map(|mute| mute.who.as_mut()).collect(), SOMEBODY),
            Self::NotAddressed { to, .. } => (to.iter_mut().collect(), SOMEBODY),
            Self::Undelivered { failed } => (failed.iter_mut().map(|failed| &mut failed.error).collect(), FORGOTTEN),
            Self::NoRule { unknown } => (unknown.iter_mut().collect(), FORGOTTEN),
            Self::NotRendered { error: text }
            | Self::Fault { detail: text }
            | Self::RemovedByNow { what: text }
            | Self::ChangedAgainByNow { what: text }
            | Self::ClearedByNow { what: text }
            | Self::LabelBackByNow { label: text }
            | Self::NoLongerMatches { detail: text }
            | Self::BotBranch { branch: text }
            | Self::UndoesOther { detail: text }
            | Self::ConditionFailed { detail: text }
            | Self::ConditionUnknown { detail: text }
            | Self::MergeQueue { detail: text }
            | Self::NotNews { detail: text }
            | Self::NotAPayload { error: text }
            | Self::Other { sentence: text, .. } => (vec![text], FORGOTTEN),
            _ => return,
        };
        for text in texts.into_iter().filter(|text| person.is_in(text)) {
            instead.clone_into(text);
        }
    }
}
