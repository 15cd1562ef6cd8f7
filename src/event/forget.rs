//! Takes a person's words and names out of an event.
//!
//! What a subject is called and where it is stays, as do ids, times and states: without them something would be told twice or
//! not at all. Each field is named here, so that a new one isn't forgotten.

use super::{About, Actor, Change, Event, Issue, Note, Person, PullRequest, Thing, Ticket, Undoing};

/// What stands in the place of a name.
pub const SOMEBODY: &str = "somebody";
/// What stands in the place of other words.
pub const FORGOTTEN: &str = "(forgotten)";

impl Event {
    /// Takes a person's words and names out of it. Says whether messages about it may hold their words.
    pub fn forget(&mut self, person: &Person) -> bool {
        let Self {
            source: _,
            kind: _,
            scope: _,
            at: _,
            url: _,
            subject,
            tickets: _,
            private: _,
            once: _,
            retold: _,
            host: _,
            more_tickets: _,
            listed: _,
            renamed: _,
            review: _,
            people: _,
            actor,
            about,
            change,
            note,
            comment,
            paths,
            owners,
            generated,
            gap,
            more_paths,
            more_owners,
            doers,
            undoing,
        } = self;
        let wrote = forget_one(actor, person);
        let mut told = wrote | forget_each(doers, |doer| person.is(doer));
        told |= about.forget(person, subject, wrote);
        told |= note.as_mut().is_some_and(|note| note.forget(person, wrote));
        told |= comment.take_if(|comment| wrote || person.is_in(&comment.summary)).is_some();
        if let Some(Change { field: _, name: _, from, to }) = change {
            [from, to].into_iter().flatten().for_each(|value| replace(value, person, SOMEBODY));
        }
        let fewer_paths = forget_names(paths, person);
        *more_paths |= fewer_paths;
        let owners = owners.as_mut();
        *more_owners |= owners.is_some_and(|owners| {
            // The others have other places now.
            owners.iter_mut().filter(|_| fewer_paths).for_each(|owner| owner.files = None);
            forget_each(owners, |owner| person.is_in(&owner.name))
        });
        generated.take_if(|_| fewer_paths);
        gap.take_if(|gap| person.is_in(gap));
        if let Some(Undoing { of: _, because }) = undoing {
            replace(because, person, FORGOTTEN);
        }
        told
    }
}

impl Note {
    fn forget(&mut self, person: &Person, wrote: bool) -> bool {
        let Self { kind: _, text, to, url: _, author, edited: _, taken_back: _, replaces: _ } = self;
        let unsigned = author.is_none();
        let told = forget_one(author, person) || unsigned && wrote || person.is_in(text);
        if told {
            text.clear();
        }
        forget_each(to, |name| person.is_in(name));
        told
    }
}

impl About {
    /// Takes a person's words and names out of what is called `subject`. Says whether their words were in it; `wrote` is
    /// whether they wrote what has no author of its own.
    pub fn forget(&mut self, person: &Person, subject: &str, wrote: bool) -> bool {
        match self {
            Self::PullRequest(pr) => pr.forget(person, subject),
            Self::Issue(issue) => issue.forget(person, subject),
            Self::Ticket(ticket) => ticket.forget(person),
            Self::Thing(thing) => thing.forget(person, subject, wrote),
        }
    }
}

impl PullRequest {
    fn forget(&mut self, person: &Person, subject: &str) -> bool {
        let Self {
            number: _,
            title,
            url: _,
            stage: _,
            author,
            draft: _,
            base,
            head,
            head_sha: _,
            reviewing_teams: _,
            labels,
            assignees,
            reviewers,
            additions: _,
            deletions: _,
            changed_files: _,
            body_summary,
            body,
            private: _,
            updated_at: _,
        } = self;
        replace(title, person, subject);
        for branch in [base, head] {
            branch.take_if(|branch| person.is_in(branch));
        }
        for names in [labels, assignees, reviewers] {
            forget_names(names, person);
        }
        let wrote = forget_one(author, person);
        [body, body_summary].map(|text| forget_words(text, person, wrote))[1]
    }
}

impl Issue {
    fn forget(&mut self, person: &Person, subject: &str) -> bool {
        let Self {
            number: _,
            id: _,
            title,
            url: _,
            stage: _,
            state_reason: _,
            author,
            labels,
            assignees,
            type_name: _,
            milestone,
            parent: _,
            progress,
            body_summary,
            body,
            private: _,
            updated_at: _,
        } = self;
        replace(title, person, subject);
        milestone.take_if(|milestone| person.is_in(&milestone.title));
        progress.left.take_if(|left| person.is_in(&left.milestone.title));
        progress.iteration.take_if(|iteration| person.is_in(iteration));
        for values in progress.fields.values_mut() {
            forget_each(values, |value| person.is_in(value));
        }
        for names in [labels, assignees] {
            forget_each(names, |name| person.is_in(name));
        }
        let wrote = forget_one(author, person);
        [body, body_summary].map(|text| forget_words(text, person, wrote))[1]
    }
}

impl Ticket {
    fn forget(&mut self, person: &Person) -> bool {
        let Self {
            key: _,
            id: _,
            url: _,
            summary,
            status: _,
            status_category: _,
            previous_status: _,
            resolution: _,
            duplicate_of: _,
            slipped: _,
            flagged: _,
            flagged_at: _,
            restricted: _,
            due: _,
            assignee,
            reporter,
            priority: _,
            type_name: _,
            updated_at: _,
            labels,
            fix_versions,
            components,
            private: _,
            parents: _,
            sprints,
            fields,
        } = self;
        summary.take_if(|summary| person.is_in(summary));
        for names in [labels, fix_versions, components] {
            forget_each(names, |name| person.is_in(name));
        }
        forget_names(sprints, person);
        for values in fields.values_mut() {
            forget_each(values, |value| person.is_in(value));
        }
        for one in [assignee, reporter] {
            forget_one(one, person);
        }
        false
    }
}

impl Thing {
    fn forget(&mut self, person: &Person, subject: &str, wrote: bool) -> bool {
        let Self {
            kind: _,
            title,
            url: _,
            branch,
            tag: _,
            prerelease: _,
            environment: _,
            task: _,
            trigger: _,
            id: _,
            attempt: _,
            outcome: _,
            body_summary,
            commit: _,
            updated_at: _,
            pull_request: _,
            brought_by,
        } = self;
        replace(title, person, subject);
        branch.take_if(|branch| person.is_in(branch));
        let told = forget_words(body_summary, person, wrote);
        // Its pull request has its number for a name, which says enough beside it.
        brought_by.as_mut().is_some_and(|pr| {
            let name = format!("#{}", pr.number);
            pr.forget(person, &name)
        }) || told
    }
}

fn forget_one(one: &mut Option<Actor>, person: &Person) -> bool {
    one.take_if(|one| person.is(one)).is_some()
}

fn forget_each<T>(all: &mut Vec<T>, is_theirs: impl Fn(&T) -> bool) -> bool {
    let before = all.len();
    all.retain(|one| !is_theirs(one));
    all.len() < before
}

fn forget_names(names: &mut Option<Vec<String>>, person: &Person) -> bool {
    names.as_mut().is_some_and(|names| forget_each(names, |name| person.is_in(name)))
}

/// Takes out words that they wrote, or that name them.
fn forget_words(words: &mut Option<String>, person: &Person, wrote: bool) -> bool {
    words.take_if(|words| wrote || person.is_in(words)).is_some()
}

/// Puts something in the place of a text that names them.
fn replace(text: &mut String, person: &Person, with: &str) {
    if person.is_in(text) {
        with.clone_into(text);
    }
}
