//! Which GitHub a payload is from: github.com, or an Enterprise Server.

use super::payload::Body;
use crate::source::lenient::{Link, Maybe, host_of};

/// The host of the repository's page, in lower case, with its port unless that is the default. If the payload doesn't
/// link that page, its other links are used.
pub fn host(body: &Body) -> Option<String> {
    let repository = body.repository.as_ref();
    let own = repository.into_iter().flat_map(|repository| [&repository.html_url, &repository.url]);
    own.chain(subject(body)).filter_map(|link| link.as_ref()).find_map(|link| host_of(link.as_str()))
}

/// The links to its subject, and finally to its actor.
fn subject(body: &Body) -> impl Iterator<Item = &Maybe<Link>> {
    let pull_request = body.pull_request.iter().flat_map(|pull| [&pull.html_url, &pull.url]);
    let issues = [&body.issue, &body.discussion, &body.sub_issue, &body.parent_issue]
        .into_iter()
        .flat_map(|issue| issue.iter())
        .map(|issue| &issue.html_url);
    let comments = [&body.comment, &body.review, &body.answer];
    let comments = comments.into_iter().flat_map(|comment| comment.iter()).map(|comment| &comment.html_url);
    let release = body.release.iter().map(|release| &release.html_url);
    let run = body.workflow_run.iter().map(|run| &run.html_url);
    let push = std::iter::once(&body.compare).chain(body.head_commit.iter().map(|commit| &commit.url));
    let sender = body.sender.iter().flat_map(|sender| sender.iter()).map(|sender| &sender.html_url);
    pull_request.chain(issues).chain(comments).chain(release).chain(run).chain(push).chain(sender)
}
