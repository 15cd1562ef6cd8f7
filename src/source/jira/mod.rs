//! Jira's webhooks, on Cloud and Data Center:
//! <https://developer.atlassian.com/server/jira/platform/webhooks/>

mod changelog;
mod once;
mod other;
mod payload;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::event::{self, About, Change, Event, EventKind, Source, Ticket, TicketKey};

use super::adf::Written;
use super::lenient::{Id, Link, Maybe};
use super::note::{self, Place};
use super::own::{OWN_COMMENT, is_ours_in_jira};
use super::{Context, Understood, not_a_payload, text};
use changelog::{Field, Happening, happenings};
use payload::{Body, Comment, Fields, Issue, Item, Status, User};

/// What a webhook has to tell us of, by the names that it is registered with.
pub const EVENTS: [&str; 10] = [
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "issuelink_created",
    "sprint_started",
    "sprint_closed",
    "jira:version_released",
];

/// Reads a body of Jira's, which names its event itself.
pub fn parse(body: &[u8], context: &Context<'_>) -> Understood {
    let mut body: Body = serde_json::from_slice(body).map_err(|error| not_a_payload(&error))?;
    let ours = body.comment.as_ref().and_then(|comment| comment.body.as_ref()).is_some_and(is_ours_in_jira);
    if ours {
        // What else an update says remains.
        (body.comment, body.issue_event_type) = (Maybe::default(), Maybe::default());
    }
    let name = body.webhook_event.text().ok_or_else(|| missing("webhookEvent"))?;
    let delivery = Delivery { body: &body, context };
    // Some names have the prefix, some do not, and it has changed over time.
    match name.strip_prefix("jira:").unwrap_or(name) {
        "comment_created" | "comment_updated" | "comment_deleted" if ours => Err(OWN_COMMENT.to_owned()),
        "issue_updated" if ours && delivery.items().is_empty() => Err(OWN_COMMENT.to_owned()),
        "issue_created" => delivery.about_ticket(&[(EventKind::TicketCreated, None)]),
        "issue_updated" => delivery.about_ticket(&delivery.updates()),
        "issue_deleted" => delivery.about_ticket(&[(EventKind::TicketDeleted, None)]),
        "comment_created" => delivery.about_ticket(&[(EventKind::TicketCommented, None)]),
        "comment_updated" | "comment_deleted" => delivery.about_ticket(&[comment_changed()]),
        "issuelink_created" => other::linked(&delivery),
        "sprint_started" => other::sprint(&delivery, EventKind::SprintStarted),
        "sprint_closed" => other::sprint(&delivery, EventKind::SprintClosed),
        "version_released" => other::version(&delivery),
        _ => Err(format!("`{}` is not something rules can ask for", text::title(name))),
    }
}

struct Delivery<'a> {
    body: &'a Body,
    context: &'a Context<'a>,
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
        if let Some(first) = events.first_mut() {
            first.retold = self.edited_comment();
        }
        let notes = self.notes(&events);
        // A comment that is nothing but notes is told as those.
        events.retain(|event| event.kind != EventKind::TicketCommented || event.comment.is_some() || notes.is_empty());
        Ok([events, notes].concat())
    }

    /// What the events of a delivery have in common, as an event of no kind yet.
    fn base(&self, subject: &str, scope: &str, about: About) -> Event {
        let at = self.body.timestamp.map(|time| time.0).or_else(|| about.updated_at());
        Event {
            source: Source::Jira,
            kind: EventKind::TicketUpdated,
            scope: scope.to_owned(),
            actor: self.body.user.as_ref().and_then(User::actor),
            at: at.unwrap_or(self.context.received),
            url: about.url().map(str::to_owned),
            subject: subject.to_owned(),
            about,
            tickets: Vec::new(),
            change: None,
            note: None,
            comment: None,
            private: None,
            once: None,
            retold: None,
            paths: None,
            owners: None,
            gap: None,
            host: None,
            more_paths: false,
            listed: Vec::new(),
            doers: Vec::new(),
            undoing: None,
            renamed: None,
        }
    }

    fn about_key(&self, issue: &Issue, key: &str) -> Event {
        let fields = issue.fields.as_ref();
        let comment = self.body.comment.as_ref();
        let api = issue.api.as_ref().or_else(|| comment.and_then(|comment| comment.api.as_ref()));
        let url = self.site(api).map(|site| format!("{site}/browse/{key}"));
        let previous = self.items().into_iter().find(|item| item.field() == Field::Status);
        let about = Ticket {
            id: issue.id.as_ref().map(|id| id.as_str().to_owned()),
            url,
            previous_status: previous.and_then(|item| item.from_string.text()).map(text::title),
            ..fields.map_or_else(|| Ticket::bare(key), |fields| ticket(key, fields))
        };
        let key: Option<TicketKey> = key.parse().ok();
        let project = fields.and_then(|fields| fields.project.as_ref()).and_then(|project| project.key.as_ref());
        let scope =
            project.map(Id::as_str).or_else(|| key.as_ref().map(TicketKey::project)).unwrap_or_default().to_owned();
        let base = self.base(&about.key.clone(), &scope, About::Ticket(about));
        Event { tickets: key.into_iter().collect(), ..base }
    }

    /// Data Center's `comment_created` and its kin have no `issue`, only its id in the comment's address.
    fn about_id(&self) -> Result<Event, String> {
        let comment = self.body.comment.as_ref();
        let api = comment.and_then(|comment| comment.api.as_ref());
        let in_issue = self.body.issue.as_ref().and_then(|issue| issue.id.as_ref());
        let id = match in_issue {
            Some(id) => id.as_str(),
            None => api.and_then(issue_id).ok_or_else(|| missing("issue"))?,
        };
        Ok(self.about_unnamed(id, api))
    }

    /// An event about a ticket of which only the numeric id is known.
    fn about_unnamed(&self, id: &str, api: Option<&Link>) -> Event {
        let url = self.site(api).map(|site| format!("{site}/secure/ViewIssue.jspa?id={id}"));
        let about = Ticket { id: Some(id.to_owned()), url, ..Ticket::bare(id) };
        self.base(id, "", About::Ticket(about))
    }

    /// Where Jira's pages are: as configured, else what comes before the API in an address of it.
    fn site(&self, api: Option<&Link>) -> Option<String> {
        let configured = self.context.settings.jira_base_url.as_deref();
        let site = configured.or_else(|| api?.as_str().split_once("/rest/").map(|(site, _)| site))?;
        Some(site.trim_end_matches('/').to_owned())
    }

    fn items(&self) -> Vec<&Item> {
        self.body.changelog.as_ref().map(|changelog| changelog.items.entries().collect()).unwrap_or_default()
    }

    /// What a `jira:issue_updated` tells, the most significant first.
    fn updates(&self) -> Vec<Happening> {
        let fields = self.body.issue.as_ref().and_then(|issue| issue.fields.as_ref());
        let mut updates = happenings(&self.items(), fields);
        updates.extend(self.comment_update());
        if updates.is_empty() && self.issue_event_type() == "issue_assigned" {
            // Seen on Cloud: an assignment with an empty changelog.
            let assignee = fields.and_then(|fields| fields.assignee.as_ref()).and_then(User::actor);
            let to = assignee.map(|assignee| assignee.name);
            updates.push((
                EventKind::TicketAssigned,
                Some(Change { field: "assignee".to_owned(), from: None, to, name: None }),
            ));
        }
        updates.sort_by_key(|(kind, _)| significance(*kind));
        let specific = updates.iter().filter(|(kind, _)| *kind != EventKind::TicketUpdated).count();
        updates.truncate(specific.max(1));
        if updates.is_empty() { vec![(EventKind::TicketUpdated, None)] } else { updates }
    }

    fn issue_event_type(&self) -> &str {
        self.body.issue_event_type.as_deref().unwrap_or_default()
    }

    /// What became of the comment that came with an update. Old servers do not name the type; then a comment that was
    /// never edited is new.
    fn comment_update(&self) -> Option<Happening> {
        let comment = self.body.comment.as_ref();
        match (self.issue_event_type(), comment) {
            ("issue_comment_edited" | "issue_comment_deleted", _) => Some(comment_changed()),
            ("issue_commented", Some(_)) => Some((EventKind::TicketCommented, None)),
            (_, Some(comment)) if comment.created() == comment.updated() => Some((EventKind::TicketCommented, None)),
            (_, Some(_)) => Some(comment_changed()),
            (_, None) => None,
        }
    }

    fn tell(&self, base: &Event, (kind, change): &Happening) -> Event {
        let event = Event { kind: *kind, change: change.clone(), ..base.clone() };
        let commented = *kind == EventKind::TicketCommented;
        let edited = change.as_ref().is_some_and(|change| change.field == "comment");
        match self.body.comment.as_ref() {
            Some(comment) if commented || edited => self.with_comment(event, comment, commented),
            _ => event,
        }
    }

    /// Tells an event by its comment: whose, when, where, and what it says.
    fn with_comment(&self, event: Event, comment: &Comment, created: bool) -> Event {
        let (author, editor) = (comment.author.as_ref(), comment.update_author.as_ref());
        let writer = if created { author.or(editor) } else { editor.or(author) };
        let actor = writer.and_then(User::actor).or(event.actor);
        if self.is_deleted() {
            return Event { actor, ..event };
        }
        let at = if created { comment.created() } else { comment.updated() };
        let id = comment.id.as_ref().map(Id::as_str);
        let named = !event.tickets.is_empty();
        let url = event.url.map(|url| match id {
            // Understood by Cloud and Data Center alike.
            Some(id) if named => format!("{url}?focusedCommentId={id}"),
            _ => url,
        });
        let summary = own_text(comment).and_then(|written| written.summary());
        let comment = summary.map(|summary| event::Comment { summary, url: url.clone() });
        // The same comment comes in `comment_created` and within `jira:issue_updated`.
        let once = id.filter(|_| created).map(|id| format!("jira-comment:{id}"));
        Event { actor, at: at.unwrap_or(event.at), url, comment, once, ..event }
    }

    fn is_deleted(&self) -> bool {
        let name = self.body.webhook_event.as_deref().unwrap_or_default();
        name.ends_with("comment_deleted") || self.issue_event_type() == "issue_comment_deleted"
    }

    /// What the names of the notes in the delivery's comment begin with, if it is not a new one: Jira doesn't say what
    /// the comment was before.
    fn edited_comment(&self) -> Option<String> {
        let id = self.body.comment.as_ref()?.id.as_ref()?;
        let name = self.body.webhook_event.as_deref().unwrap_or_default();
        let changed = match name.strip_prefix("jira:").unwrap_or(name) {
            "comment_updated" | "comment_deleted" => true,
            "issue_updated" => self.comment_update().is_some_and(|(kind, _)| kind != EventKind::TicketCommented),
            _ => false,
        };
        changed.then(|| note::prefix(&comment_place(id)))
    }

    /// The events for notes in the comment, and in the description where it is new.
    fn notes(&self, events: &[Event]) -> Vec<Event> {
        let Some(first) = events.first() else { return Vec::new() };
        let mut notes = self.notes_in_description(first);
        let comment = self.body.comment.as_ref().filter(|_| !self.is_deleted());
        if let Some((comment, written)) = comment.and_then(|comment| Some((comment, own_text(comment)?))) {
            let plain = Event { url: first.about.url().map(str::to_owned), ..first.clone() };
            let created = events.iter().any(|event| event.kind == EventKind::TicketCommented);
            let event = self.with_comment(plain, comment, created);
            let place = Place {
                name: comment.id.as_ref().map(comment_place),
                url: event.url.clone(),
                author: event.actor.clone(),
            };
            notes.extend(note::events(&event, &written.own, &place));
        }
        notes
    }

    /// The events for the notes in a new description, or for what an edit of it changes in them.
    fn notes_in_description(&self, event: &Event) -> Vec<Event> {
        let place = Place {
            name: Some(format!("jira:{}:description", event.subject)),
            url: event.url.clone(),
            author: event.actor.clone(),
        };
        let fields = self.body.issue.as_ref().and_then(|issue| issue.fields.as_ref());
        let description = fields.and_then(|fields| fields.description.as_ref());
        if event.kind == EventKind::TicketCreated {
            let written = description.and_then(Written::read).unwrap_or_default();
            return note::events(event, &written.own, &place);
        }
        let items = self.items();
        let Some(item) = items.iter().find(|item| item.field() == Field::Description) else { return Vec::new() };
        // The changelog has markup only: what a document says is compared as that.
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

/// Names a comment across deliveries.
fn comment_place(id: &Id) -> String {
    format!("jira:comment:{}", id.as_str())
}

/// What a comment says, unless not everybody may read it.
fn own_text(comment: &Comment) -> Option<Written> {
    comment.body.as_ref().filter(|_| !comment.is_restricted()).and_then(Written::read)
}

fn comment_changed() -> Happening {
    (EventKind::TicketUpdated, Some(Change { field: "comment".to_owned(), from: None, to: None, name: None }))
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
    Ticket {
        summary: fields.summary.text().map(text::title),
        status: status.and_then(|status| status.name.text()).map(text::title),
        status_category: status.and_then(Status::category),
        due: fields.duedate.map(|day| day.0),
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

/// What is told first when one delivery says several things.
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

fn missing(field: &str) -> String {
    format!("the payload has no usable `{field}`")
}
