//! Which of several Jira sites a payload is from, and where its pages are.

use crate::event::{About, Event, Source};
use crate::source::lenient::{Link, host_of};

use super::Delivery;

/// The host of Cloud's API for service accounts, which isn't the name of a site.
const GATEWAY: &str = "api.atlassian.com";
/// How the paths of pages begin.
const PAGES: [&str; 2] = ["/browse/", "/secure/"];

impl Delivery<'_> {
    /// The host of the payload's site, with its port unless that is the default, if an address in it says so.
    pub fn host(&self) -> Option<String> {
        host_of(self.home()?.as_str())
    }

    /// The address of Jira's pages: as configured, unless the payload is from another site.
    pub fn site(&self) -> Option<String> {
        let configured = self.context.settings.jira_base_url.as_deref();
        let home = self.home().and_then(|api| Some((host_of(api.as_str())?, api.as_str().split_once("/rest/")?.0)));
        let site = match (configured, home) {
            (Some(site), Some((name, _))) if host_of(site) == Some(name.clone()) => site,
            (_, Some((_, site))) => site,
            (configured, None) => configured?,
        };
        Some(site.trim_end_matches('/').to_owned())
    }

    /// The first address in the payload that names its site.
    fn home(&self) -> Option<&Link> {
        let body = self.body;
        let comment = body.comment.as_ref();
        let issue = body.issue.as_ref();
        let fields = issue.and_then(|issue| issue.fields.as_ref());
        let project = fields.and_then(|fields| fields.project.as_ref());
        let users = [
            body.user.as_ref(),
            comment.and_then(|comment| comment.author.as_ref()),
            comment.and_then(|comment| comment.update_author.as_ref()),
            fields.and_then(|fields| fields.assignee.as_ref()),
            fields.and_then(|fields| fields.reporter.as_ref()),
        ];
        let users = users.into_iter().flatten().filter_map(|user| user.api.as_ref());
        let things = [
            issue.and_then(|issue| issue.api.as_ref()),
            comment.and_then(|comment| comment.api.as_ref()),
            body.sprint.as_ref().and_then(|sprint| sprint.api.as_ref()),
            body.version.as_ref().and_then(|version| version.api.as_ref()),
            project.and_then(|project| project.api.as_ref()),
        ];
        let mut named = things.into_iter().flatten().chain(users);
        named.find(|api| host_of(api.as_str()).is_some_and(|host| host != GATEWAY))
    }
}

/// Replaces the site in an event's links to Jira's pages, since a site may have different names inside and outside.
pub fn at_site(event: &mut Event, site: &str) {
    if event.source != Source::Jira {
        return;
    }
    let note = event.note.as_mut().and_then(|note| note.url.as_mut());
    let comment = event.comment.as_mut().and_then(|comment| comment.url.as_mut());
    let about = match &mut event.about {
        About::Ticket(ticket) => ticket.url.as_mut(),
        About::Thing(thing) => thing.url.as_mut(),
        About::PullRequest(_) | About::Issue(_) => None,
    };
    for url in [event.url.as_mut(), about, note, comment].into_iter().flatten() {
        if let Some(at) = PAGES.iter().filter_map(|pages| url.find(pages)).min() {
            *url = format!("{}{}", site.trim_end_matches('/'), &url[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_case_and_usual_ports() {
        for (address, name) in [
            ("https://Example.Atlassian.net/rest/api/2/issue/1", Some("example.atlassian.net")),
            ("https://jira.example.com:443/context/rest/api/2/issue/1", Some("jira.example.com")),
            ("http://jira.example.com:8080/rest/api/2/issue/1", Some("jira.example.com:8080")),
            ("http://[::1]:2990/jira", Some("[::1]:2990")),
            ("mailto:a@example.com", None),
            ("nonsense", None),
        ] {
            assert_eq!(host_of(address).as_deref(), name, "{address}");
        }
    }
}
