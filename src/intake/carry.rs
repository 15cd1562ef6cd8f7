//! Carries what people answer to messages to the page that a message is about.

use jiff::tz::TimeZone;

use super::round::Round;
use crate::compose::Reply;
use crate::destination::Destination;
use crate::plan;
use crate::reason::Reason;
use crate::rule::{Answers, Audience, Team};
use crate::store::{Carriage, StoreError, Uncarried};

impl Round<'_> {
    /// Writes comments for what people answered, and changes those whose answers were edited or taken back.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) fn carry_answers(&mut self) -> Result<(), StoreError> {
        for uncarried in self.tx.uncarried()? {
            self.worked += 1;
            let carriage = self.carriage(&uncarried);
            self.tx.carry(uncarried.id, &carriage, self.now)?;
        }
        Ok(())
    }

    fn carriage(&self, uncarried: &Uncarried) -> Carriage {
        let Uncarried { answer, rule, event, objects, restricted, .. } = uncarried;
        let team = self.rulebook.rules().teams().iter().find(|team| team.name == rule.team);
        let page = event.as_ref().and_then(|event| Some((event, plan::author_page(event)?)));
        let Some((event, to)) = page else { return Carriage::Withheld(Reason::AnswerNowhere) };
        // Whoever takes their words back has them taken back, whatever holds by now.
        if !answer.gone
            && let Some(reason) = withheld(team.map(|team| &**team), answer, (&to, *restricted))
        {
            return Carriage::Withheld(reason);
        }
        let zone = team.map_or(TimeZone::UTC, |team| team.timezone.clone());
        let reply = Reply { answer, event, rule, zone: &zone, objects: *objects, now: self.now };
        match self.rulebook.reply(&reply) {
            Ok(message) => Carriage::Comment { to, message: Box::new(message) },
            Err(error) => {
                tracing::error!(team = rule.team, %error, "the comment with an answer could not be rendered");
                Carriage::Withheld(Reason::NotRendered { error: error.to_string() })
            }
        }
    }
}

/// Why an answer isn't carried, if it isn't.
fn withheld(
    team: Option<&Team>,
    answer: &crate::store::Answer,
    (to, restricted): (&Destination, bool),
) -> Option<Reason> {
    let Some(team) = team.filter(|team| team.answers > Answers::Nobody) else { return Some(Reason::AnswersOff) };
    let outside = answer.outside || team.audience == Audience::Outside;
    if outside && team.answers < Answers::Everybody {
        return Some(Reason::AnswerOutside { by: answer.by.clone() });
    }
    (restricted && *to == Destination::Github).then_some(Reason::AnswerRestricted)
}
