//! What a file in a repository may not do, since whoever can write to the repository can change it.

use super::{Bounds, Checker};
use crate::rule::repository::Reach;
use crate::rule::{Audience, Condition, Rule};
use crate::toml_file::{At, Field};

/// What to do where the operator alone may say it.
const OPERATORS: &str = "leave it out, or ask the operator to define the team in a file of `rules/`";

impl Checker<'_> {
    /// Finds what the operator lets the file do. If it is none of the repository's, only that is reported.
    pub(super) fn enter_bounds(&mut self, team: &str) {
        let Some(Bounds { repo, allowed }) = self.among.bounds else { return };
        if team.is_empty() {
            return;
        }
        match allowed.of(team, repo) {
            Ok(allowed) => self.bounds = Some(allowed.clone()),
            Err((message, help)) => self.document.wrong(&At::root().key("team"), message, help),
        }
    }

    /// The repository that it is in.
    pub(super) fn home(&self) -> Option<String> {
        self.among.bounds.map(|bounds| bounds.repo.to_owned())
    }

    /// Reports a destination, or an owner, that the operator doesn't allow.
    pub(super) fn stay_in_bounds(&mut self, to: &str, at: &At) {
        if let Some(allowed) = self.bounds.as_ref().filter(|allowed| !allowed.allows(to)) {
            let entries = allowed.to.written().into_iter().map(|(text, ..)| text).collect::<Vec<_>>().join(", ");
            let help = format!("the operator allows {entries}");
            self.document.wrong(at, format!("this repository's file may not send to `{to}`"), help);
        }
    }

    /// Reports readers that the operator takes for outsiders.
    pub(super) fn stay_outside(&mut self, at: &At) {
        if self.among.bounds.is_some() && self.among.defaults.audience == Some(Audience::Outside) {
            let message = "a repository's file can't say that its readers may see private repositories";
            self.document.wrong(at, message, OPERATORS.to_owned());
        }
    }

    /// Reports answers of people outside, which would be written on everybody's pull requests.
    pub(super) fn carry_only_from_inside(&mut self, outside: Option<bool>) {
        if outside == Some(true) && self.among.bounds.is_some() {
            let message = "a repository's file can't have answers of people outside carried";
            self.document.wrong(&At::root().key("answers_outside"), message, OPERATORS.to_owned());
        }
    }

    /// Reports a team on GitHub: who is in it would be asked with the operator's access, and be known from what is sent.
    pub(super) fn name_no_github_team(&mut self, at: &At) {
        if self.among.bounds.is_some() {
            let help = "write the logins in `members`, or ask the operator to define the team in a file of `rules/`"
                .to_owned();
            self.document.wrong(at, "a repository's file can't name a team on GitHub", help);
        }
    }

    /// Reports tests: their payloads would be read from the service's own disk.
    pub(super) fn have_no_tests(&mut self, at: &At) {
        if self.among.bounds.is_some() {
            let help = "leave them out: a check run on the pull request says what the rules would have sent".to_owned();
            self.document.wrong(&at.index(0), "a repository's file can't have tests", help);
        }
    }

    /// Whether messages about tickets with a security level say everything.
    pub(super) fn restricted(&mut self, field: Field<bool>, at: &At) -> bool {
        let restricted = self.document.take(field, at).unwrap_or(false);
        if restricted && self.among.bounds.is_some() {
            let message = "a repository's file can't ask for what a ticket's security level restricts";
            self.document.wrong(at, message, OPERATORS.to_owned());
        }
        restricted
    }

    /// A rule that hears only of what the repository's team may.
    pub(super) fn bounded(&self, mut rule: Rule) -> Rule {
        if let (Some(home), Some(allowed)) = (self.home(), &self.bounds) {
            let reach = Reach { home, hears: allowed.hears.clone() };
            rule.conditions.push(Condition::MayHear(reach.into()));
        }
        rule
    }
}
