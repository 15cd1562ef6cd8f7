//! People whom Jira names by an id that readers can't understand, such as `[~accountid:5b10…]` in a comment.
//!
//! The name for an id may be in another delivery, so a text keeps the marked id until its event is used. Then
//! [`name_people`] replaces it with the name, and no id gets any further.

use crate::event::{About, Actor, Event, Source};

use super::text;

/// The beginning of a marked id, which nobody types: an isolate (Unicode's bidirectional algorithm), and Jira's own
/// mark.
pub const OPEN: &str = "\u{2068}~";
/// The end of a marked id
pub const CLOSE: char = '\u{2069}';
/// The continuation for an id of Cloud's
const ACCOUNT: &str = "accountid:";
/// The name of somebody whose name isn't known
const SOMEBODY: &str = "somebody";
/// The most characters in an id; Jira's have fewer.
const LONGEST: usize = 255;

/// The mark for an account id.
pub fn account(id: &str) -> String {
    mark(ACCOUNT, id)
}

/// The mark for the name or key of a user on Data Center. A name is readable, but a key isn't.
pub fn user(name: &str) -> String {
    mark("", name)
}

/// Marks an id that may or may not be one of Cloud's.
pub fn either(id: &str, cloud: bool) -> String {
    if cloud || is_account(id) { account(id) } else { user(id) }
}

fn mark(kind: &str, id: &str) -> String {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != CLOSE;
    let fits = !id.is_empty() && id.len() <= LONGEST && id.chars().all(fits);
    if fits { format!("{OPEN}{kind}{id}{CLOSE}") } else { SOMEBODY.to_owned() }
}

/// Whether it looks like an account id of Cloud's (24 hexadecimal digits, or a number and a UUID) or a user's key on
/// Data Center, and not like a name.
pub fn is_id(text: &str) -> bool {
    let key = text.strip_prefix("JIRAUSER").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    key || is_account(text)
}

/// Whether a name only repeats the id.
pub fn repeats(name: &str, id: Option<&str>) -> bool {
    is_id(name) || (Some(name) == id && name.contains(|c: char| c.is_ascii_digit()))
}

fn is_account(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let hex = text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let uuid = text.split_once(':').is_some_and(|(tenant, rest)| {
        !tenant.is_empty()
            && tenant.bytes().all(plain)
            && rest.len() >= 8
            && rest.bytes().all(|b| plain(b) || b == b':')
    });
    hex || uuid
}

/// Marks the mentions in wiki markup: `[~name]`, `[~accountid:ID]`.
pub fn in_markup(markup: &str) -> String {
    let mut marked = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find("[~") {
        let (before, from) = rest.split_at(at);
        marked.push_str(before);
        let (words, after) = mention(&from[2..]);
        marked.push_str(&words);
        rest = after;
    }
    marked.push_str(rest);
    marked
}

/// The marked id of a mention, whose inside `text` begins with, and the rest.
fn mention(text: &str) -> (String, &str) {
    let end = text[..text.floor_char_boundary(LONGEST)].find([']', '\n']).filter(|at| text[*at..].starts_with(']'));
    let (inside, after) = match end {
        Some(end) => (&text[..end], &text[end + 1..]),
        // The mention was cut, or isn't closed.
        None => text.split_at(text.find(|c: char| !c.is_alphanumeric() && !":-_.".contains(c)).unwrap_or(text.len())),
    };
    let name = inside.split('|').next().unwrap_or_default().trim();
    let words = match name.strip_prefix(ACCOUNT) {
        Some(id) => account(id),
        None if name.contains(char::is_whitespace) => name.to_owned(),
        None => user(name),
    };
    (words, after)
}

/// Replaces ids with names everywhere in an event: the names in its own delivery, or those that `name_of` knows, or
/// else "somebody". A user's name on Data Center stays.
pub fn name_people(event: &mut Event, name_of: &dyn Fn(&str) -> Option<String>) {
    if event.source != Source::Jira {
        return;
    }
    let taught = std::mem::take(&mut event.people);
    let known = |id: &str| {
        let told = taught.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone());
        told.or_else(|| name_of(id)).and_then(|name| name_from(&name))
    };
    each_text(event, &mut |text| {
        if text.contains(OPEN) {
            *text = named(text, &known);
        }
    });
    event.people = taught;
}

/// A name that is safe in a sentence: it mentions nobody, and contains no mark.
pub fn name_from(name: &str) -> Option<String> {
    let name = text::title(&name.replace([CLOSE, '\u{2068}'], ""));
    let name = name.trim_start_matches('@').trim();
    (!name.is_empty() && !is_id(name)).then(|| name.to_owned())
}

/// Everything in an event that people read and that may contain an id.
fn each_text(event: &mut Event, change: &mut dyn FnMut(&mut String)) {
    let ticket = match &mut event.about {
        About::Ticket(ticket) => Some(ticket),
        About::Thing(thing) => {
            thing.body_summary.iter_mut().for_each(&mut *change);
            None
        }
        About::PullRequest(_) | About::Issue(_) => None,
    };
    let held = ticket.map(|ticket| [&mut ticket.assignee, &mut ticket.reporter]).into_iter().flatten().flatten();
    let wrote = event.note.as_mut().and_then(|note| note.author.as_mut());
    let people = event.actor.iter_mut().chain(&mut event.doers).chain(wrote).chain(held);
    people.for_each(|Actor { name, .. }| change(name));
    event.note.iter_mut().for_each(|note| change(&mut note.text));
    event.comment.iter_mut().for_each(|comment| change(&mut comment.summary));
    let changed = event.change.iter_mut().flat_map(|told| [&mut told.from, &mut told.to]);
    changed.flatten().for_each(change);
}

/// A text with names instead of marked ids.
fn named(text: &str, known: &dyn Fn(&str) -> Option<String>) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(OPEN) {
        whole.push_str(before);
        // A text that was cut may end inside a mark.
        let end = from.find(|c: char| c == CLOSE || c == '…' || c.is_whitespace()).unwrap_or(from.len());
        let (id, after) = from.split_at(end);
        let closed = after.starts_with(CLOSE);
        whole.push_str(&name(id, closed, known));
        rest = after.strip_prefix(CLOSE).unwrap_or(after);
    }
    whole.push_str(rest);
    whole
}

fn name(id: &str, whole: bool, known: &dyn Fn(&str) -> Option<String>) -> String {
    let on_cloud = id.strip_prefix(ACCOUNT);
    let found = Some(on_cloud.unwrap_or(id)).filter(|_| whole).and_then(known);
    match (found, on_cloud) {
        (Some(name), _) => name,
        (None, None) if whole => name_from(id).unwrap_or_else(|| SOMEBODY.to_owned()),
        (None, _) => SOMEBODY.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As readers see it, who know Bea and a user of Data Center.
    fn seen(marked: &str) -> String {
        named(marked, &|id| match id {
            "5b10a2844c20" => Some("Bea Costa".to_owned()),
            "bo" => Some("Bo Berg".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_mention_is_a_name_or_somebody_and_never_an_id() {
        for (markup, text) in [
            ("[~accountid:5b10a2844c20] can you check?", "Bea Costa can you check?"),
            ("ask [~accountid:557058:f58131cb-b67d-43c7-b30d-6b58d40bd077].", "ask somebody."),
            ("[~accountid:5b10a2844c20|Bea]", "Bea Costa"),
            ("[~accountid:]x [~] y", "somebodyx somebody y"),
            ("[~bo] and [~alex.doe] and [~alex-doe_x]", "Bo Berg and alex.doe and alex-doe_x"),
            ("[~JIRAUSER10100] [~5b10a2844c20165700ede21f]", "somebody somebody"),
            ("[~accountid:5b10a2844c20165700ede21f was cut", "somebody was cut"),
            ("[~bo was cut", "Bo Berg was cut"),
            ("[~Ana Doe] has a blank", "Ana Doe has a blank"),
            ("[x] ~ [~bo][~bo]", "[x] ~ Bo BergBo Berg"),
        ] {
            assert_eq!(seen(&in_markup(markup)), text, "{markup}");
        }
        assert_eq!(seen("x \u{2068}~accountid:5b10a2844…"), "x somebody…", "a text that was cut");
        assert_eq!(seen("\u{2068}isolated\u{2069}"), "\u{2068}isolated\u{2069}", "a text that uses isolates");
    }

    #[test]
    fn ids_are_told_from_names() {
        for id in ["5b10a2844c20165700ede21f", "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077", "JIRAUSER10100"] {
            assert!(is_id(id), "{id}");
        }
        for name in ["ana", "Ana Doe", "ana.doe@example.com", "10021", "2024-06-14", "12:30", "see: that", ""] {
            assert!(!is_id(name), "{name}");
        }
    }

    #[test]
    fn a_name_calls_nobody() {
        for (name, shown) in [
            ("Bea Costa", Some("Bea Costa")),
            ("@channel", Some("channel")),
            (" @@ ", None),
            ("5b10a2844c20165700ede21f", None),
            ("a\n\u{2068}~b\u{2069}", Some("a ~b")),
        ] {
            assert_eq!(name_from(name).as_deref(), shown, "{name}");
        }
    }
}
