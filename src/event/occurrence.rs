//! Names of occurrences: the same one can be reported by several deliveries, and what undoes one names it.

use jiff::Timestamp;

use super::name::name;

name! {
    /// Names something that happened once, such as `github:comment:12`, `jira-change:10001:77:0:status` or
    /// `note:github:comment:12:assumed:DIGEST`, with its host before it if that is not ours. An edit or an undoing of it has
    /// its name and its own time: `NAME@MILLISECONDS`.
    OccurrenceId
}

/// How the name of a change of a Jira ticket begins, before the ticket's number: by its place in the ticket's history.
pub const CHANGED: &str = "jira-change:";
/// The same of one that an Automation rule reported, without its place.
pub const SAID: &str = "jira-said:";

impl OccurrenceId {
    /// How the names of the changes begin among which this one may be known by another name: an Automation rule doesn't say
    /// where a change stands in the ticket's history.
    #[must_use]
    pub fn changes_alike(&self) -> Vec<String> {
        let of = |beginning: &str| {
            let (host, rest) = self.0.split_once(beginning)?;
            let ticket = rest.split(':').next()?;
            Some(move |beginning: &str| format!("{host}{beginning}{ticket}:"))
        };
        match (of(SAID), of(CHANGED)) {
            (Some(name), _) => vec![name(SAID), name(CHANGED)],
            (None, Some(name)) => vec![name(SAID)],
            (None, None) => Vec::new(),
        }
    }

    /// A note's: of a kind, by a digest of its words, in a place such as `github:comment:12`.
    #[must_use]
    pub fn of_note(place: &str, kind: &str, digest: &str) -> Self {
        Self(format!("{}{kind}:{digest}", notes_in(place)))
    }

    /// What happens to it at a time.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Self {
        Self(format!("{}@{}", self.0, time.as_millisecond()))
    }

    /// Its author's taking it back at a time. A deleted comment has the time of its last edit, so this has a mark of its own.
    #[must_use]
    pub fn taken_back_at(&self, time: Timestamp) -> Self {
        Self(format!("{}-", self.at(time).0))
    }

    /// Whether it is an author's taking back.
    #[must_use]
    pub fn takes_back(&self) -> bool {
        !self.is_original() && self.0.ends_with('-')
    }

    /// The same on a host.
    #[must_use]
    pub fn on_host(&self, host: &str) -> Self {
        Self(format!("{host}/{}", self.0))
    }

    /// Without the time of an edit or an undoing: what is edited or undone.
    #[must_use]
    pub fn original(&self) -> Self {
        Self(self.0.rsplit_once('@').map_or(self.0.as_str(), |(name, _)| name).to_owned())
    }

    /// Whether it isn't an edit or an undoing of another one.
    #[must_use]
    pub fn is_original(&self) -> bool {
        !self.0.contains('@')
    }

    /// What the names of all notes begin with that are in the place of this one.
    #[must_use]
    pub fn notes_beside(&self) -> Option<String> {
        let (place, _) = self.0.rsplit_once(':')?.0.rsplit_once(':')?;
        Some(format!("{place}:"))
    }

    /// The comment that a note is in, if it's in one and not an edit: that is newer than the comment.
    #[must_use]
    pub fn comment_of_note(&self) -> Option<Self> {
        let (host, rest) = self.0.split_once("note:").filter(|_| self.is_original())?;
        let place = rest.rsplit_once(':')?.0.rsplit_once(':')?.0;
        if let Some(id) = place.strip_prefix("jira:comment:") {
            return Some(Self(format!("{host}jira-comment:{id}")));
        }
        let of = ["github:comment:", "github:review:", "github:review-comment:"];
        of.iter().any(|kind| place.starts_with(kind)).then(|| Self(format!("{host}{place}")))
    }
}

/// What the names of all notes in a place begin with.
#[must_use]
pub fn notes_in(place: &str) -> String {
    format!("note:{place}:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_taken_apart_as_it_was_put_together() {
        let host = "ghe.example.com";
        for (place, comment) in [
            ("github:comment:12", Some("github:comment:12")),
            ("github:review:3", Some("github:review:3")),
            ("github:review-comment:3", Some("github:review-comment:3")),
            ("jira:comment:10019", Some("jira-comment:10019")),
            ("github:acme/api#7", None),
            ("jira:DATA-1", None),
        ] {
            let note = OccurrenceId::of_note(place, "assumed", "d1ge57");
            assert_eq!(note.as_str(), format!("note:{place}:assumed:d1ge57"));
            assert_eq!(note.notes_beside(), Some(notes_in(place)));
            assert_eq!(note.comment_of_note(), comment.map(OccurrenceId::from));
            let there = note.on_host(host);
            assert_eq!(there.notes_beside(), Some(format!("{host}/{}", notes_in(place))));
            assert_eq!(there.comment_of_note(), comment.map(|comment| OccurrenceId::from(comment).on_host(host)));
            for edit in [note.at(Timestamp::UNIX_EPOCH), note.taken_back_at(Timestamp::UNIX_EPOCH)] {
                assert_eq!((edit.original(), edit.is_original()), (note.clone(), false));
                assert_eq!(edit.takes_back(), edit == note.taken_back_at(Timestamp::UNIX_EPOCH));
                assert_eq!((edit.notes_beside(), edit.comment_of_note()), (Some(notes_in(place)), None), "{edit}");
            }
            assert!(note.is_original() && note.original() == note);
        }
    }
}
