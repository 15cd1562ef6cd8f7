//! What differs between the messages that two sets of rules lead to: pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// So many are listed for a rule each way: a comment that nobody reads to its end helps nobody.
const LISTED: usize = 10;

/// A rule, by the names of its team and its own.
pub(super) type Name = (String, String);

/// A message about an event, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) to: String,
}

/// How often each rule tells of what.
#[derive(Debug, Default)]
pub(super) struct Messages(BTreeMap<Name, BTreeMap<Told, usize>>);

impl Messages {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn add(&mut self, rule: Name, told: Told) {
        *self.0.entry(rule).or_default().entry(told).or_default() += 1;
    }
}

/// What a rule gains and loses, and how often.
#[derive(Debug)]
pub(super) struct Change {
    rule: Name,
    gains: Vec<(Told, usize)>,
    loses: Vec<(Told, usize)>,
}

/// The rules that gain or lose something, and those that were added, in the order of their names.
pub(super) fn changes(old: Messages, new: Messages, added: Vec<Name>) -> Vec<Change> {
    let (Messages(old), Messages(new)) = (old, new);
    let rules = old.keys().chain(new.keys()).chain(&added).cloned().collect::<BTreeSet<_>>();
    let none = BTreeMap::new();
    let more = |than: &BTreeMap<Told, usize>, told: &BTreeMap<Told, usize>| {
        let more = told.iter().map(|(told, times)| (told, times.saturating_sub(than.get(told).copied().unwrap_or(0))));
        more.filter(|(_, times)| *times > 0).map(|(told, times)| (told.clone(), times)).collect::<Vec<_>>()
    };
    let changes = rules.into_iter().map(|rule| {
        let (old, new) = (old.get(&rule).unwrap_or(&none), new.get(&rule).unwrap_or(&none));
        Change { gains: more(old, new), loses: more(new, old), rule }
    });
    changes.filter(|change| change.is_difference() || added.contains(&change.rule)).collect()
}

impl Change {
    pub(super) fn is_difference(&self) -> bool {
        !self.gains.is_empty() || !self.loses.is_empty()
    }

    pub(super) fn as_json(&self) -> Value {
        let list = |told: &[(Told, usize)]| {
            let each = told.iter().map(|(Told { kind, subject, to }, times)| {
                json!({ "kind": kind, "subject": subject, "destination": to, "times": times })
            });
            each.collect::<Value>()
        };
        let (team, rule) = &self.rule;
        json!({ "team": team, "rule": rule, "gains": list(&self.gains), "loses": list(&self.loses) })
    }

    /// One item of a list for each message.
    fn lines(&self) -> Vec<String> {
        let (_, rule) = &self.rule;
        let each = |word: &str, told: &[(Told, usize)]| {
            let mut lines =
                told.iter().take(LISTED).map(|(told, times)| item(rule, (word, told), *times)).collect::<Vec<_>>();
            let rest = told.iter().skip(LISTED).map(|(_, times)| times).sum::<usize>();
            if rest > 0 {
                lines.push(format!("- {} {word} {rest} more", code(rule)));
            }
            lines
        };
        if !self.is_difference() {
            return vec![format!("- {} is new, and tells nothing of these", code(rule))];
        }
        [each("gains", &self.gains), each("loses", &self.loses)].concat()
    }
}

fn item(rule: &str, (word, Told { kind, subject, to }): (&str, &Told), times: usize) -> String {
    let times = if times > 1 { format!(", {times} times") } else { String::new() };
    format!("- {} {word} {} on {} to {}{times}", code(rule), code(kind), code(subject), code(to))
}

/// A text as code in Markdown, where it mentions nobody and links nowhere.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace(char::is_control, " "))
}

/// The changes, team by team, in Markdown that reads as plain text.
pub(super) fn text(changes: &[Change]) -> String {
    let sum = |told: &[(Told, usize)]| told.iter().map(|(_, times)| times).sum::<usize>();
    let mut teams = BTreeMap::<&str, Vec<&Change>>::new();
    for change in changes {
        teams.entry(&change.rule.0).or_default().push(change);
    }
    if teams.is_empty() {
        return "No team gains or loses a message.".to_owned();
    }
    let sections = teams.into_iter().map(|(team, changes)| {
        let gains = changes.iter().map(|change| sum(&change.gains)).sum::<usize>();
        let loses = changes.iter().map(|change| sum(&change.loses)).sum::<usize>();
        let lines = changes.iter().flat_map(|change| change.lines()).collect::<Vec<_>>();
        format!("**{team}** gains {gains} and loses {loses}:\n\n{}", lines.join("\n"))
    });
    sections.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(told: &[(&str, &str, usize)]) -> Messages {
        let mut messages = Messages::new();
        for (rule, subject, times) in told {
            let told = Told { kind: "push".to_owned(), subject: (*subject).to_owned(), to: "slack:@ana".to_owned() };
            (0..*times).for_each(|_| messages.add(("web".to_owned(), (*rule).to_owned()), told.clone()));
        }
        messages
    }

    #[test]
    fn each_message_is_gained_or_lost() {
        let old = messages(&[("same", "a/b@main", 2), ("less", "a/b@x`y", 3), ("gone", "a/b@main", 1)]);
        let many = (0..12).map(|number| format!("a/b@{number}")).collect::<Vec<_>>();
        let many = many.iter().map(|subject| ("more", subject.as_str(), 1)).collect::<Vec<_>>();
        let new = messages(&[&[("same", "a/b@main", 2), ("less", "a/b@x`y", 1)][..], &many].concat());
        let added = vec![("web".to_owned(), "more".to_owned()), ("api".to_owned(), "quiet".to_owned())];
        let changes = changes(old, new, added);
        insta::assert_snapshot!(text(&changes), @"
        **api** gains 0 and loses 0:

        - `quiet` is new, and tells nothing of these

        **web** gains 12 and loses 3:

        - `gone` loses `push` on `a/b@main` to `slack:@ana`
        - `less` loses `push` on `a/b@x'y` to `slack:@ana`, 2 times
        - `more` gains `push` on `a/b@0` to `slack:@ana`
        - `more` gains `push` on `a/b@1` to `slack:@ana`
        - `more` gains `push` on `a/b@10` to `slack:@ana`
        - `more` gains `push` on `a/b@11` to `slack:@ana`
        - `more` gains `push` on `a/b@2` to `slack:@ana`
        - `more` gains `push` on `a/b@3` to `slack:@ana`
        - `more` gains `push` on `a/b@4` to `slack:@ana`
        - `more` gains `push` on `a/b@5` to `slack:@ana`
        - `more` gains `push` on `a/b@6` to `slack:@ana`
        - `more` gains `push` on `a/b@7` to `slack:@ana`
        - `more` gains 2 more
        ");
        insta::assert_snapshot!(changes[1].as_json().to_string(), @r#"{"gains":[],"loses":[{"destination":"slack:@ana","kind":"push","subject":"a/b@main","times":1}],"rule":"gone","team":"web"}"#);
        assert_eq!(text(&[]), "No team gains or loses a message.");
    }
}
