//! Pushes to branches.

use std::collections::BTreeSet;

use crate::event::{About, Actor, EventKind, SubjectKey, Thing, ThingKind};
use crate::reason::Reason;
use crate::source::lenient::Maybe;
use crate::source::{Understood, commit, not_news, tickets};

use super::payload::{Body, Commit, CommitAuthor, is_machine};
use super::queue::{self, TEMPORARY};
use super::thing::thing;
use super::{Delivery, first, missing, name, time};

/// The most commits in a push that GitHub lists.
const MOST_COMMITS: usize = 2_048;

/// `push`, to a branch
pub fn push(delivery: &Delivery<'_>) -> Understood {
    let body = delivery.body;
    let git_ref = body.git_ref.text().ok_or_else(|| missing("ref"))?;
    let of_tag = || Reason::NotAskedFor { what: "a push of a tag".to_owned() };
    let branch = git_ref.strip_prefix("refs/heads/").ok_or_else(of_tag)?;
    let removed = body.after.text().is_some_and(|sha| sha.bytes().all(|digit| digit == b'0'));
    if *body.deleted == Some(true) || removed {
        return Err(not_news("the push deletes a branch, which is reported as `branch.deleted`"));
    }
    if queue::tried(branch, delivery.by()).is_some() {
        return Err(Reason::MergeQueue { detail: format!("the push is to {TEMPORARY}") });
    }
    let message = body.head_commit.as_ref().and_then(|commit| commit.message.text());
    let pushed_to = format!("pushed to {branch}");
    let title = message.and_then(|message| message.lines().next()).unwrap_or(&pushed_to);
    let url = first(&[&body.compare]).or_else(|| delivery.page(&["commits", branch]));
    let doers = doers(delivery);
    let landed = doers.as_ref().is_some_and(Vec::is_empty).then(|| message.and_then(queue::landed)).flatten();
    let about = Thing {
        branch: Some(branch.to_owned()),
        pull_request: landed,
        // A commit may be old, so the time of the push counts.
        ..thing(ThingKind::Push, title, url, time(&delivery.repository.pushed_at))
    };
    let commits = body.commits.entries().filter_map(|commit| commit.message.text());
    let messages: Vec<&str> = message.into_iter().chain(commits).collect();
    let keys = delivery.keys_and_issues(Some(branch), (None, &messages), tickets::MOST);
    let mut event = delivery.event(EventKind::Push, SubjectKey::branch(delivery.scope, branch), About::Thing(about));
    (event.tickets, event.listed) = (keys.tickets, keys.listed);
    (event.paths, event.more_paths) = paths(body);
    event.more_tickets = is_cut(body.commits.as_ref().map_or(&[][..], |commits| &**commits));
    let ends = body.before.text().zip(body.after.text());
    event.once = ends.map(|(before, after)| name::name(&["push", delivery.scope, branch, before, after]));
    let commits = body.commits.entries().chain(body.head_commit.as_ref()).map(Commit::read).collect::<Vec<_>>();
    let notes = commit::notes(&event, &commits, |message| {
        delivery.keys_and_issues(Some(branch), (None, &[message]), tickets::MOST)
    });
    let mut doers = doers.unwrap_or_default().into_iter();
    event.actor = doers.next().or(event.actor);
    event.doers = doers.collect();
    Ok([vec![event], notes].concat())
}

/// The people whose commits a machine pushes, whoever wrote the last one first; `None` where no machine pushes.
fn doers(delivery: &Delivery<'_>) -> Option<Vec<Actor>> {
    let sender = delivery.body.sender.as_ref().and_then(|sender| sender.as_ref()?.actor());
    let login = delivery.by()?;
    if !(sender.is_some_and(|sender| sender.bot) || is_machine(login) || queue::lands(login)) {
        return None;
    }
    let body = delivery.body;
    let authors = body.head_commit.iter().chain(body.commits.entries()).filter_map(|commit| commit.author.as_ref());
    let mut people: Vec<Actor> = Vec::new();
    for author in authors.filter_map(CommitAuthor::actor) {
        let machine = author.bot || is_machine(&author.name) || queue::lands(&author.login);
        if !machine && !people.iter().any(|known| is_same(known, &author)) {
            people.push(author);
        }
    }
    Some(people)
}

/// GitHub doesn't know each address: somebody may come with a login in one commit and with no more than a name in another.
fn is_same(one: &Actor, other: &Actor) -> bool {
    let nameless = |author: &Actor| author.login == author.name;
    one.login.eq_ignore_ascii_case(&other.login) || one.name == other.name && (nameless(one) || nameless(other))
}

/// Whether a push may contain more commits than it lists: it lists none for a forced push or a new branch.
fn is_cut(commits: &[Maybe<Commit>]) -> bool {
    commits.is_empty() || commits.len() >= MOST_COMMITS
}

/// The files that the commits of a push change, as far as they are known, and whether there may be others. If GitHub
/// lists no commits, as after a forced push, only the last one is known.
fn paths(body: &Body) -> (Option<Vec<String>>, bool) {
    let listed = body.commits.as_ref().map_or(&[][..], |commits| &**commits);
    let lists = |commit: &Commit| [&commit.added, &commit.modified, &commit.removed].iter().any(|list| list.is_some());
    let whole = |commit: &Maybe<Commit>| commit.as_ref().is_some_and(lists);
    let more = is_cut(listed) || !listed.iter().all(whole);
    let commits: Vec<&Commit> = match listed.iter().any(whole) {
        true => body.commits.entries().collect(),
        false => body.head_commit.iter().filter(|commit| lists(commit)).collect(),
    };
    if commits.is_empty() {
        return (None, false);
    }
    let lists = commits.into_iter().flat_map(|commit| [&commit.added, &commit.modified, &commit.removed]);
    let paths: BTreeSet<&str> = lists.flat_map(Maybe::entries).map(String::as_str).collect();
    (Some(paths.into_iter().map(str::to_owned).collect()), more)
}
