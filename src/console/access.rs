//! Who asks, and what they may see and do.

/// What a visitor may do, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See
    View,
    /// Change what is their own team's
    Team,
    /// Change everything
    Operate,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Their name, as pages and the audit show it
    pub name: String,
    /// What they may do
    pub role: Role,
    /// Their teams
    pub teams: Vec<String>,
    /// They are on this machine, and could read the store itself
    pub local: bool,
}

impl Visitor {
    /// Whoever is on this machine.
    #[must_use]
    pub fn local() -> Self {
        Self { name: "somebody on this machine".to_owned(), role: Role::Operate, teams: Vec::new(), local: true }
    }

    /// Whether they may see lines of this team.
    #[must_use]
    pub fn sees(&self, team: Option<&str>) -> bool {
        self.role >= Role::View || team.is_some_and(|team| self.is_of(team))
    }

    /// Whether they may see words that only this team may read.
    #[must_use]
    pub fn reads(&self, team: Option<&str>) -> bool {
        self.local || team.is_some_and(|team| self.is_of(team))
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

    fn is_of(&self, team: &str) -> bool {
        self.teams.iter().any(|own| own == team)
    }
}
