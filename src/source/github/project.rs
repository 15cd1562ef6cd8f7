//! What projects say of issues: `projects_v2_item`. It comes from organizations, and names issues only by their ids in the API.
//!
//! <https://docs.github.com/webhooks/webhook-events-and-payloads#projects_v2_item>

use jiff::civil::Date;

use crate::event::{About, Board, Change, Event, EventKind, Issue, Progress, Stage, SubjectKey};
use crate::reason::Reason;
use crate::source::lenient::Day;
use crate::source::{Understood, not_news, text};

use super::payload::{FieldChange, FieldValue};
use super::{Delivery, missing, name, time};

/// What an issue is called while only its id is known: `explain` shows it, and nothing is sent.
const UNNAMED: &str = "an issue that its project doesn't name";

/// `projects_v2_item`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let item = delivery.body.projects_v2_item.as_ref().ok_or_else(|| missing("projects_v2_item"))?;
    let edited = delivery.body.changes.as_ref().and_then(|changes| changes.field_value.as_ref());
    let Some(edited) = edited.filter(|_| delivery.action() == "edited") else {
        return Err(delivery.nothing_to_ask_for());
    };
    match item.content_type.text() {
        Some("Issue") => {}
        Some("PullRequest") => return Err(not_news("a project's field was changed for a pull request, not an issue")),
        _ => return Err(not_news("a project's field was changed for a draft that isn't an issue yet")),
    }
    let id = item.content_node_id.as_ref().ok_or_else(|| missing("projects_v2_item.content_node_id"))?;
    let field = edited.field_name.text().ok_or_else(|| missing("changes.field_value.field_name"))?;
    let board = board(delivery, edited)?;
    let (kind, change, progress) = happening(edited, field, board);
    let once = [item.node_id.as_ref(), edited.field_node_id.as_ref()].map(|id| id.map_or("", |id| id.as_str()));
    let issue = Issue { id: Some(id.as_str().to_owned()), progress, ..Issue::bare(0, UNNAMED, "", Stage::Open) };
    let subject = SubjectKey::unnamed(id.as_str());
    Ok(vec![Event {
        at: time(&item.updated_at).unwrap_or(delivery.context.received),
        url: None,
        change: Some(change),
        once: name::at(&[&["project-item"], &once[..]].concat(), time(&item.updated_at)),
        ..delivery.event(kind, subject, About::Issue(issue))
    }])
}

/// How the fields of the payload's project are to be understood.
fn board<'a>(delivery: &'a Delivery<'_>, edited: &FieldChange) -> Result<&'a Board, Reason> {
    let number = edited.project_number.as_ref().map_or("?", |number| number.as_str());
    let project = format!("{}/{number}", delivery.scope);
    let board = delivery.context.settings.boards.of(&project);
    board.ok_or_else(|| not_news(format!("the configuration doesn't name the project {}", text::title(&project))))
}

/// What a change of a field means.
fn happening(edited: &FieldChange, field: &str, board: &Board) -> (EventKind, Change, Progress) {
    let is = |name: &str| field.eq_ignore_ascii_case(name);
    let (from, to) = (edited.from.as_ref(), edited.to.as_ref());
    let shown = |value: Option<&FieldValue>| value.and_then(words);
    let change = |name: &str, shown_as: &str| Change {
        field: name.to_owned(),
        name: Some(shown_as.to_owned()),
        from: shown(from),
        to: shown(to),
    };
    let moved_by = |of: fn(&FieldValue) -> Option<Date>| {
        EventKind::of_plan(from.and_then(of).zip(to.and_then(of)).map(|(from, to)| from.cmp(&to)))
    };
    let (nothing, kind) = (Progress::default(), edited.field_type.text());
    if is(&board.status) {
        let category = |value: Option<&FieldValue>| Some(board.category(&shown(value)?));
        let (status, category, previous_status) = (shown(to), category(to), shown(from));
        return (
            EventKind::of_status(category),
            change("status", "status"),
            Progress { status, category, previous_status, ..nothing },
        );
    }
    if is(&board.due) {
        let (change, due) = (dated(change("due", "due date"), (from, to)), to.and_then(day));
        return (moved_by(day), change, Progress { due, ..nothing });
    }
    if is(&board.start) {
        return (moved_by(day), dated(change("start", "start date"), (from, to)), nothing);
    }
    if kind == Some("iteration") {
        return (moved_by(begin), change("iteration", "iteration"), Progress { iteration: shown(to), ..nothing });
    }
    let field = text::title(field);
    let fields = [(field.to_lowercase(), shown(to).into_iter().collect())].into();
    (EventKind::TicketUpdated, change(&field, &field), Progress { fields, ..nothing })
}

/// A change of dates, without the times that GitHub adds to them.
fn dated(change: Change, (from, to): (Option<&FieldValue>, Option<&FieldValue>)) -> Change {
    let written = |value: Option<&FieldValue>| value.and_then(day).map(|day| day.to_string());
    Change { from: written(from).or(change.from.clone()), to: written(to).or(change.to.clone()), ..change }
}

fn words(value: &FieldValue) -> Option<String> {
    match value {
        FieldValue::Text(text) => text::excerpt(text),
        FieldValue::Number(number) => Some(number.to_string()),
        FieldValue::Choice(choice) => choice.name.text().or_else(|| choice.title.text()).map(text::title),
    }
}

fn day(value: &FieldValue) -> Option<Date> {
    match value {
        FieldValue::Text(text) => Some(Day::try_from(text.clone()).ok()?.0),
        FieldValue::Number(_) | FieldValue::Choice(_) => None,
    }
}

/// When an iteration begins.
fn begin(value: &FieldValue) -> Option<Date> {
    match value {
        FieldValue::Choice(choice) => Some(choice.start_date.as_ref()?.0),
        FieldValue::Text(_) | FieldValue::Number(_) => None,
    }
}
