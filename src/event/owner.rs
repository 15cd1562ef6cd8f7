//! Who owns changed files.

use serde::{Deserialize, Serialize};

/// Somebody who owns files that an event changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Owner {
    /// As CODEOWNERS and CODENOTIFY write them (`@ana`, `@acme/web`), in small letters
    pub name: String,
    /// Which of the event's `paths`, by their places, in order; `None` where it is not known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<u32>>,
}

/// As it is stored. Up to version 0.1 that was the name alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Name(String),
    Owner { name: String, files: Option<Vec<u32>> },
}

impl From<Stored> for Owner {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Name(name) => Self { name, files: None },
            Stored::Owner { name, files } => Self { name, files },
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_earlier_versions_stored_is_read() {
        let owners: Vec<Owner> = serde_json::from_str(r#"["@ana",{"name":"@acme/web","files":[0,7]}]"#).unwrap();
        let owner =
            |name: &str, files: Option<&[u32]>| Owner { name: name.to_owned(), files: files.map(<[u32]>::to_vec) };
        assert_eq!(owners, [owner("@ana", None), owner("@acme/web", Some(&[0, 7]))]);
        let stored = serde_json::to_string(&owners).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Owner>>(&stored).unwrap(), owners);
    }
}
