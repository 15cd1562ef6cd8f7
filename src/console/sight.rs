//! How much of an update a visitor sees: no more of what is restricted or private than their messages say.

use super::access::Visitor;
use crate::event::{About, Event, Source};
use crate::store::Shown;
use crate::track::is_restricted;

/// What somebody who looks at the console may know.
#[derive(Debug, Clone)]
pub(super) struct Onlooker(Visitor);

/// How much of an update is seen, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sight {
    /// Not that it exists
    Nothing,
    /// That there is something about a ticket: its key, and what became of it
    Key,
    /// What kind of event it was, and where
    Kind,
    /// All of it
    Whole,
}

impl Onlooker {
    pub(super) fn new(visitor: &Visitor) -> Self {
        Self(visitor.clone())
    }

    /// Whether they may see what belongs to this team.
    pub(super) fn sees(&self, team: Option<&str>) -> bool {
        self.0.sees(team)
    }

    /// How much of a line they see.
    pub(super) fn sight(&self, line: &Shown) -> Sight {
        let team = line.entry.team.as_deref();
        let (sees, reads) = (self.0.sees(team), self.0.reads(team));
        if !sees {
            return Sight::Nothing;
        }
        // Whoever does not see everything is of teams with readers outside of the company.
        let outside = !self.0.sees_everything();
        match (restricted(line), outside) {
            (true, true) => return Sight::Nothing,
            (true, false) if !reads => return Sight::Key,
            _ => {}
        }
        match (outside && private(line), reads) {
            (true, true) => Sight::Kind,
            (true, false) => Sight::Nothing,
            (false, _) => Sight::Whole,
        }
    }
}

/// Whether a line is about a ticket that has a security level, according to its event or by now.
pub(super) fn restricted(line: &Shown) -> bool {
    line.restricted || line.event.as_ref().is_some_and(|event| is_restricted(&event.about))
}

/// Whether a line is about a private repository. What is not known may be private.
fn private(line: &Shown) -> bool {
    match &line.event {
        Some(event) => line.private.unwrap_or(false) || event.is_private(),
        None => line.entry.source == Source::Github.to_string(),
    }
}

/// The subject by a name that holds no branch and no tag.
pub(super) fn bare_subject(event: &Event) -> &str {
    match event.about {
        About::PullRequest(_) | About::Issue(_) => event.subject.as_str(),
        About::Ticket(_) | About::Thing(_) => &event.scope,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::super::access::Role;
    use super::super::card::Seen;
    use super::*;
    use crate::event::{EventKind, Ticket};
    use crate::reason::Code;
    use crate::store::{Entry, EntryState};
    use crate::template::fixture;

    fn onlooker(teams: &[&str], outside: bool) -> Onlooker {
        Onlooker(Visitor::in_test(Role::View, teams, !outside))
    }

    /// A line of the team `web` about an event.
    fn line(event: Event) -> Shown {
        let entry = Entry {
            id: "1.1".to_owned(),
            delivery: "d-1".to_owned(),
            source: event.source.to_string(),
            kind: Some(event.kind.to_string()),
            subject: Some(event.subject.to_string()),
            thread: Some("HUSH-1".to_owned()),
            team: Some("web".to_owned()),
            rule: Some("all".to_owned()),
            state: EntryState::Sent,
            code: Code::Sent,
            reason: "hush reason".to_owned(),
            outcomes: Vec::new(),
            at: event.at,
            sends: Vec::new(),
            message: Some(serde_json::from_value(json!({ "subject": "hush", "body": [], "why": "" })).unwrap()),
            forgotten: false,
        };
        Shown { row: 1, entry, event: Some(event), restricted: false, private: None }
    }

    fn pull(private: bool) -> Shown {
        line(Event { private: Some(private), ..fixture::event(EventKind::PullRequestMerged) })
    }

    fn ticket() -> Shown {
        let ticket = Ticket { restricted: Some(true), ..Ticket::bare("DATA-1") };
        let event = fixture::event(EventKind::TicketUpdated);
        line(Event { about: About::Ticket(ticket), subject: "DATA-1".into(), scope: "DATA".to_owned(), ..event })
    }

    #[test]
    fn nobody_sees_more_than_their_messages_say() {
        let public = || {
            line(Event { private: Some(false), about: pull(false).event.unwrap().about, ..pull(false).event.unwrap() })
        };
        let table = [
            ("somebody without a team", onlooker(&[], false), [Sight::Whole, Sight::Whole, Sight::Key]),
            ("its own team", onlooker(&["web"], false), [Sight::Whole, Sight::Whole, Sight::Whole]),
            ("another team", onlooker(&["data"], false), [Sight::Whole, Sight::Whole, Sight::Key]),
            ("its own team outside", onlooker(&["web"], true), [Sight::Whole, Sight::Kind, Sight::Nothing]),
            ("another team outside", onlooker(&["data"], true), [Sight::Nothing, Sight::Nothing, Sight::Nothing]),
            ("whoever is on the machine", Onlooker(Visitor::local()), [Sight::Whole, Sight::Whole, Sight::Whole]),
        ];
        for (who, onlooker, expected) in table {
            assert_eq!([public(), pull(true), ticket()].map(|line| onlooker.sight(&line)), expected, "{who}");
        }
        // What became restricted, or private, counts as well.
        let onlooker = onlooker(&["web"], true);
        assert_eq!(onlooker.sight(&Shown { restricted: true, ..public() }), Sight::Nothing);
        assert_eq!(onlooker.sight(&Shown { private: Some(true), ..public() }), Sight::Kind);
        assert_eq!(onlooker.sight(&Shown { event: None, ..public() }), Sight::Kind);
    }

    #[test]
    fn what_is_not_seen_is_in_no_card_and_no_answer() {
        let (outside, inside) = (onlooker(&["web"], true), onlooker(&[], false));
        for (onlooker, line) in [(outside, pull(true)), (inside, ticket())] {
            let seen = Seen::by(&onlooker, line).unwrap();
            let shown = format!("{}{}", seen.card(jiff::Timestamp::now()).into_string(), json!(seen.update()));
            assert!(!shown.to_lowercase().contains("hush"), "{shown}");
            assert!(seen.update().withheld);
        }
    }
}
