//! Rules in repositories: a team's file that is kept beside its code, and what the operator lets such a file do.
//!
//! Whoever can write to a repository can change its file, so the file can do less than one in the operator's folder: it
//! speaks only for teams that the operator gave to the repository, sends only where the operator allows, and hears of no
//! private repository that the operator didn't name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::entry;
use super::pattern::{Pattern, Patterns};
use crate::event::Event;
use crate::toml_file::Wrong;

/// Where a repository has its team's file.
pub const REPOSITORY_FILE: &str = ".github/microalign.toml";

/// The largest file that is read. It comes over the network, from people who aren't the operator.
pub const LARGEST_FILE: usize = 256 * 1024;

/// The text of a team's file, unless it has more bytes than are read.
///
/// # Errors
/// That it has.
pub fn within_size(text: String, most: usize) -> Result<String, String> {
    if text.len() > most { Err(too_large(most)) } else { Ok(text) }
}

/// That a file has more bytes than are read.
#[must_use]
pub fn too_large(most: usize) -> String {
    format!("this file is larger than {} KiB, the most that is read", most / 1024)
}

/// The file of one repository, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFile {
    /// `owner/repo`
    pub repo: String,
    /// What the default branch has now
    pub latest: Revision,
    /// The last version that was right: the latest one, unless that is broken
    pub good: Option<Revision>,
}

/// A version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The commit that it was read at
    pub commit: String,
    /// What git calls the text, so that it isn't read twice
    pub blob: String,
    /// The text, or why there is none
    pub text: Result<String, String>,
}

impl RepositoryFile {
    /// What the file is called, for people.
    #[must_use]
    pub fn name(&self) -> String {
        name_in(&self.repo)
    }

    /// The same as a path, which leads nowhere on this machine.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.name().into()
    }
}

/// What the file of a repository is called, for people.
#[must_use]
pub fn name_in(repo: &str) -> String {
    format!("{repo}/{REPOSITORY_FILE}")
}

/// `[teams_allowed]`: which repositories may have a team's file, and what it may do. Without an entry, none may.
#[derive(Debug, Clone, Default)]
pub struct TeamsAllowed(BTreeMap<String, TeamAllowed>);

/// What the file of a team in a repository may do.
#[derive(Debug, Clone)]
pub struct TeamAllowed {
    /// The repositories that may have it
    pub repos: Patterns,
    /// The destinations that it may name
    pub to: Patterns,
    /// The private repositories that it may hear of, besides its own
    pub hears: Patterns,
}

impl TeamsAllowed {
    /// What these teams may do, by their names.
    #[must_use]
    pub fn new(teams: BTreeMap<String, TeamAllowed>) -> Self {
        Self(teams)
    }

    /// Whether no repository may have a file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a repository may have a file for any team.
    #[must_use]
    pub fn names(&self, repo: &str) -> bool {
        self.0.values().any(|team| team.allows_repo(repo))
    }

    /// The same for one that may be a fork. A fork has the file of another repository, so it has to be named in full.
    #[must_use]
    pub fn names_unless_fork(&self, repo: &str, fork: bool) -> bool {
        self.0.values().any(|team| team.allows_repo(repo) && (!fork || team.names_in_full(repo)))
    }

    /// The owners of the repositories that may have a file, in small letters.
    #[must_use]
    pub fn owners(&self) -> BTreeSet<String> {
        let entries = self.0.values().flat_map(|team| team.repos.wanted());
        entries.filter_map(|entry| Some(entry.split_once('/')?.0.to_lowercase())).collect()
    }

    /// What a team may do in a file of this repository.
    ///
    /// # Errors
    /// That the repository may not have the team's file.
    pub(super) fn of(&self, team: &str, repo: &str) -> Result<&TeamAllowed, Wrong> {
        let allowed = self.0.get(team).filter(|team| team.allows_repo(repo));
        allowed.ok_or_else(|| {
            let names = self.0.iter().filter(|(_, team)| team.allows_repo(repo)).map(|(name, _)| format!("`{name}`"));
            let names = names.collect::<Vec<_>>().join(" or ");
            let help = match names.as_str() {
                "" => format!("the operator adds {repo} to `repos` in `[teams_allowed.{team}]`"),
                names => format!("write {names}, or ask the operator for `[teams_allowed.{team}]`"),
            };
            (format!("{repo} may not define the team `{team}`"), Some(help))
        })
    }
}

impl TeamAllowed {
    fn allows_repo(&self, repo: &str) -> bool {
        self.repos.test(&[repo]).is_ok()
    }

    fn names_in_full(&self, repo: &str) -> bool {
        self.repos.wanted().any(|entry| entry.eq_ignore_ascii_case(repo))
    }

    /// Whether a file may name a destination.
    pub(super) fn allows(&self, to: &str) -> bool {
        self.to.test(&[to]).is_ok()
    }
}

/// Reads an entry of `repos`. Its owner is written out, since the repositories of an owner can be listed, and all of GitHub's
/// can't.
///
/// # Errors
/// What is wrong with it.
pub fn allowed_repo(text: &str) -> Result<Pattern, Wrong> {
    let pattern = entry::repo(text)?;
    let owner = text.trim_start_matches('!').split_once('/').map(|(owner, _)| owner).unwrap_or_default();
    if owner.is_empty() || owner.contains(['*', '?', '{', '}', '\\']) {
        let help = "write the owner's name, such as \"acme/web-*\"".to_owned();
        return Err((format!("the owner in `{text}` has to be written out"), Some(help)));
    }
    Ok(pattern)
}

/// Reads an entry of `hears`.
///
/// # Errors
/// What is wrong with it.
pub fn heard_repo(text: &str) -> Result<Pattern, Wrong> {
    entry::repo(text)
}

/// Reads an entry of `to`, in which upper and lower case differ: two tables can be called `web` and `Web`.
///
/// # Errors
/// What is wrong with it.
pub fn allowed_destination(text: &str) -> Result<Pattern, Wrong> {
    let written = text.trim_start_matches('!');
    if written.contains(':') || ["github", "jira", "mailbox"].contains(&written) || written == "*" {
        return entry::team(text);
    }
    let help = "write such as \"slack:#web\", \"email:*@example.com\" or \"github\"".to_owned();
    Err((format!("`{written}` isn't a destination"), Some(help)))
}

/// The repositories that a team with a file in a repository may hear of: those that are public, its own, and those that the
/// operator names.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The repository with the file
    pub home: String,
    /// What else it may hear of
    pub hears: Patterns,
}

impl Reach {
    /// Whether an event is none of a private repository, or of one that the team may hear of.
    #[must_use]
    pub fn includes(&self, event: &Event) -> bool {
        !event.is_private() || event.host.is_none() && self.includes_repo(&event.repository())
    }

    /// Whether a repository is one that the team may hear of even if it is private.
    #[must_use]
    pub fn includes_repo(&self, repo: &str) -> bool {
        self.home.eq_ignore_ascii_case(repo) || self.hears.wanted().next().is_some() && self.hears.test(&[repo]).is_ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::HashMap;

    use super::*;
    use crate::destination::Available;
    use crate::rule::check::{Among, check_defaults};
    use crate::rule::{Audience, Condition, Defaults, Known, check_beside};

    fn patterns(entries: &[&str], read: fn(&str) -> Result<Pattern, Wrong>) -> Patterns {
        Patterns::new(entries.iter().map(|entry| read(entry).unwrap()).collect())
    }

    fn allowed() -> TeamsAllowed {
        let team = TeamAllowed {
            repos: patterns(&["acme/web-*", "!acme/web-sandbox"], allowed_repo),
            to: patterns(&["mailbox", "email:*@example.com", "!email:all@example.com"], allowed_destination),
            hears: patterns(&["acme/ingest-*"], heard_repo),
        };
        TeamsAllowed::new(BTreeMap::from([("web".to_owned(), team)]))
    }

    /// Who × what: a repository and the file that it has, and what is wrong with that.
    #[test]
    fn what_a_repositorys_file_may_do() {
        let inside = Defaults::default();
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let among = Among { teams: None, defaults: &inside, bounds: None, patterns: &mut HashMap::new() };
        let (outside, _) = check_defaults("d", "audience = \"outside\"\n", known, among);
        let problems = |repo: &str, defaults: &Defaults, text: &str| {
            let text = format!("{text}\n[[rule]]\nname = \"r\"\non = [\"push\"]\n");
            let teams = BTreeSet::from(["web".to_owned()]);
            let read = check_beside(("f", &text), Some((repo, &allowed())), known, (defaults, &teams));
            let problems = read.err().unwrap_or_default();
            problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
        };
        let app = "acme/web-app";
        let to = |to: &str| format!("team = \"web\"\nto = [\"{to}\"]");
        let may_not = |to: &str| format!("this repository's file may not send to `{to}`");
        for (repo, text, expected) in [
            (app, to("mailbox"), String::new()),
            ("Acme/Web-App", to("email:ana@example.com"), String::new()),
            ("acme/web-sandbox", to("mailbox"), "acme/web-sandbox may not define the team `web`".to_owned()),
            ("acme/api", to("mailbox"), "acme/api may not define the team `web`".to_owned()),
            (
                app,
                "team = \"data\"\nto = [\"mailbox\"]".to_owned(),
                "acme/web-app may not define the team `data`".to_owned(),
            ),
            (
                app,
                "team = \"Web\"\nto = [\"mailbox\"]".to_owned(),
                "acme/web-app may not define the team `Web`".to_owned(),
            ),
            (app, to("jira"), may_not("jira")),
            (app, to("email:@ana"), may_not("email:@ana")),
            (app, to("email:all@example.com"), may_not("email:all@example.com")),
            (app, to("email:ana@example.com.evil.org"), may_not("email:ana@example.com.evil.org")),
            (app, to("email:ana@EXAMPLE.com"), may_not("email:ana@EXAMPLE.com")),
            (app, to("github"), may_not("github")),
            (app, format!("{}\nowner = \"eve@evil.org\"", to("mailbox")), may_not("email:eve@evil.org")),
            (app, format!("{}\nowner = \"ana@example.com\"", to("mailbox")), String::new()),
            (
                app,
                format!("{}\ngithub_team = \"acme/web\"", to("mailbox")),
                "a repository's file can't name a team on GitHub".to_owned(),
            ),
            (app, format!("{}\nmention = [\"author\"]\nbots = true\nown = true", to("mailbox")), String::new()),
            (
                app,
                format!(
                    "{}\n[[test]]\nname = \"t\"\nevent = \"push\"\npayload = \"secret\"\nexpect = []",
                    to("mailbox")
                ),
                "a repository's file can't have tests".to_owned(),
            ),
            (
                app,
                format!(
                    "{}\n[[rule]]\nname = \"x\"\non = [\"push\"]\nto = [\"github\"]\nrestricted = true",
                    to("mailbox")
                ),
                format!(
                    "{}; a repository's file can't ask for what a ticket's security level restricts",
                    may_not("github")
                ),
            ),
        ] {
            assert_eq!(problems(repo, &inside, &text), expected, "{repo}: {text}");
        }
        let audience = |audience: &str| format!("{}\naudience = \"{audience}\"", to("mailbox"));
        let wider = "a repository's file can't say that its readers may see private repositories";
        assert_eq!(problems(app, &outside, &audience("inside")), wider);
        assert_eq!(problems(app, &inside, &audience("inside")), "", "the operator says nothing else");
        assert_eq!(problems(app, &inside, &audience("outside")), "");
    }

    /// Also the rule for notes that name the team hears only of what it may.
    #[test]
    fn every_rule_is_within_reach() {
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let text = "team = \"web\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"r\"\non = [\"push\"]\nrepo = [\"acme/*\"]\n";
        let (teams, defaults) = (BTreeSet::from(["web".to_owned()]), Defaults::default());
        let home = Some(("acme/web-app", &allowed()));
        let team = check_beside(("f", text), home, known, (&defaults, &teams)).unwrap();
        assert_eq!((team.home.as_deref(), team.audience), (Some("acme/web-app"), Audience::Inside));
        for rule in team.rules.iter().chain(&team.addressed) {
            let Some(Condition::MayHear(reach)) = rule.conditions.last() else { panic!("{rule:?}") };
            let reached = ["acme/web-app", "acme/ingest-api", "acme/web-shop", "evil/web-app"]
                .map(|repo| reach.includes_repo(repo));
            assert_eq!(reached, [true, true, false, false]);
        }
        let team = check_beside(("f", text), None, known, (&defaults, &teams)).unwrap();
        assert!(team.home.is_none() && team.rules[0].conditions.len() == 1);
    }

    #[test]
    fn a_fork_is_named_in_full() {
        let mut team = TeamAllowed {
            repos: patterns(&["acme/web-*", "acme/Web-Shop", "!acme/web-sandbox"], allowed_repo),
            to: patterns(&["mailbox"], allowed_destination),
            hears: patterns(&[], heard_repo),
        };
        let allowed = |team: &TeamAllowed| TeamsAllowed::new(BTreeMap::from([("web".to_owned(), team.clone())]));
        for (repo, fork, named) in [
            ("acme/web-app", false, true),
            ("acme/web-app", true, false),
            ("acme/web-shop", true, true),
            ("acme/web-sandbox", true, false),
        ] {
            assert_eq!(allowed(&team).names_unless_fork(repo, fork), named, "{repo}");
        }
        team.repos = patterns(&["acme/web-shop", "!acme/web-*"], allowed_repo);
        assert!(!allowed(&team).names_unless_fork("acme/web-shop", true), "excluded");
    }

    #[test]
    fn an_owner_is_written_out() {
        for (entry, right) in [
            ("acme/web-*", true),
            ("acme/*", true),
            ("*/web", false),
            ("{a,b}/web", false),
            ("web", false),
            ("", false),
        ] {
            assert_eq!(allowed_repo(entry).is_ok(), right, "{entry}");
        }
        for (entry, right) in [("slack:#web", true), ("!github", true), ("*", true), ("web", false), ("", false)] {
            assert_eq!(allowed_destination(entry).is_ok(), right, "{entry}");
        }
    }
}
