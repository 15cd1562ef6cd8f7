//! Tells two servers with the same names apart: a subject on another host than ours has the host in its name.

use crate::event::{About, Event, Note, OccurrenceId, Renamed, Source, SubjectKey, Undoes};

/// The hosts whose repositories and tickets go by their bare names: as configured, else the first that was heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homes {
    /// GitHub's, as configured
    pub github: Option<String>,
    /// Jira's, as configured
    pub jira: Option<String>,
    /// The first GitHub that was heard of
    pub first_github: Option<String>,
    /// The first Jira that was heard of
    pub first_jira: Option<String>,
}

impl Homes {
    /// Whether a host is ours. The first one that is heard of becomes ours, unless the one that is configured was heard of.
    pub fn is_home(&mut self, source: Source, host: &str) -> bool {
        let (configured, first) = match source {
            Source::Github => (&self.github, &mut self.first_github),
            Source::Jira => (&self.jira, &mut self.first_jira),
        };
        if configured.as_deref() == Some(host) {
            *first = Some(host.to_owned());
            return true;
        }
        first.get_or_insert_with(|| host.to_owned()) == host
    }
}

/// An event as the planner knows it: of another host than ours, every name begins with the host,
/// except the keys of Jira's tickets.
pub fn localize(event: &mut Event, homes: &mut Homes) {
    let Some(host) = event.host.take() else { return };
    if homes.is_home(event.source, &host) {
        return;
    }
    let name = |name: &mut String| *name = format!("{host}/{name}");
    let subject = |subject: &mut SubjectKey| *subject = subject.clone().on_host(Some(&host));
    subject(&mut event.subject);
    let once = |once: &mut OccurrenceId| *once = once.on_host(&host);
    event.once.as_mut().map(once);
    event.retold.as_mut().map(name);
    if let Some(Note { replaces: Some(replaces), .. }) = &mut event.note {
        once(replaces);
    }
    if let Some(Undoes::Occurrence(of, _)) = event.undoing.as_mut().map(|undoing| &mut undoing.of) {
        once(of);
    }
    if let Some(Renamed { from, to }) = &mut event.renamed {
        subject(from);
        subject(to);
    }
    match &mut event.about {
        About::Ticket(ticket) => drop(ticket.id.as_mut().map(name)),
        About::Issue(issue) => issue.parent.iter_mut().for_each(|key| *key = key.on_host(&host)),
        About::PullRequest(_) | About::Thing(_) => {}
    }
    event.tickets.iter_mut().chain(&mut event.listed).for_each(|key| *key = key.on_host(&host));
    event.host = Some(host);
}
