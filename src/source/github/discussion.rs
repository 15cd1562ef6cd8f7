//! Discussions and their answers.

use crate::event::{About, Event, EventKind, OccurrenceId, Outcome, SubjectKey, Thing, ThingKind, Undoes, Undone};
use crate::reason::Reason;
use crate::source::lenient::Id;
use crate::source::{Understood, not_news, summary};

use super::issue::{move_away, move_here};
use super::payload::{Comment, Issue, User};
use super::thing::thing;
use super::{Delivery, first, missing, name, own_words, time, undoing, written};

/// An event about the payload's discussion.
fn about_discussion<'a>(delivery: &'a Delivery<'_>, kind: EventKind) -> Result<(&'a Issue, Event), Reason> {
    let discussion = delivery.body.discussion.as_ref().ok_or_else(|| missing("discussion"))?;
    let number = discussion.number.as_ref().and_then(|id| id.number()).ok_or_else(|| missing("discussion.number"))?;
    let subject = SubjectKey::numbered(delivery.scope, number);
    let url = first(&[&discussion.html_url]).or_else(|| delivery.page(&["discussions", &number.to_string()]));
    let title = discussion.title.text().unwrap_or(&subject);
    let answered = match delivery.action() {
        "unanswered" => Some(Outcome::Unanswered),
        action => (action == "answered" || discussion.answer_chosen_at.is_some()).then_some(Outcome::Answered),
    };
    let about = Thing {
        body_summary: discussion.body.as_deref().and_then(summary::of_markdown),
        outcome: answered,
        ..thing(ThingKind::Discussion, title, url, time(&discussion.updated_at))
    };
    let keys = delivery.keys(None, Some(&about.title), &[&own_words(&discussion.body)]);
    let event = delivery.event(kind, subject, About::Thing(about));
    Ok((discussion, Event { tickets: keys.tickets, listed: keys.listed, ..event }))
}

/// `discussion`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let kind = match delivery.action() {
        "created" | "edited" | "deleted" | "transferred" => EventKind::DiscussionCreated,
        "answered" | "unanswered" => EventKind::DiscussionAnswered,
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let (discussion, mut event) = about_discussion(delivery, kind)?;
    event.once = delivery.once(&event);
    let mut notes = Vec::new();
    match delivery.action() {
        "created" => {
            let author: Option<&User> = discussion.user.as_ref();
            event.actor = delivery.actor(author);
            event.at = time(&discussion.created_at).unwrap_or(event.at);
            if !move_here(delivery, &mut event) && !converted(delivery, discussion, &mut event) {
                notes = delivery.notes_in_body(&event, &discussion.body, &discussion.user);
            }
        }
        "edited" => {
            event.undoing = delivery.brings_state("discussion");
            notes = delivery.notes_in_body(&event, &discussion.body, &discussion.user);
        }
        "answered" => {
            if let Some(answer) = delivery.body.answer.as_ref() {
                event.once = chosen(discussion, answer).or(event.once);
                event.url = first(&[&answer.html_url]).or(event.url);
                event.comment = written(answer);
            }
        }
        "transferred" => move_away(delivery, &mut event, "the discussion"),
        "deleted" => event.undoing = undoing(Undoes::Subject(Undone::Deleted), "the discussion was deleted"),
        // "unanswered": the payload says that there is no answer, but not when it was chosen.
        _ => event.undoing = undoing(Undoes::Nothing, "the answer is no longer chosen"),
    }
    Ok([vec![event], notes].concat())
}

/// Whether somebody other than its author created the discussion, as when an issue is converted, which payloads may not
/// say otherwise. If so, neither the event nor its notes are news: they were in the issue.
fn converted(delivery: &Delivery<'_>, discussion: &Issue, event: &mut Event) -> bool {
    let login = |user: &User| user.login.text().map(str::to_lowercase);
    let by = delivery.body.sender.as_ref().and_then(|sender| login(sender.as_ref()?));
    let author = discussion.user.as_ref().and_then(login);
    let converted = by.zip(author).is_some_and(|(by, author)| by != author);
    if converted {
        event.undoing = undoing(Undoes::Nothing, "it wasn't opened, but converted from an issue");
    }
    converted
}

/// Names the choice of an answer, including its time, since the same answer can be chosen again later.
fn chosen(discussion: &Issue, answer: &Comment) -> Option<OccurrenceId> {
    let id = answer.id.as_ref().map(Id::as_str)?;
    name::at(&["discussion-comment", id, "answer"], time(&discussion.answer_chosen_at))
}

/// `discussion_comment`: changes of an answer, and the notes in any comment.
pub fn commented(delivery: &Delivery<'_>) -> Understood {
    if !matches!(delivery.action(), "created" | "edited" | "deleted") {
        return Err(delivery.nothing_to_ask_for());
    }
    let comment = delivery.body.comment.as_ref().ok_or_else(|| missing("comment"))?;
    let (discussion, mut event) = about_discussion(delivery, EventKind::DiscussionAnswered)?;
    event.actor = delivery.actor(comment.user.as_ref());
    event.url = first(&[&comment.html_url]).or(event.url);
    let at = match delivery.action() {
        "created" => time(&comment.created_at),
        "edited" => time(&comment.updated_at),
        _ => None,
    };
    let noted = Event { at: at.unwrap_or(event.at), ..event.clone() };
    let notes = delivery.notes_in_comment(&noted, comment, "discussion-comment");
    match answer_changed(delivery, (discussion, comment), event) {
        Ok(changed) => Ok([vec![changed], notes].concat()),
        Err(reason) if notes.is_empty() => Err(reason),
        Err(_) => Ok(notes),
    }
}

/// The event for an answer that was edited or deleted, or why the comment isn't one; `event` is about the discussion.
fn answer_changed(
    delivery: &Delivery<'_>,
    (discussion, comment): (&Issue, &Comment),
    mut event: Event,
) -> Result<Event, Reason> {
    if delivery.action() == "created" {
        return Err(delivery.nothing_to_ask_for());
    }
    let pages = discussion.answer_html_url.as_ref().zip(comment.html_url.as_ref());
    let is_answer = pages.is_some_and(|(answer, comment)| answer == comment);
    let once = chosen(discussion, comment).filter(|_| is_answer);
    let id = comment.id.as_ref().map(Id::as_str);
    let deleted = delivery.action() == "deleted";
    if once.is_none() && (!deleted || discussion.answer_chosen_at.is_some()) {
        return Err(not_news("the comment is not the discussion's answer"));
    }
    event.comment = written(comment).filter(|_| !deleted);
    if let (About::Thing(thing), true) = (&mut event.about, deleted) {
        thing.outcome = Some(Outcome::Unanswered);
    }
    event.once = id.and_then(|id| match deleted {
        true => Some(name::name(&["discussion-comment", id, "deleted"])),
        false => name::at(&["discussion-comment", id, "edited"], time(&comment.updated_at)),
    });
    let undone = if deleted { Undone::Deleted } else { Undone::Edited };
    let because = format!("{} was {}", if is_answer { "the answer" } else { "the comment" }, delivery.action());
    // The discussion no longer says whether this was its answer, only whether it has one.
    event.undoing = undoing(once.map_or(Undoes::Nothing, |once| Undoes::Occurrence(once, undone)), because);
    Ok(event)
}
