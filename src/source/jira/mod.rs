//! Jira's webhooks, on Cloud and Data Center:
//! <https://developer.atlassian.com/server/jira/platform/webhooks/>

mod changelog;
mod comment;
mod custom;
mod due;
mod field;
mod link;
mod once;
mod other;
mod payload;
mod people;
mod site;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;

use crate::event::{
    About, Change, Event, EventKind, Renamed, Source, SubjectKey, Ticket, TicketKey, Undoes, Undoing, Undone,
};
use crate::reason::Reason;

use super::jira_text::Written;
use super::lenient::{Id, Link, Maybe};
use super::note::{self, Place};
use super::our_comments::is_ours_in_jira;
use super::site_fields::SiteFields;
use super::{Context, Understood, missing, not_a_payload, not_asked_for, text};
pub use changelog::compare_versions;
use changelog::{Around, Happening, happenings, why_no_news};
use comment::Fate;
use custom::Custom;
use field::Field;
use payload::{Body, Fields, Issue, Item, Status, User};

pub use site::at_site;

/// The events that a webhook must be registered for.
pub const EVENTS: [&str; 14] = [
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "issuelink_created",
    "issuelink_deleted",
    "sprint_started",
    "sprint_closed",
    "sprint_deleted",
    "jira:version_released",
    "jira:version_unreleased",
    "jira:version_deleted",
];

/// What an Automation rule's "Send web request" sends: the form of a webhook, with Jira's smart values, and `EVENT` in place of
/// the name of the event. A smart value that has nothing to show is an empty text, and lists end in null, since each entry has a
/// comma: <https://support.atlassian.com/cloud-automation/docs/smart-values-in-jira-automation/>.
pub const AUTOMATION: &str = include_str!("automation.json");

/// Reads a body from Jira, which names its event itself.
pub fn parse(raw: &[u8], context: &Context<'_>) -> Understood {
    let mut body: Body = serde_json::from_slice(raw).map_err(|error| not_a_payload(&error))?;
    if body.is_automation() && body.comment.as_ref().is_none_or(|comment| comment.id.is_none()) {
        body.comment = Maybe::default();
    }
    let ours = body.comment.as_ref().and_then(|comment| comment.body.as_deref()).is_some_and(is_ours_in_jira);
    if ours {
        // The rest of the update still counts.
        (body.comment, body.issue_event_type) = (Maybe::default(), Maybe::default());
    }
    let name = body.webhook_event.text().ok_or_else(|| missing("webhookEvent"))?;
    let delivery = Delivery { body: &body, context, custom: Custom::read(raw), site: context.settings.fields.now() };
    let news = |kind| delivery.about_ticket(&[Happening::new(kind, None)]);
    let comment = |fate| delivery.about_ticket(&[delivery.comment_happening(fate)]);
    match plain(name) {
        "comment_created" | "comment_updated" | "comment_deleted" if ours => Err(Reason::OwnComment),
        "issue_updated" if ours && delivery.items().is_empty() => Err(Reason::OwnComment),
        "issue_created" => news(EventKind::TicketCreated),
        "issue_updated" => delivery.about_ticket(&delivery.updates()),
        "issue_deleted" => news(EventKind::TicketDeleted),
        "comment_created" => comment(Fate::Written),
        "comment_updated" => comment(Fate::Edited),
        "comment_deleted" => comment(Fate::Deleted),
        "issuelink_created" => link::linked(&delivery),
        "issuelink_deleted" => link::unlinked(&delivery),
        "sprint_started" => other::sprint(&delivery, EventKind::SprintStarted, None),
        "sprint_closed" => other::sprint(&delivery, EventKind::SprintClosed, None),
        "sprint_deleted" => other::sprint(&delivery, EventKind::SprintStarted, Some(Undone::Deleted)),
        "version_released" => other::version(&delivery, None),
        "version_unreleased" => other::version(&delivery, Some(Undone::Unpublished)),
        "version_deleted" => other::version(&delivery, Some(Undone::Deleted)),
        _ => Err(not_asked_for(name)),
    }
}

/// Some names have the prefix, others don't, and that has changed over time.
fn plain(name: &str) -> &str {
    name.strip_prefix("jira:").unwrap_or(name)
}

struct Delivery<'a> {
    body: &'a Body,
    context: &'a Context<'a>,
    /// The fields of the site's own
    custom: Custom,
    /// Which of them are read
    site: Arc<SiteFields>,
}

impl Delivery<'_> {
    /// The events about the payload's ticket.
    fn about_ticket(&self, happenings: &[Happening]) -> Understood {
        let named = self.body.issue.as_ref().and_then(|issue| Some((issue, issue.key.as_ref()?.as_str())));
        let base = match named {
            Some((issue, key)) => self.about_key(issue, key),
            None => self.about_id()?,
        };
        let mut events: Vec<Event> = happenings.iter().map(|happening| self.tell(&base, happening)).collect();
        once::name(self.body, &mut events);
        let edited = events.iter().position(|event| event.kind == EventKind::TicketCommented).unwrap_or_default();
        if let Some(event) = events.get_mut(edited) {
            event.retold = self.edited_comment();
        }
        let notes = self.notes(&events);
        // If a comment consists only of notes, only those are reported.
        let says = |event: &Event| event.comment.is_some() || event.undoing.is_some();
        events.retain(|event| event.kind != EventKind::TicketCommented || says(event) || notes.is_empty());
        Ok([events, notes].concat())
    }

    /// What the events of a delivery have in common, as an event whose kind isn't set yet.
    fn base(&self, subject: SubjectKey, scope: &str, about: About) -> Event {
        let at = self.body.timestamp.map(|time| time.0).or_else(|| about.updated_at());
        Event {
            scope: scope.to_owned(),
            actor: self.body.user.as_ref().and_then(User::actor),
            at: at.unwrap_or(self.context.received),
            url: about.url().map(str::to_owned),
            host: self.host(),
            people: people::taught(self.body),
            ..Event::bare(Source::Jira, EventKind::TicketUpdated, subject, about)
        }
    }

    fn about_key(&self, issue: &Issue, key: &str) -> Event {
        let fields = issue.fields.as_ref();
        let url = self.site().map(|site| format!("{site}/browse/{key}"));
        let items = self.items();
        let about = Ticket {
            id: issue.id.as_ref().map(|id| id.as_str().to_owned()),
            url,
            ..self.with_changes(fields.map_or_else(|| Ticket::bare(key), |fields| ticket(key, fields)), &items)
        };
        let about = self.with_site_fields(about, &items);
        let key: Option<TicketKey> = TicketKey::jira(key);
        let project = fields.and_then(|fields| fields.project.as_ref()).and_then(|project| project.key.as_ref());
        let scope =
            project.map(Id::as_str).or_else(|| key.as_ref().map(TicketKey::project)).unwrap_or_default().to_owned();
        let base = self.base(SubjectKey::ticket(&about.key), &scope, About::Ticket(about));
        Event { tickets: key.into_iter().collect(), ..base }
    }

    /// What the changelog says about the ticket in addition to its fields.
    fn with_changes(&self, ticket: Ticket, items: &[&Item]) -> Ticket {
        let fields = self.fields();
        let item = |field: Field| items.iter().find(|item| item.field() == field);
        let said = fields.is_some_and(|fields| fields.security.is_some());
        let security = item(Field::Security).filter(|_| !said).map(|item| item.after().is_some());
        let resolution = item(Field::Resolution).filter(|_| fields.is_none_or(|fields| fields.resolution.is_none()));
        let flagged = item(Field::Flagged).map(|item| item.after().is_some());
        Ticket {
            previous_status: item(Field::Status).and_then(|item| item.from_string.text()).map(text::title),
            resolution: ticket.resolution.or_else(|| resolution?.after()),
            flagged,
            flagged_at: ticket.updated_at.filter(|_| flagged.is_some()),
            restricted: security.or(ticket.restricted.filter(|_| said || !self.name().starts_with("comment_"))),
            duplicate_of: link::duplicate_of(fields, items),
            ..ticket
        }
    }

    /// What the fields of the site's own say about the ticket. A payload with the time of the last change has all of them.
    fn with_site_fields(&self, ticket: Ticket, items: &[&Item]) -> Ticket {
        let whole = ticket.updated_at.is_some();
        Ticket {
            due: self.due(),
            parents: self.parents(items, whole),
            sprints: self.custom.sprints().filter(|sprints| whole || !sprints.is_empty()),
            fields: self.custom.asked(&self.site),
            ..ticket
        }
    }

    /// Cloud has the epic where sub-tasks have their parent; Data Center in a field of its own.
    fn parents(&self, items: &[&Item], whole: bool) -> Option<Vec<String>> {
        let parent = self.fields().and_then(|fields| fields.parent.as_ref()?.key.as_ref());
        let parent = parent.map(|key| key.as_str().to_owned());
        let renamed = items.iter().find(|item| item.is_epic_link());
        let epics = self.custom.epics(&self.site).or_else(|| Some(renamed?.after().into_iter().collect()));
        let none = whole && people::is_cloud(self.body);
        let known = parent.is_some() || epics.is_some() || none;
        let mut keys = parent.into_iter().chain(epics.into_iter().flatten()).collect::<Vec<_>>();
        keys.dedup();
        known.then_some(keys)
    }

    /// Data Center's events about comments have no `issue`, only its id in the comment's address.
    fn about_id(&self) -> Result<Event, Reason> {
        let comment = self.body.comment.as_ref();
        let api = comment.and_then(|comment| comment.api.as_ref());
        let in_issue = self.body.issue.as_ref().and_then(|issue| issue.id.as_ref());
        let id = match in_issue {
            Some(id) => id.as_str(),
            None => api.and_then(issue_id).ok_or_else(|| missing("issue"))?,
        };
        Ok(self.about_unnamed(id))
    }

    /// An event about a ticket whose numeric id alone is known.
    fn about_unnamed(&self, id: &str) -> Event {
        let url = self.site().map(|site| format!("{site}/secure/ViewIssue.jspa?id={id}"));
        let about = Ticket { id: Some(id.to_owned()), url, ..Ticket::bare(id) };
        self.base(SubjectKey::ticket(id), "", About::Ticket(about))
    }

    fn name(&self) -> &str {
        plain(self.body.webhook_event.text().unwrap_or_default())
    }

    fn fields(&self) -> Option<&Fields> {
        self.body.issue.as_ref()?.fields.as_ref()
    }

    fn items(&self) -> Vec<&Item> {
        self.body.changelog.as_ref().map(|changelog| changelog.items.entries().collect()).unwrap_or_default()
    }

    /// The happenings of a `jira:issue_updated`, the most significant first.
    fn updates(&self) -> Vec<Happening> {
        let items = self.items();
        let around = Around { delivery: self, cloud: people::is_cloud(self.body) };
        let mut updates = happenings(&items, around);
        updates.extend(self.comment_fate().map(|fate| self.comment_happening(fate)));
        if updates.is_empty() && self.issue_event_type() == "issue_assigned" {
            // Cloud sometimes sends an assignment with an empty changelog.
            let assignee = self.fields().and_then(|fields| fields.assignee.as_ref()).and_then(User::actor);
            let (name, to) = (Some("assignee".to_owned()), assignee.map(|assignee| assignee.name));
            let change = Change { field: "assignee".to_owned(), name, from: None, to };
            updates.push(Happening::new(EventKind::TicketAssigned, Some(change)));
        }
        updates.sort_by_key(|happening| significance(happening.kind));
        if updates.is_empty() {
            let unnamed = self.body.is_automation().then(|| "the Automation rule names no change".to_owned());
            let because = why_no_news(&items).or(unnamed).map(|because| undoing(Undoes::Nothing, &because));
            updates.push(Happening { undoing: because, ..Happening::new(EventKind::TicketUpdated, None) });
        }
        updates
    }

    fn issue_event_type(&self) -> &str {
        self.body.issue_event_type.as_deref().unwrap_or_default()
    }

    fn tell(&self, base: &Event, happening: &Happening) -> Event {
        let Happening { kind, change, once, undoing } = happening.clone();
        let renamed = change.as_ref().filter(|_| kind == EventKind::TicketMoved).and_then(renamed);
        let event = Event { kind, change, once, undoing, renamed, ..base.clone() };
        match (kind, self.body.comment.as_ref(), self.comment_fate()) {
            (EventKind::TicketCommented, Some(comment), Some(fate)) => self.with_comment(event, comment, fate),
            _ => event,
        }
    }

    /// The events for notes in the comment, and in the description if it is new.
    fn notes(&self, events: &[Event]) -> Vec<Event> {
        let Some(first) = events.first() else { return Vec::new() };
        [self.notes_in_description(first), self.notes_in_comment(first)].concat()
    }

    /// The events for the notes in a new description, or for the changes of an edit.
    fn notes_in_description(&self, event: &Event) -> Vec<Event> {
        let place = Place {
            name: Some(format!("jira:{}:description", event.subject)),
            url: event.url.clone(),
            author: event.actor.clone(),
        };
        let description = self.fields().and_then(|fields| fields.description.as_deref());
        if event.kind == EventKind::TicketCreated {
            let written = description.and_then(Written::read).unwrap_or_default();
            return note::events(event, &written.own, &place);
        }
        let items = self.items();
        let Some(item) = items.iter().find(|item| item.field() == Field::Description) else { return Vec::new() };
        // The changelog has only markup, so the new text is compared in that form.
        let markup = |text: &Maybe<String>| Written::of_markup(text.as_deref().unwrap_or_default()).own;
        let now = match description {
            Some(description) if description.is_string() || item.to_string.is_none() => {
                Written::read(description).unwrap_or_default().own
            }
            _ => markup(&item.to_string),
        };
        note::edits(event, (&markup(&item.from_string), &now), &place)
    }
}

/// `10013` of `https://jira.example.com/rest/api/2/issue/10013/comment/10082`
fn issue_id(api: &Link) -> Option<&str> {
    let (_, after) = api.as_str().split_once("/issue/")?;
    let id = after.split('/').next().unwrap_or_default();
    (!id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit())).then_some(id)
}

fn ticket(key: &str, fields: &Fields) -> Ticket {
    let updated_at: Option<Timestamp> = fields.updated.map(|time| time.0);
    let status = fields.status.as_ref();
    let security = fields.security.as_ref().map(|level| !level.is_null());
    Ticket {
        // A payload with the time of the last change contains the whole ticket. A missing field says nothing, so a
        // restriction stays until Jira says that there is none.
        restricted: security,
        resolution: fields.resolution.as_ref().and_then(|resolution| resolution.name.text()).map(text::title),
        summary: fields.summary.text().map(text::title),
        status: status.and_then(|status| status.name.text()).map(text::title),
        status_category: status.and_then(Status::category),
        assignee: fields.assignee.as_ref().and_then(User::actor),
        reporter: fields.reporter.as_ref().and_then(User::actor),
        priority: fields.priority.as_ref().and_then(|priority| priority.name.text()).map(text::title),
        type_name: fields.issuetype.as_ref().and_then(|name| name.name.text()).map(text::title),
        labels: fields.labels.entries().map(|label| text::title(label)).collect(),
        fix_versions: fields
            .fix_versions
            .entries()
            .filter_map(|version| version.name.text())
            .map(text::title)
            .collect(),
        components: fields.components.entries().filter_map(|named| named.name.text()).map(text::title).collect(),
        updated_at,
        ..Ticket::bare(key)
    }
}

/// The order of several happenings in a delivery.
fn significance(kind: EventKind) -> usize {
    const ORDER: [EventKind; 14] = [
        EventKind::TicketMoved,
        EventKind::TicketDeleted,
        EventKind::TicketCreated,
        EventKind::TicketDone,
        EventKind::TicketStarted,
        EventKind::TicketTransitioned,
        EventKind::TicketSlipped,
        EventKind::TicketPulledIn,
        EventKind::TicketFlagged,
        EventKind::TicketAssigned,
        EventKind::TicketPriorityChanged,
        EventKind::TicketLinked,
        EventKind::TicketCommented,
        EventKind::TicketUpdated,
    ];
    ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len())
}

/// A moved ticket has a new key, but stays the same ticket.
fn renamed(change: &Change) -> Option<Renamed> {
    let key = |key: &Option<String>| TicketKey::jira(key.as_deref()?).map(|key| key.subject());
    Some(Renamed { from: key(&change.from)?, to: key(&change.to)? })
}

fn undoing(of: Undoes, because: &str) -> Undoing {
    Undoing { of, because: because.to_owned() }
}
