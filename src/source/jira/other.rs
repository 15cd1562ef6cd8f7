//! Sprints and versions, whose events have no ticket.

use crate::event::{About, Event, EventKind, Outcome, SubjectKey, Thing, ThingKind, Undoes, Undone};
use crate::source::{Understood, people, text};

use super::{Delivery, missing, undoing};

/// `sprint_started`, `sprint_closed` and `sprint_deleted`, which name no project
pub fn sprint(delivery: &Delivery<'_>, kind: EventKind, undone: Option<Undone>) -> Understood {
    let sprint = delivery.body.sprint.as_ref().ok_or_else(|| missing("sprint"))?;
    let id = sprint.id.as_ref().ok_or_else(|| missing("sprint.id"))?.as_str();
    let url = delivery
        .site()
        .zip(sprint.origin_board_id.as_ref())
        .map(|(site, board)| format!("{site}/secure/RapidBoard.jspa?rapidView={}&sprint={id}", board.as_str()));
    let (state, outcome, time) = match kind {
        _ if undone.is_some() => ("deleted", Outcome::Deleted, None),
        EventKind::SprintClosed => ("closed", Outcome::Closed, sprint.complete_date.as_ref()),
        _ => ("started", Outcome::Started, sprint.start_date.as_ref()),
    };
    let subject = SubjectKey::sprint(id);
    let about = Thing {
        url,
        outcome: Some(outcome),
        body_summary: sprint.goal.as_deref().map(people::in_markup).as_deref().and_then(text::excerpt),
        updated_at: delivery.body.timestamp.map(|time| time.0),
        ..Thing::bare(ThingKind::Sprint, &sprint.name.text().map_or_else(|| subject.to_string(), text::title))
    };
    // A sprint that is reopened can end again.
    let time = time.map(|time| format!(":{}", time.0.as_millisecond())).unwrap_or_default();
    let once = Some(format!("jira-sprint:{id}:{state}{time}").into());
    let undoing = undone.map(|undone| undoing(Undoes::Subject(undone), "the sprint was deleted"));
    Ok(vec![Event { kind, once, undoing, ..delivery.base(subject, "", About::Thing(about)) }])
}

/// `jira:version_released` and its undoings, which name their project only by a numeric id
pub fn version(delivery: &Delivery<'_>, undone: Option<Undone>) -> Understood {
    let version = delivery.body.version.as_ref().ok_or_else(|| missing("version"))?;
    let id = version.id.as_ref().ok_or_else(|| missing("version.id"))?.as_str();
    let url = delivery
        .site()
        .zip(version.project_id.as_ref())
        .map(|(site, project)| format!("{site}/secure/ReleaseNote.jspa?projectId={}&version={id}", project.as_str()));
    let subject = SubjectKey::version(id);
    let (state, outcome) = match undone {
        None => ("released", None),
        Some(Undone::Deleted) => ("deleted", Some(Outcome::Deleted)),
        Some(_) => ("unpublished", Some(Outcome::Unpublished)),
    };
    let about = Thing {
        url,
        outcome,
        body_summary: version.description.as_deref().map(people::in_markup).as_deref().and_then(text::excerpt),
        updated_at: delivery.body.timestamp.map(|time| time.0),
        ..Thing::bare(ThingKind::Version, &version.name.text().map_or_else(|| subject.to_string(), text::title))
    };
    // Only the time distinguishes a second release of a version from a repeated delivery.
    let time = delivery.body.timestamp.map(|time| format!(":{}", time.0.as_millisecond())).unwrap_or_default();
    let once = Some(format!("jira-version:{id}:{state}{time}").into());
    let undoing = undone.map(|undone| {
        let because =
            if undone == Undone::Deleted { "the version was deleted" } else { "the version is no longer released" };
        undoing(Undoes::Subject(undone), because)
    });
    let base = delivery.base(subject, "", About::Thing(about));
    Ok(vec![Event { kind: EventKind::VersionReleased, once, undoing, ..base }])
}
