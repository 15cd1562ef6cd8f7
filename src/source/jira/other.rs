//! What Jira tells that is not a change of a ticket: links, sprints, versions.

use crate::event::{About, Change, Event, EventKind, Thing, ThingKind};
use crate::source::{Understood, text};

use super::{Delivery, missing};

/// `issuelink_created`, which names both tickets by their numeric ids only
pub fn linked(delivery: &Delivery<'_>) -> Understood {
    let link = delivery.body.issue_link.as_ref().ok_or_else(|| missing("issueLink"))?;
    let id = link.source_issue_id.as_ref().ok_or_else(|| missing("issueLink.sourceIssueId"))?;
    let relation = link.issue_link_type.as_ref().and_then(|kind| kind.outward_name.text().or_else(|| kind.name.text()));
    let other = link.destination_issue_id.as_ref().map(|id| id.as_str());
    let words: Vec<&str> = relation.into_iter().chain(other).collect();
    let change = Change { field: "link".to_owned(), from: None, to: text::excerpt(&words.join(" ")), name: None };
    let event = delivery.about_unnamed(id.as_str(), None);
    Ok(vec![Event { kind: EventKind::TicketLinked, change: Some(change), ..event }])
}

/// `sprint_started` and `sprint_closed`, which name no project
pub fn sprint(delivery: &Delivery<'_>, kind: EventKind) -> Understood {
    let sprint = delivery.body.sprint.as_ref().ok_or_else(|| missing("sprint"))?;
    let id = sprint.id.as_ref().ok_or_else(|| missing("sprint.id"))?.as_str();
    let site = delivery.site(sprint.api.as_ref());
    let url = site
        .zip(sprint.origin_board_id.as_ref())
        .map(|(site, board)| format!("{site}/secure/RapidBoard.jspa?rapidView={}&sprint={id}", board.as_str()));
    let subject = format!("sprint/{id}");
    let about = Thing {
        url,
        body_summary: sprint.goal.as_deref().and_then(text::excerpt),
        updated_at: delivery.body.timestamp.map(|time| time.0),
        ..Thing::bare(ThingKind::Sprint, &sprint.name.text().map_or_else(|| subject.clone(), text::title))
    };
    Ok(vec![Event { kind, ..delivery.base(&subject, "", About::Thing(about)) }])
}

/// `jira:version_released`, which names its project by a numeric id only
pub fn version(delivery: &Delivery<'_>) -> Understood {
    let version = delivery.body.version.as_ref().ok_or_else(|| missing("version"))?;
    let id = version.id.as_ref().ok_or_else(|| missing("version.id"))?.as_str();
    let site = delivery.site(version.api.as_ref());
    let url = site
        .zip(version.project_id.as_ref())
        .map(|(site, project)| format!("{site}/secure/ReleaseNote.jspa?projectId={}&version={id}", project.as_str()));
    let subject = format!("version/{id}");
    let about = Thing {
        url,
        body_summary: version.description.as_deref().and_then(text::excerpt),
        updated_at: delivery.body.timestamp.map(|time| time.0),
        ..Thing::bare(ThingKind::Version, &version.name.text().map_or_else(|| subject.clone(), text::title))
    };
    Ok(vec![Event { kind: EventKind::VersionReleased, ..delivery.base(&subject, "", About::Thing(about)) }])
}
