//! Whom a message mentions, and whose answers it asks for.

use crate::event::{About, Actor, Event, Source};
use crate::rule::{Mention, Rule};
use crate::template::OF_JIRA;

/// Whom a rule's message mentions. Of those who have to do with an event, only where their names may be known.
pub(super) fn mentioned(rule: &Rule, event: Option<&Event>) -> Vec<String> {
    let people = rule.mention.iter().flat_map(|mention| match (mention, event) {
        (Mention::Login(login), _) => vec![login.clone()],
        (Mention::Author, Some(event)) => {
            let people = author(event).filter(|author| !author.bot);
            people.map(|author| handle(event, author)).into_iter().collect()
        }
        (Mention::Assignee, Some(event)) => match &event.about {
            About::PullRequest(pr) => pr.assignees.clone().unwrap_or_default(),
            About::Issue(issue) => issue.assignees.clone(),
            About::Ticket(ticket) => ticket.assignee.iter().map(|assignee| handle(event, assignee)).collect(),
            About::Thing(_) => event.brought_by().and_then(|pr| pr.assignees.clone()).unwrap_or_default(),
        },
        (Mention::Reviewers, Some(event)) => {
            let of_event = if let About::PullRequest(pr) = &event.about { Some(pr) } else { event.brought_by() };
            of_event.map(|pr| pr.reviewing_people().cloned().collect()).unwrap_or_default()
        }
        (Mention::Author | Mention::Assignee | Mention::Reviewers, None) => Vec::new(),
    });
    let mut mentioned = Vec::new();
    for person in people {
        if !mentioned.contains(&person) {
            mentioned.push(person);
        }
    }
    mentioned
}

/// Whose news it is. For a note or a comment, that is its author.
pub(super) fn author(event: &Event) -> Option<&Actor> {
    let note = event.note.as_ref().and_then(|note| note.author.as_ref());
    note.or_else(|| event.author())
}

/// What a message knows somebody by: their login on GitHub, or their account in Jira.
pub(super) fn handle(event: &Event, person: &Actor) -> String {
    match event.source {
        Source::Github => person.login.clone(),
        Source::Jira => format!("{OF_JIRA}{}", person.login),
    }
}
