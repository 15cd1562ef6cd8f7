//! Where the authors of assumptions are told what came of them.

use crate::destination::Destination;
use crate::event::Event;
use crate::plan;

/// Where the authors of assumptions are told what came of them, by a comment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TellAuthors {
    /// `[github] comment`
    pub github: bool,
    /// `[jira] comment`
    pub jira: bool,
}

impl TellAuthors {
    /// Whether it is done at a destination.
    #[must_use]
    pub fn at(self, to: &Destination) -> bool {
        match to {
            Destination::Github => self.github,
            Destination::Jira => self.jira,
            _ => false,
        }
    }

    /// Where the author of a note is told what somebody objects, if anywhere. What is said in the conversation of a ticket with a
    /// security level goes to no pull request.
    #[must_use]
    pub fn of_objection(self, note: &Event, restricted: bool) -> Option<Destination> {
        plan::author_page(note).filter(|to| self.at(to) && !(restricted && *to == Destination::Github))
    }

    /// What happens to an objection, for whoever objects.
    #[must_use]
    pub fn after_objection(self, note: &Event, restricted: bool) -> &'static str {
        match self.of_objection(note, restricted) {
            Some(_) => {
                "Its author is told, with your name and words, in a comment where it was made. Whoever may read that page reads them \
                 too."
            }
            None => "It is kept with your name and words, but isn't passed on to the author.",
        }
    }
}
