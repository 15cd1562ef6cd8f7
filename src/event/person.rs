//! Somebody whose words and names are looked for in what is stored.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Actor, SOMEBODY};

/// A person, by all names that are known, in small letters: logins are the same in capitals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that was given: a GitHub login, or an account id or name in Jira
    given: String,
    /// Logins and account ids
    ids: BTreeSet<String>,
    /// All names
    names: BTreeSet<String>,
}

impl Person {
    /// Somebody of whom one name is known: a GitHub login, or an account id or name in Jira.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let given = name.trim().trim_start_matches('@').to_lowercase();
        Self { ids: BTreeSet::from([given.clone()]), names: BTreeSet::from([given.clone()]), given }
    }

    /// The names that are known, in small letters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Learns what else somebody is called who has this id and name. Whoever has the name that was given is meant; a name that
    /// was learned may be somebody else's, too. Says whether the id was new.
    pub fn learn(&mut self, id: &str, name: &str) -> bool {
        let (id, name) = (id.to_lowercase(), name.trim().to_lowercase());
        if id.is_empty() || name.is_empty() || name == SOMEBODY {
            return false;
        }
        let new = name == self.given && self.ids.insert(id.clone());
        if self.ids.contains(&id) {
            self.names.extend([id, name]);
        }
        new
    }

    /// Learns that all of these ids are somebody's, on GitHub, in Jira or elsewhere, if one of them is. Says whether any was new.
    pub fn learn_ids<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>) -> bool {
        let ids = ids.into_iter().map(str::to_lowercase).filter(|id| !id.is_empty()).collect::<BTreeSet<_>>();
        if ids.is_disjoint(&self.ids) {
            return false;
        }
        let before = self.ids.len();
        self.names.extend(ids.iter().cloned());
        self.ids.extend(ids);
        self.ids.len() > before
    }

    /// As [`Self::learn`], from everybody in a JSON value that was stored.
    pub fn learn_from(&mut self, value: &Value) -> bool {
        let mut new = false;
        match value {
            Value::Array(values) => values.iter().for_each(|value| new |= self.learn_from(value)),
            Value::Object(fields) => {
                let text = |field| fields.get(field).and_then(Value::as_str);
                if let Some((login, name)) = text("login").zip(text("name")) {
                    new |= self.learn(login, name);
                }
                fields.values().for_each(|value| new |= self.learn_from(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        new
    }

    /// Whether it is they.
    #[must_use]
    pub fn is(&self, actor: &Actor) -> bool {
        self.is_called(&actor.login)
    }

    /// Whether it is their login or account id.
    #[must_use]
    pub fn is_called(&self, login: &str) -> bool {
        self.ids.contains(&login.to_lowercase())
    }

    /// Whether a text names them: a name of theirs stands in it as a word.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.names().any(|name| has_word(&text, name))
    }

    /// Whether any text in a JSON value names them.
    #[must_use]
    pub fn is_within(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_in(text),
            Value::Array(values) => values.iter().any(|value| self.is_within(value)),
            Value::Object(fields) => fields.values().any(|value| self.is_within(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// Whether a word stands in a text on its own. `ana` stands in `@ana's` and in `ana@example.com`, and not in `banana` or
/// `ana-li`, which are others.
fn has_word(text: &str, word: &str) -> bool {
    !word.is_empty()
        && text
            .match_indices(word)
            .any(|(at, _)| !goes_on(text[..at].chars().rev()) && !goes_on(text[at + word.len()..].chars()))
}

/// Whether a name goes on with these letters.
fn goes_on(mut letters: impl Iterator<Item = char>) -> bool {
    match letters.next() {
        Some('-' | '_') => letters.next().is_some_and(char::is_alphanumeric),
        next => next.is_some_and(char::is_alphanumeric),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_a_word() {
        let ana = Person::named("@Ana");
        for text in [
            "ana",
            "Thanks @ana!",
            "ana's",
            "_ANA_",
            "https://github.com/ana",
            "<ana@example.com>",
            "bo, ana-",
            "ana/fix",
        ] {
            assert!(ana.is_in(text), "{text}");
        }
        for text in ["", "banana", "ana-li", "li-ana", "ana_2", "anä", "analysis"] {
            assert!(!ana.is_in(text), "{text}");
        }
        assert!(Person::named("dependabot[bot]").is_in("by dependabot[bot]."));
        assert!(!Person::named("").is_in("anything"));
    }

    #[test]
    fn other_names_are_learned_from_what_is_stored() {
        let stored = json!({
            "actor": { "login": "5B10", "name": "Ana Silva" },
            "doers": [{ "login": "5b10", "name": "Ana S." }, { "login": "5b99", "name": "Ana S." }],
        });
        let mut by_id = Person::named("5b10");
        assert!(!by_id.learn_from(&stored), "no new id");
        assert_eq!(by_id.names().collect::<Vec<_>>(), ["5b10", "ana s.", "ana silva"]);
        let mut by_name = Person::named("Ana Silva");
        assert!(by_name.learn_from(&stored) && !by_name.learn_from(&stored));
        assert_eq!(by_name.names().collect::<Vec<_>>(), ["5b10", "ana s.", "ana silva"]);
    }

    #[test]
    fn whoever_has_one_of_some_ids_has_them_all() {
        let mut nia = Person::named("nia-b");
        assert!(
            nia.learn_ids(["Nia-B", "U10", ""]) && !nia.learn_ids(["nia-b", "u10"]) && !nia.learn_ids(["bo", "U2"])
        );
        nia.learn("U10", "Nia Berg");
        assert_eq!(nia.names().collect::<Vec<_>>(), ["nia berg", "nia-b", "u10"]);
        assert!(nia.is_called("U10") && !nia.is_called("Nia Berg") && !nia.is_in("U2"));
    }
}
