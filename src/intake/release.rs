//! Releases updates whose time has come: matches each once more, writes messages, and queues them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use jiff::Timestamp;

use super::bundle::{Bundle, bundle};
use super::round::Round;
use crate::compose::{Rulebook, Telling};
use crate::destination::Destination;
use crate::event::{About, TicketKey};
use crate::hold::{self, Wait};
use crate::mute;
use crate::plan::{self, Due, NotSent, Ready, Released};
use crate::reason::Reason;
use crate::rule::Team;
use crate::store::{Batch, StoreError};
use crate::template::{Message, RenderError};

impl<'a> Round<'a> {
    /// Writes what is due into messages, and queues those to where they go.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub(super) fn release(&mut self, resumed: Option<Timestamp>) -> Result<(), StoreError> {
        let Batch { due, unreadable } = self.tx.due(self.now, resumed)?;
        self.worked += due.len() + unreadable.len();
        let failed = unreadable.into_iter().map(|(id, detail)| (id, NotSent::Failed(Reason::Fault { detail })));
        let mut released = Released { not_sent: failed.collect(), ..Released::default() };
        let mut ready = Vec::new();
        for due in due {
            let id = due.id;
            match write(due, self.rulebook, self.now) {
                Ok(update) => ready.push(update),
                Err(not_sent) => released.not_sent.push((id, not_sent)),
            }
        }
        let ready = self.bulk(ready, &mut released)?;
        let ready = self.unmuted(ready, &mut released)?;
        let mut spent = HashMap::new();
        for bundle in bundle(ready) {
            match self.over_budget(&bundle, &mut spent)? {
                Some((team, wait)) => released.not_sent.extend(bundle.updates.iter().map(|update| {
                    let reason = wait.reason(&team.timezone);
                    (update.due.id, NotSent::Wait { wait, digest: true, reason })
                })),
                None => released.messages.extend(bundle.outgoing(self.rulebook, self.now)),
            }
        }
        let ended = released.not_sent.iter().filter_map(|(_, not_sent)| match not_sent {
            NotSent::Wait { .. } => None,
            NotSent::Suppressed(reason) | NotSent::Told(reason) => Some(("suppressed", reason.code())),
            NotSent::Failed(reason) => Some(("failed", reason.code())),
        });
        self.states.extend(ended);
        self.tx.release(&released, self.now)
    }

    /// Takes out of updates where they are muted. What is muted everywhere is noted and gone.
    fn unmuted(&self, mut ready: Vec<Ready<'a>>, released: &mut Released) -> Result<Vec<Ready<'a>>, StoreError> {
        let sent = ready.iter().map(|ready| (update(&ready.due), &*ready.to)).collect::<Vec<_>>();
        let mutes = if sent.is_empty() { Vec::new() } else { self.tx.mutes_of(&sent, self.now)? };
        for Ready { due, to, .. } in &mut ready {
            let (heard, muted) = mute::sift(update(due), std::mem::take(to), &mutes);
            if heard.is_empty() {
                let by = muted.into_iter().map(|(_, mute)| mute.clone()).collect();
                released.not_sent.push((due.id, NotSent::Told(Reason::Muted { by })));
            } else {
                // The send's state says `muted` already.
                released.left_out.extend(muted.into_iter().map(|(to, mute)| (due.id, to, mute.terms())));
            }
            *to = heard;
        }
        ready.retain(|ready| !ready.to.is_empty());
        Ok(ready)
    }

    /// Counts a message against its team's budget; says until when it waits if that is spent.
    fn over_budget(
        &self,
        bundle: &Bundle<'a>,
        spent: &mut HashMap<&'a str, u32>,
    ) -> Result<Option<(&'a Team, Wait)>, StoreError> {
        let Some((team, budget)) = bundle.team().and_then(|team| Some((team, team.budget?))) else { return Ok(None) };
        let sent = match spent.get(team.name.as_str()) {
            Some(sent) => *sent,
            None => {
                let (begin, _) = hold::period(budget.per, &team.timezone, self.now);
                self.tx.spent(&team.name, begin)?
            }
        };
        let wait = hold::over_budget(team, self.now, sent);
        spent.insert(&team.name, sent + u32::from(wait.is_none()));
        Ok(wait.map(|wait| (team, wait)))
    }
}

fn update(due: &Due) -> mute::Update<'_> {
    mute::Update { team: &due.rule.team, rule: &due.rule.name, thread: &due.thread }
}

/// Writes an update by itself. A fault of ours in one must not hold up the others.
fn write(due: Due, rulebook: &Rulebook, now: Timestamp) -> Result<Ready<'_>, NotSent> {
    let id = due.id;
    let written = std::panic::catch_unwind(AssertUnwindSafe(|| compose(due, rulebook, now)));
    written.unwrap_or_else(|_| {
        tracing::error!(line = id, "our fault: an update could not be released");
        Err(NotSent::Failed(Reason::Fault { detail: "it could not be written".to_owned() }))
    })
}

fn compose(due: Due, rulebook: &Rulebook, now: Timestamp) -> Result<Ready<'_>, NotSent> {
    let (event, team, rule) = plan::release(&due, rulebook.rules()).map_err(NotSent::Suppressed)?;
    if let Some(wait) = hold::disturbs(team, rule, now, due.told) {
        return Err(NotSent::Wait { wait, digest: due.digest, reason: wait.reason(&team.timezone) });
    }
    let to = plan::places(rulebook.rules(), team, rule, &due.said).map_err(NotSent::Told)?;
    let ticket = event.ticket_as(event.kind, due.ticket.as_ref()).map(Cow::into_owned);
    let due = Due { ticket, ..due };
    let telling = Telling { event: &event, ticket: due.ticket.as_ref(), team, rule, line: Some(&due.name), now };
    let message = rulebook.compose(&telling).map_err(|error| match error {
        RenderError::Withheld(reason) => NotSent::Suppressed(reason),
        error => {
            tracing::error!(team = team.name, rule = rule.name, %error, "a message could not be rendered");
            NotSent::Failed(Reason::NotRendered { error: error.to_string() })
        }
    })?;
    let to = with_page(to, &due, &message);
    if to.is_empty() {
        return Err(NotSent::Suppressed(Reason::NoPage));
    }
    let joins = rulebook.joins_comments(rule, event.kind);
    Ok(Ready { due, event, team, rule, message, joins, to })
}

/// Without the places where a comment would have no page. A ticket must not show a private repository's news to whoever
/// may not see them.
fn with_page(mut to: Vec<Destination>, due: &Due, message: &Message) -> Vec<Destination> {
    to.retain(|to| match to {
        Destination::Github => {
            due.event.host.is_none() && matches!(due.event.about, About::PullRequest(_) | About::Issue(_))
        }
        Destination::Jira => !message.private && TicketKey::jira(&due.thread).is_some(),
        _ => true,
    });
    to
}
