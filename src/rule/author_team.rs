//! Conditions on the team of an author.

use super::pattern::Patterns;
use crate::event::Actor;

/// The teams that an author must be in, or must not.
#[derive(Debug, Clone)]
pub struct AuthorTeam {
    list: Patterns,
    /// Each team named in the list, with its members; `None` if the team isn't in force
    teams: Vec<(String, Option<Vec<String>>)>,
}

impl AuthorTeam {
    /// Makes a condition of these entries; `names` are the teams in them, without `!`.
    #[must_use]
    pub fn new(list: Patterns, names: Vec<String>) -> Self {
        Self { list, teams: names.into_iter().map(|name| (name, None)).collect() }
    }

    /// Looks up who is in the teams.
    pub(super) fn resolve(&mut self, members: &impl Fn(&str) -> Option<Vec<String>>) {
        for (name, found) in &mut self.teams {
            *found = members(name);
        }
    }

    /// The list, to be tested with the names of [`Self::teams_of`].
    #[must_use]
    pub fn list(&self) -> &Patterns {
        &self.list
    }

    /// Which of the teams somebody is in.
    ///
    /// # Errors
    /// The name of a team that is not in force.
    pub fn teams_of(&self, author: &Actor) -> Result<Vec<&str>, &str> {
        let mut of = Vec::new();
        for (name, members) in &self.teams {
            if is_member(members.as_ref().ok_or(name.as_str())?, author) {
                of.push(name.as_str());
            }
        }
        Ok(of)
    }
}

/// Whether somebody is one of a team's members, who are written as logins, account ids or names.
#[must_use]
pub fn is_member(members: &[String], actor: &Actor) -> bool {
    is_member_called(members, &actor.login, &actor.name)
}

/// Whether somebody of this login or account id, and of this name, is one of a team's members.
#[must_use]
pub fn is_member_called(members: &[String], login: &str, name: &str) -> bool {
    let (login, name) = (login.to_lowercase(), name.to_lowercase());
    members.iter().map(|member| member.to_lowercase()).any(|member| member == login || member == name)
}
