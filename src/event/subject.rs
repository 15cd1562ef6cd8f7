//! The names of subjects: where they are built and where they are taken apart.

use super::TicketKey;
use super::name::name;

name! {
    /// Names a subject, or a repository with all that is in it. It begins with the host and a `/` if that isn't ours.
    ///
    /// | form | subject |
    /// | --- | --- |
    /// | `acme/api` | a repository |
    /// | `acme/api#45` | a pull request, an issue or a discussion |
    /// | `acme/api:main` | a branch, or a push to it |
    /// | `acme/api@v1` | a release |
    /// | `acme/api:workflow/12/push@main` | a workflow on a branch |
    /// | `acme/api:deployment/production` | an environment |
    /// | `I_kwDOCG5vGM5La0aB` | an issue of which only the id in GitHub's API is known |
    /// | `DATA-123`, or `10013` where only Jira's number is known | a ticket |
    /// | `sprint/5`, `version/7` | a sprint or a version in Jira |
    SubjectKey
}

/// A name of a subject, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectParts<'a> {
    /// The host, if it isn't ours
    pub host: Option<&'a str>,
    /// `owner/repo`, or the key of a Jira project; empty where the name has neither
    pub scope: &'a str,
    /// What follows, with the character that separates it: `#45`, `:main`, `-123`; `sprint/5`
    pub rest: &'a str,
}

impl<'a> SubjectParts<'a> {
    /// Takes a name apart. It doesn't say where its host ends, so that follows from the form of the rest.
    #[must_use]
    pub fn of(name: &'a str) -> Self {
        let bare = bare(name);
        let host = name.strip_suffix(bare).and_then(|host| host.strip_suffix('/'));
        let (scope, rest) = match bare.split_once('/') {
            None => bare.split_at(bare.rfind('-').unwrap_or_default()),
            Some(("sprint" | "version", id)) if is_number(id) => ("", bare),
            Some(_) => bare.split_at(bare.find(['#', ':', '@']).unwrap_or(bare.len())),
        };
        Self { host, scope, rest }
    }

    /// The number of a pull request, an issue or a discussion.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        self.rest.strip_prefix('#').filter(|number| is_number(number))?.parse().ok()
    }
}

impl SubjectKey {
    /// A repository.
    #[must_use]
    pub fn repository(scope: &str) -> Self {
        Self(scope.to_owned())
    }

    /// A pull request, an issue or a discussion.
    #[must_use]
    pub fn numbered(scope: &str, number: u64) -> Self {
        Self(format!("{scope}#{number}"))
    }

    /// An issue of which only the id in GitHub's API is known.
    #[must_use]
    pub fn unnamed(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// A branch.
    #[must_use]
    pub fn branch(scope: &str, branch: &str) -> Self {
        Self(format!("{scope}:{branch}"))
    }

    /// A release.
    #[must_use]
    pub fn release(scope: &str, tag: &str) -> Self {
        Self(format!("{scope}@{tag}"))
    }

    /// A workflow, by what identifies it in its repository, and what triggers it on which branch.
    #[must_use]
    pub fn workflow(scope: &str, which: &str, (trigger, at): (Option<&str>, Option<&str>)) -> Self {
        let trigger = trigger.map(|trigger| format!("/{trigger}")).unwrap_or_default();
        let at = at.map(|at| format!("@{at}")).unwrap_or_default();
        Self(format!("{scope}:workflow/{which}{trigger}{at}"))
    }

    /// What is deployed to a place: an environment, with the task if there are several.
    #[must_use]
    pub fn deployment(scope: &str, place: &str) -> Self {
        Self(format!("{scope}:deployment/{place}"))
    }

    /// A ticket, by its key or by Jira's number.
    #[must_use]
    pub fn ticket(key: &str) -> Self {
        Self(key.to_owned())
    }

    /// A sprint in Jira.
    #[must_use]
    pub fn sprint(id: &str) -> Self {
        Self(format!("sprint/{id}"))
    }

    /// A version in Jira.
    #[must_use]
    pub fn version(id: &str) -> Self {
        Self(format!("version/{id}"))
    }

    /// The same name on a host that isn't ours.
    #[must_use]
    pub fn on_host(self, host: Option<&str>) -> Self {
        match host {
            Some(host) => Self(format!("{host}/{self}")),
            None => self,
        }
    }

    /// The same in another repository on the same host.
    #[must_use]
    pub fn in_scope(&self, scope: &str) -> Self {
        let SubjectParts { host, rest, .. } = self.parts();
        Self(format!("{scope}{rest}")).on_host(host)
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> SubjectParts<'_> {
        SubjectParts::of(self)
    }

    /// The host, if it isn't ours.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.parts().host
    }

    /// The name without its host.
    #[must_use]
    pub fn bare(&self) -> &str {
        bare(self)
    }

    /// `owner/repo`, or the key of a Jira project; empty where the name has neither.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.parts().scope
    }

    /// The scope with its host, as the name of a repository is stored.
    #[must_use]
    pub fn scope_on_host(&self) -> &str {
        self.strip_suffix(self.parts().rest).unwrap_or_default()
    }

    /// The branch, if it names one. A workflow or an environment can't be told from a branch in a folder of that name.
    #[must_use]
    pub fn as_branch(&self) -> Option<&str> {
        self.parts().rest.strip_prefix(':')
    }
}

/// A name without its host. A name on a host has one `/` more, and a ticket's name has none by itself.
fn bare(name: &str) -> &str {
    let Some((first, rest)) = name.split_once('/') else { return name };
    let scope = rest.split(['#', ':', '@']).next().unwrap_or_default();
    let number_on_host = is_number(rest) && first.contains(['.', ':']);
    if scope.contains('/') || TicketKey::jira(rest).is_some() || number_on_host { rest } else { name }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_taken_apart_as_it_was_built() {
        type Key = SubjectKey;
        let repository = "acme/api";
        for (key, text, scope, number, branch) in [
            (Key::repository(repository), "acme/api", repository, None, None),
            (Key::numbered(repository, 45), "acme/api#45", repository, Some(45), None),
            (Key::branch(repository, "main"), "acme/api:main", repository, None, Some("main")),
            (Key::branch(repository, "fix/#7@x"), "acme/api:fix/#7@x", repository, None, Some("fix/#7@x")),
            (Key::release(repository, "v1"), "acme/api@v1", repository, None, None),
            (Key::release(repository, "web/v1#2"), "acme/api@web/v1#2", repository, None, None),
            (
                Key::workflow(repository, "12", (Some("push"), Some("a/b"))),
                "acme/api:workflow/12/push@a/b",
                repository,
                None,
                Some("workflow/12/push@a/b"),
            ),
            (
                Key::workflow(repository, "CI", (None, None)),
                "acme/api:workflow/CI",
                repository,
                None,
                Some("workflow/CI"),
            ),
            (Key::deployment(repository, "eu"), "acme/api:deployment/eu", repository, None, Some("deployment/eu")),
            (Key::ticket("DATA-123"), "DATA-123", "DATA", None, None),
            (Key::ticket("10013"), "10013", "", None, None),
            (Key::sprint("5"), "sprint/5", "", None, None),
            (Key::version("7"), "version/7", "", None, None),
        ] {
            assert_eq!(key, text);
            for host in [None, Some("other.example.com"), Some("other.example.com:8443"), Some("[::1]:2990")] {
                let key = key.clone().on_host(host);
                let parts = key.parts();
                assert_eq!((parts.host, parts.scope, parts.number(), key.bare()), (host, scope, number, text), "{key}");
                assert_eq!((key.as_branch(), key.in_scope(scope)), (branch, key.clone()), "{key}");
                assert_eq!(format!("{}{}", key.scope_on_host(), parts.rest), key.as_str(), "{key}");
            }
        }
    }

    #[test]
    fn a_host_may_have_no_dot() {
        for (name, host, scope) in [
            ("ghe/acme/api#7", Some("ghe"), "acme/api"),
            ("jira/DATA-1", Some("jira"), "DATA"),
            ("acme/10013", None, "acme/10013"),
            ("acme/DATA-1#7", None, "acme/DATA-1"),
        ] {
            let parts = SubjectParts::of(name);
            assert_eq!((parts.host, parts.scope), (host, scope), "{name}");
        }
    }
}
