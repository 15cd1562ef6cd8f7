//! What somebody wrote after `/microalign`.

use std::time::Duration;

use crate::event::EventKind;
use crate::rule::{kinds, parse_duration_up_to};
use crate::toml_file::nearest;

/// The longest mute: anything longer is better removed from the rules.
const LONGEST_MUTE: &str = "52w";
/// A mute that says nothing else is for a week.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// What they can write
    Help,
    /// What the channel hears
    List,
    /// Why it was told something or, with a conversation, what became of that
    Why(Option<String>),
    /// Mute a conversation or a rule for a while
    Mute(String, Duration),
    /// End that
    Unmute(String),
    /// Hear of something
    Subscribe(Wanted),
    /// No longer hear of it
    Unsubscribe(String),
}

/// What somebody wants a channel to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The repositories: a name or a pattern
    pub repo: String,
    /// The kinds of event, as in a rule's `on`
    pub on: Vec<String>,
}

/// A wish, and the team that it is for, if that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The wish
    pub wish: Wish,
    /// The team
    pub team: Option<String>,
}

const VERBS: [&str; 7] = ["help", "list", "why", "mute", "unmute", "subscribe", "unsubscribe"];

/// Reads what somebody wrote.
///
/// # Errors
/// What is wrong with it, in a sentence for them.
pub fn read(text: &str) -> Result<Words, String> {
    let words = text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let Some((verb, rest)) = words.split_first() else { return Ok(Words { wish: Wish::Help, team: None }) };
    let (rest, ends) = endings(rest)?;
    let one = |what: &str| match rest {
        [one] => Ok((*one).to_owned()),
        _ => Err(format!("After `{verb}`, write {what}.")),
    };
    let wish = match (verb.to_lowercase().as_str(), rest) {
        ("help", _) => Wish::Help,
        ("list", []) => Wish::List,
        ("why", []) => Wish::Why(None),
        ("why", [thread]) => Wish::Why(Some((*thread).to_owned())),
        ("mute", _) => Wish::Mute(one(MUTABLE)?, ends.span.unwrap_or(WEEK)),
        ("unmute", _) => Wish::Unmute(one(MUTABLE)?),
        ("subscribe", [repo, kinds @ ..]) if !kinds.is_empty() => Wish::Subscribe(wanted(repo, kinds)?),
        ("subscribe", _) => {
            let example = "Write a repository and what of it to hear, such as `subscribe acme/ingest-api merged`.";
            return Err(example.to_owned());
        }
        ("unsubscribe", _) => Wish::Unsubscribe(one("the name of a subscription, as `list` shows it")?),
        ("list" | "why", _) => return Err(format!("That is too much after `{verb}`: `help` shows how to write it.")),
        (other, _) => {
            let help = nearest(other, VERBS).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("There is no `{other}`.{help} `help` shows what there is."));
        }
    };
    if ends.span.is_some() && !matches!(wish, Wish::Mute(..)) {
        return Err(format!("Only `mute` takes a time, `{verb}` doesn't."));
    }
    Ok(Words { wish, team: ends.team })
}

const MUTABLE: &str = "one conversation, such as `DATA-123` or `acme/ingest-api#45`, or the name of a rule";

/// A word without the marks that people copy with it.
fn plain(word: &str) -> &str {
    word.trim_matches(['`', '"', ',', '“', '”'])
}

/// What `for` can say at the end.
#[derive(Default)]
struct Endings {
    span: Option<Duration>,
    team: Option<String>,
}

/// Splits off `for 1w` and `for web`.
fn endings<'a>(words: &'a [&'a str]) -> Result<(&'a [&'a str], Endings), String> {
    let (mut rest, mut ends) = (words, Endings::default());
    while let [before @ .., word, end] = rest
        && word.eq_ignore_ascii_case("for")
    {
        if end.starts_with(|c: char| c.is_ascii_digit()) {
            let span = parse_duration_up_to(end, LONGEST_MUTE).map_err(|(wrong, help)| format!("{wrong}: {help}."))?;
            if span.is_zero() {
                return Err("A mute has to last for a while: write a time such as `1w`.".to_owned());
            }
            ends.span = Some(span);
        } else {
            ends.team = Some((*end).to_owned());
        }
        rest = before;
    }
    Ok((rest, ends))
}

fn wanted(repo: &str, words: &[&str]) -> Result<Wanted, String> {
    let mut on = Vec::new();
    for word in words.iter().flat_map(|word| apart(word)).filter(|word| !word.is_empty()) {
        let kind = kind(word)?;
        if !on.contains(&kind) {
            on.push(kind);
        }
    }
    Ok(Wanted { repo: repo.to_owned(), on })
}

/// The parts of a list with commas. Those in braces belong to a pattern: `note.{assumed,decided}`.
fn apart(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    list.split(move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

/// Words that people use for what has another name.
const ALIASES: [(&str, EventKind); 4] = [
    ("released", EventKind::ReleasePublished),
    ("deployed", EventKind::DeploymentSucceeded),
    ("drafted", EventKind::PullRequestDraft),
    ("headsup", EventKind::NoteHeadsUp),
];

/// The kind that a word means, as in a rule's `on`: a whole name or a pattern, a family, or what happened. If that can happen
/// to several things, a pull request is meant.
fn kind(word: &str) -> Result<String, String> {
    let word = word.to_lowercase();
    if word.contains(['.', '*', '{', '?', '!']) || word == EventKind::Push.as_str() {
        return kinds(&word).map(|_| word).map_err(|(wrong, help)| {
            let help = help.map(|help| format!(": {help}")).unwrap_or_default();
            format!("{wrong}{help}")
        });
    }
    if let Some((_, kind)) = ALIASES.iter().find(|(alias, _)| *alias == word) {
        return Ok(kind.to_string());
    }
    let names = || EventKind::ALL.iter().filter_map(|kind| kind.as_str().split_once('.'));
    if let Some((family, _)) = names().find(|(family, _)| *family == word || format!("{family}s") == word) {
        return Ok(format!("{family}.*"));
    }
    let same = names().filter(|(_, happened)| *happened == word).map(|(family, _)| family).collect::<Vec<_>>();
    match same[..] {
        [family] => Ok(format!("{family}.{word}")),
        [_, ..] if same.contains(&"pull_request") => Ok(format!("pull_request.{word}")),
        [_, ..] => {
            let all = same.iter().map(|family| format!("`{family}.{word}`")).collect::<Vec<_>>().join(" or ");
            Err(format!("`{word}` can happen to several things: write {all}."))
        }
        [] => {
            let known = names().map(|(_, happened)| happened).chain(ALIASES.iter().map(|(alias, _)| *alias));
            let help = nearest(&word, known).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
            Err(format!("There is no event `{word}`.{help} Examples are `merged`, `released` and `note.*`."))
        }
    }
}

/// What somebody can write, each with what it does.
pub const HELP: [(&str, &str); 7] = [
    ("list", "shows what this channel hears, and what is muted in it"),
    ("why", "shows the last messages in this channel, and why it got them"),
    ("why DATA-123", "shows what was sent about a conversation and what wasn't, and why"),
    ("mute DATA-123 for 1w", "mutes a conversation for the whole team, mail included, or a rule in this channel"),
    ("unmute DATA-123", "ends that"),
    ("subscribe acme/ingest-api merged", "lets this channel hear of a repository"),
    ("unsubscribe NAME", "ends that"),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn wish(text: &str) -> Wish {
        read(text).unwrap_or_else(|error| panic!("{text}: {error}")).wish
    }

    #[test]
    fn what_can_be_written() {
        let week = Duration::from_secs(7 * 86_400);
        let subscribe = |repo: &str, on: &[&str]| {
            Wish::Subscribe(Wanted { repo: repo.to_owned(), on: on.iter().map(|on| (*on).to_owned()).collect() })
        };
        for (text, expected) in [
            ("", Wish::Help),
            ("  ", Wish::Help),
            ("HELP", Wish::Help),
            ("list", Wish::List),
            ("why", Wish::Why(None)),
            ("why DATA-123", Wish::Why(Some("DATA-123".to_owned()))),
            ("why `acme/ingest-api#45`", Wish::Why(Some("acme/ingest-api#45".to_owned()))),
            ("mute DATA-123", Wish::Mute("DATA-123".to_owned(), week)),
            ("mute merged for 1d", Wish::Mute("merged".to_owned(), Duration::from_secs(86_400))),
            ("unmute DATA-123", Wish::Unmute("DATA-123".to_owned())),
            ("subscribe acme/ingest-api merged", subscribe("acme/ingest-api", &["pull_request.merged"])),
            (
                "subscribe acme/* merged, released merged",
                subscribe("acme/*", &["pull_request.merged", "release.published"]),
            ),
            ("subscribe acme/x notes deployed push", subscribe("acme/x", &["note.*", "deployment.succeeded", "push"])),
            ("subscribe acme/x assumed pull_request.*", subscribe("acme/x", &["note.assumed", "pull_request.*"])),
            ("subscribe acme/x pull_request.{merged,closed}", subscribe("acme/x", &["pull_request.{merged,closed}"])),
            (
                "subscribe acme/x {note.assumed,note.decided},push,*.{opened,closed}",
                subscribe("acme/x", &["{note.assumed,note.decided}", "push", "*.{opened,closed}"]),
            ),
            ("subscribe acme/x opened", subscribe("acme/x", &["pull_request.opened"])),
            ("unsubscribe ingest-api-merged", Wish::Unsubscribe("ingest-api-merged".to_owned())),
        ] {
            assert_eq!(wish(text), expected, "{text}");
        }
        let words = read("mute DATA-123 for web for 3d").unwrap();
        assert_eq!(words.team.as_deref(), Some("web"));
        assert_eq!(words.wish, Wish::Mute("DATA-123".to_owned(), Duration::from_secs(3 * 86_400)));
        assert_eq!(read("list for data-platform").unwrap().team.as_deref(), Some("data-platform"));
        for (line, _) in HELP {
            assert!(read(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| read(text).unwrap_err();
        insta::assert_snapshot!(
            [
                "lst",
                "zzz",
                "list all",
                "mute",
                "mute a b",
                "mute DATA-1 for 0s",
                "mute DATA-1 for 99w",
                "why DATA-1 for 1w",
                "subscribe",
                "subscribe acme/x",
                "subscribe acme/x mergd",
                "subscribe acme/x failed",
                "subscribe acme/x pull_request.mergd",
                "unsubscribe",
            ]
            .map(wrong)
            .join("\n")
        );
    }

    proptest! {
        #[test]
        fn no_words_are_too_strange(text in "\\PC{0,80}") {
            read(&text).ok();
        }

        #[test]
        fn nor_are_strange_endings(text in "(mute |subscribe |list )?([a-z]+ )?(for )*(1w |web |0s |-1 )*") {
            read(&text).ok();
        }
    }
}
