//! Who asks, and what they may see and do.
//!
//! [`Gate`] finds out who somebody is: they have logged in (`provider`, `login`), a proxy or a token says so, or they are on
//! this machine. What follows from that is worked out for each request, so that a change of a team file counts at once. Only
//! the groups that somebody is in are as they were at the login.

mod gate;
mod grant;
mod login;
mod provider;

pub use self::gate::{Arrival, Gate, Stranger};
pub use self::login::{Cookies, Login, NotLoggedIn};
pub use crate::config::Role;

use super::answer::Refused;
use crate::source::signature::verify_secret;

/// How somebody came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Via {
    /// They have logged in with the OpenID Connect provider
    Login,
    /// The proxy says who they are
    Proxy,
    /// By a token
    Token,
    /// They are on this machine, and could read the store itself
    Loopback,
}

/// What can be changed through the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Action {
    /// Mute a conversation, a rule or a destination
    Mute,
    /// End a mute
    Unmute,
    /// Try a send again
    Retry,
    /// Read a delivery again
    Replay,
}

/// What somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// What every team heard
    Everything,
    /// What their own teams heard: those have readers outside
    OwnTeams,
}

/// Proves that a form is from a page of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct FormToken(String);

impl FormToken {
    /// The name of its field in a form.
    pub const FIELD: &str = "form_token";
    /// The header that a script sends it in.
    pub const HEADER: &str = "x-form-token";

    /// The token, for a page.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the token, found out in constant time.
    #[must_use]
    pub fn is(&self, sent: &str) -> bool {
        verify_secret(sent, &[self.0.clone().into()]).is_ok()
    }
}

impl std::fmt::Debug for FormToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormToken")
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Their name, as pages and the audit show it
    pub name: String,
    /// What they may do
    pub role: Role,
    /// The teams that they may do something for
    pub teams: Vec<String>,
    /// How they came in
    pub via: Via,
    /// Proves that a form is from a page of theirs
    pub form_token: FormToken,
    sight: Sight,
}

impl Visitor {
    /// Whoever is on this machine. Without a token of theirs, no form is from them.
    #[must_use]
    pub fn local() -> Self {
        let name = "somebody on this machine".to_owned();
        let (role, via, form_token) = (Role::Operate, Via::Loopback, FormToken(String::new()));
        Self { name, role, teams: Vec::new(), via, form_token, sight: Sight::Everything }
    }

    /// Somebody who has logged in, with this role and these teams; without `everything`, these have readers outside.
    #[cfg(test)]
    pub(super) fn in_test(role: Role, teams: &[&str], everything: bool) -> Self {
        let teams = teams.iter().map(|team| (*team).to_owned()).collect();
        let sight = if everything { Sight::Everything } else { Sight::OwnTeams };
        Self { name: "ana".to_owned(), role, teams, via: Via::Login, sight, ..Self::local() }
    }

    /// Whether they are on this machine, and could read the store itself.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.via == Via::Loopback
    }

    /// Whether they may see lines of this team. Lines of no team are what nobody asked to hear.
    #[must_use]
    pub fn sees(&self, team: Option<&str>) -> bool {
        self.sees_everything() || team.is_some_and(|team| self.is_of(team))
    }

    /// Whether they may see the lines of every team.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        self.sight == Sight::Everything
    }

    /// Whether they may see words that only this team may read.
    #[must_use]
    pub fn reads(&self, team: Option<&str>) -> bool {
        self.is_local() || team.is_some_and(|team| self.is_of(team))
    }

    /// Whether they may change what is this team's. What is every team's has none.
    #[must_use]
    pub fn may_change(&self, team: Option<&str>) -> bool {
        match self.role {
            Role::View => false,
            Role::Team => team.is_some_and(|team| self.is_of(team)),
            Role::Operate => true,
        }
    }

    /// Checks that they may change what is this team's.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], which says what role it takes.
    pub fn check_change(&self, team: Option<&str>) -> Result<(), Refused> {
        if self.may_change(team) {
            return Ok(());
        }
        let needed = match team {
            Some(team) => format!("the role `team` for {team}, or `operate`"),
            None => "the role `operate`".to_owned(),
        };
        Err(Refused::Forbidden(format!("This takes {needed}. {}", self.described())))
    }

    /// Checks that they may see what only operators may.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], which says what role it takes.
    pub fn check_operate(&self) -> Result<(), Refused> {
        self.check_change(None)
    }

    fn described(&self) -> String {
        match (self.role, &*self.teams) {
            (Role::Team, teams) => format!("You have the role `team` for {}.", teams.join(", ")),
            (role, _) => format!("You have the role `{role}`."),
        }
    }

    fn is_of(&self, team: &str) -> bool {
        self.teams.iter().any(|own| own == team)
    }
}

#[cfg(test)]
mod tests;
