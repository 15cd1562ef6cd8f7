//! Which role somebody has.

use std::collections::BTreeSet;

use super::{Role, Sight};
use crate::config::{Roles, Token, Who};
use crate::rule::Team;

/// Who somebody is, by what the provider or the proxy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// What they are called
    pub who: String,
    /// Their mail address, if it is theirs for certain
    pub mail: Option<String>,
    /// The groups they are in
    pub groups: Vec<String>,
}

/// A role, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub role: Role,
    pub teams: Vec<String>,
    pub sight: Sight,
}

/// The role of somebody, by the configuration and by the team files that they own. `None` if they have none.
pub(super) fn of_person(Identity { mail, groups, .. }: &Identity, roles: &Roles, files: &[&Team]) -> Option<Grant> {
    let mail = mail.as_deref();
    let has = |who: &[Who]| who.iter().any(|who| who.is(mail, groups));
    // Whoever can write to a repository can write themselves into its file.
    let owns = |team: &&Team| {
        team.home.is_none()
            && team.owner.as_ref().zip(mail).is_some_and(|(owner, mail)| owner.to_lowercase() == mail.to_lowercase())
    };
    let listed = roles.team.iter().filter(|(_, who)| has(who)).map(|(team, _)| team.clone());
    let teams = listed.chain(files.iter().copied().filter(owns).map(|team| team.name.clone())).collect::<BTreeSet<_>>();
    let (operates, views) = (has(&roles.operate), has(&roles.view));
    let role = match (operates, teams.is_empty(), views) {
        (true, ..) => Role::Operate,
        (_, false, _) => Role::Team,
        (_, _, true) => Role::View,
        _ => return None,
    };
    let sight = if operates || views { Sight::Everything } else { sight(&teams, files) };
    Some(Grant { role, teams: teams.into_iter().collect(), sight })
}

/// The role of a token.
pub(super) fn of_token(token: &Token, files: &[&Team]) -> Grant {
    let sight = if token.role == Role::Team { sight(&token.teams, files) } else { Sight::Everything };
    Grant { role: token.role, teams: token.teams.iter().cloned().collect(), sight }
}

/// What people of these teams may see. Readers outside of the company may only see what their team was told; and what team a
/// name without a file is isn't known.
fn sight(teams: &BTreeSet<String>, files: &[&Team]) -> Sight {
    let inside = files.iter().any(|team| team.is_trusted_inside() && teams.contains(&team.name));
    if inside { Sight::Everything } else { Sight::OwnTeams }
}
