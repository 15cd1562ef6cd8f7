//! What would have come of each rule, beside what came of it.

use std::collections::BTreeMap;

use crate::reason::Code;
use crate::store::{EntryState, Messages, Untold};

/// What came of each rule, by its team and name.
pub type Comparison = BTreeMap<(String, String), Outcome>;

/// What came of a rule's updates, or of all of a team's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The messages that there would have been
    pub would: u64,
    /// The messages that there were
    pub had: u64,
    /// Updates that would wait still
    pub held: u64,
    /// Updates that a later one would have replaced
    pub superseded: u64,
    /// Updates that could not have been written
    pub failed: u64,
    /// Events of which it isn't known whether they are for it: what it asks was told neither by them nor by GitHub or Jira then
    pub undecided: u64,
    /// Updates that something would have spoken against, by what did
    pub suppressed: BTreeMap<&'static str, u64>,
}

impl Outcome {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.would += other.would;
        self.had += other.had;
        self.held += other.held;
        self.superseded += other.superseded;
        self.failed += other.failed;
        self.undecided += other.undecided;
        for (class, count) in &other.suppressed {
            *self.suppressed.entry(class).or_default() += count;
        }
        self
    }
}

pub(super) fn count(rules: &mut Comparison, messages: Vec<Messages>, field: impl Fn(&mut Outcome) -> &mut u64) {
    for Messages { team, rule, count } in messages {
        *field(rules.entry((team, rule)).or_default()) += count;
    }
}

pub(super) fn unsent(rules: &mut Comparison, Untold { team, rule, state, code, count }: Untold) {
    let outcome = rules.entry((team, rule)).or_default();
    match state {
        EntryState::Held | EntryState::Sent => outcome.held += count,
        EntryState::Superseded => outcome.superseded += count,
        EntryState::Failed => outcome.failed += count,
        EntryState::Suppressed | EntryState::Ignored => *outcome.suppressed.entry(class(code)).or_default() += count,
    }
}

/// What a reason is a case of.
fn class(code: Code) -> &'static str {
    match code {
        code if code.is_changed() => "changed",
        code if code.is_late() => "late",
        Code::BotDoing | Code::BotBranch => "bot",
        Code::OwnDoing => "own",
        Code::NobodyWaits | Code::NobodyToNudge | Code::NotTheirs => "nobody_waits",
        Code::ToldBefore | Code::ToldByRule | Code::ToldAlready => "told_before",
        Code::TakenBack => "taken_back",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_of_a_class() {
        let of = |expected: &str| {
            let codes = Code::ALL.iter().filter(|code| class(**code) == expected);
            codes.map(|code| code.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("late"), "late_gone late_state late_failed late_edited");
        assert_eq!(of("bot"), "bot_doing bot_branch");
        assert_eq!(of("own"), "own_doing");
        assert_eq!(of("told_before"), "told_before told_by_rule told_already");
        assert_eq!(of("taken_back"), "taken_back");
        assert_eq!(of("nobody_waits"), "nobody_waits nobody_to_nudge not_theirs");
        for code in Code::ALL {
            let by_now = code.as_str().ends_with("_by_now");
            assert!(!by_now || class(*code) == "changed", "{code}");
        }
    }
}
