//! The issues that a pull request or a commit closes: GitHub's keywords, each with a reference to an issue.
//! <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue>

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::event::{SubjectKey, TicketKey};
use crate::source::lenient::host_of;
use crate::source::text::code_spans;
use crate::source::tickets::Keys;

/// How much of a text is searched.
const LOOKED_AT: usize = 64 * 1024;

/// A pull request that closes more issues than this lists them.
pub const MOST: usize = 20;

static CLOSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let reference = r"(?:(?P<repo>[\w.-]+/[\w.-]+)?#|GH-)(?P<number>\d{1,9})\b";
    let page = r"(?P<page>https?://[\w.:-]+)/(?P<page_repo>[\w.-]+/[\w.-]+)/issues/(?P<page_number>\d{1,9})\b";
    // Names on GitHub have no letters but these.
    Regex::new(&format!(r"(?i-u)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?[ \t]+(?:{reference}|{page})")).ok()
});

/// Where a text stands: what its references start from.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `owner/repo`
    pub scope: &'a str,
    /// The host of its pages, if that is known
    pub host: Option<&'a str>,
}

/// The keys with the issues that these texts close. If there are more than `most`, they are only listed.
pub fn with_issues<'t>(
    mut keys: Keys,
    texts: impl IntoIterator<Item = &'t str>,
    (place, most): (Place<'_>, usize),
) -> Keys {
    let issues = closed(texts, place);
    let list = if issues.len() > most { &mut keys.listed } else { &mut keys.tickets };
    list.extend(issues);
    keys
}

/// The issues that texts close, each once. Quotes, fenced code and comments must have been removed.
fn closed<'t>(texts: impl IntoIterator<Item = &'t str>, place: Place<'_>) -> Vec<TicketKey> {
    let mut found: Vec<TicketKey> = Vec::new();
    let Some(closing) = CLOSING.as_ref() else { return found };
    let texts = texts.into_iter().map(|text| crate::source::text::beginning(text, LOOKED_AT));
    // What begins a reference is found faster than the keywords, and most texts have none.
    let texts =
        texts.filter(|text| ["#", "GH-", "gh-", "Gh-", "gH-", "/issues/"].iter().any(|part| text.contains(part)));
    for line in texts.flat_map(str::lines).filter(|line| !is_code(line)) {
        let spans = code_spans(line);
        let in_code = |at: usize| spans.iter().any(|(start, end)| (*start..*end).contains(&at));
        for reference in closing.captures_iter(line) {
            let Some(whole) = reference.get(0) else { continue };
            if in_code(whole.start()) || in_code(whole.end() - 1) {
                continue;
            }
            found.extend(issue(&reference, place).filter(|key| !found.contains(key)));
        }
    }
    found
}

/// More than three spaces make it code, unless it is an item of a list within a list.
fn is_code(line: &str) -> bool {
    let text = line.trim_start();
    let indented = line.starts_with("    ") || line.starts_with('\t');
    indented && !text.starts_with(['-', '*', '+']) && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn issue(reference: &Captures<'_>, place: Place<'_>) -> Option<TicketKey> {
    let part = |name: &str| reference.name(name).map(|part| part.as_str());
    let (repo, number) = match part("page") {
        Some(page) if host_of(page).as_deref() == place.host => (part("page_repo"), part("page_number")?),
        // An issue on another server is closed by nobody here.
        Some(_) => return None,
        None => (part("repo"), part("number")?),
    };
    let number = number.parse().ok().filter(|number| *number > 0)?;
    TicketKey::issue(&SubjectKey::numbered(&repository(repo, place.scope), number))
}

/// The repository of a reference, written as the webhooks of its own place write it: GitHub ignores case.
fn repository(written: Option<&str>, own: &str) -> String {
    let Some(written) = written else { return own.to_owned() };
    let owner = |scope: &str| scope.split('/').next().unwrap_or_default().to_owned();
    if written.eq_ignore_ascii_case(own) {
        return own.to_owned();
    }
    match written.split_once('/') {
        Some((named, name)) if named.eq_ignore_ascii_case(&owner(own)) => format!("{}/{name}", owner(own)),
        _ => written.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let place = Place { scope: "acme/api", host: Some("github.com") };
        closed([text], place).iter().map(TicketKey::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_keyword_and_a_reference_close_an_issue() {
        for keyword in ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"] {
            for written in [keyword.to_owned(), keyword.to_uppercase(), format!("{keyword}:")] {
                assert_eq!(found(&format!("It {written} #12.")), "acme/api#12", "{written}");
            }
        }
        for (reference, key) in [
            ("#12", "acme/api#12"),
            ("GH-12", "acme/api#12"),
            ("gh-12", "acme/api#12"),
            ("web#12", ""),
            ("acme/web#7", "acme/web#7"),
            ("Acme/API#7", "acme/api#7"),
            ("ACME/Web#7", "acme/Web#7"),
            ("other/my.repo-2#7", "other/my.repo-2#7"),
            ("https://github.com/acme/api/issues/12", "acme/api#12"),
            ("https://GitHub.com/acme/web/issues/7#issuecomment-1", "acme/web#7"),
            ("https://github.com/acme/api/pull/12", ""),
            ("https://ghe.example.com/acme/api/issues/12", ""),
            ("#0", ""),
            ("#12a", ""),
            ("#1234567890", ""),
            ("12", ""),
            ("DATA-12", ""),
        ] {
            assert_eq!(found(&format!("Fixes {reference}")), key, "{reference}");
        }
    }

    #[test]
    fn what_is_no_closing_reference() {
        for text in [
            "#12",
            "See #12",
            "fixing #12",
            "hotfixes #12",
            "closes#12",
            "Closes the issue #12",
            "closes\n#12",
            "`closes #12`",
            "closes `#12`",
            "    closes #12",
            "\tcloses #12",
            "",
        ] {
            assert_eq!(found(text), "", "{text}");
        }
    }

    #[test]
    fn each_reference_needs_its_keyword_and_counts_once() {
        for (text, keys) in [
            ("Closes #1, closes acme/web#2 and fixes #3", "acme/api#1 acme/web#2 acme/api#3"),
            ("Closes #1, #2 and #3", "acme/api#1"),
            ("Closes #1\n\n- Fixes #2\n    - resolves #3\n\nCloses #1", "acme/api#1 acme/api#2 acme/api#3"),
            ("`x` closes #1 `y`", "acme/api#1"),
            ("Closes #1 (#45)", "acme/api#1"),
        ] {
            assert_eq!(found(text), keys, "{text}");
        }
    }

    #[test]
    fn more_than_it_can_be_about_is_a_list() {
        let text = |count: usize| (1..=count).map(|number| format!("closes #{number}\n")).collect::<String>();
        let place = Place { scope: "acme/api", host: None };
        for (count, most, tickets, listed) in [(3, 3, 3, 0), (4, 3, 0, 4), (20, MOST, 20, 0), (21, MOST, 0, 21)] {
            let keys = with_issues(Keys::default(), [text(count).as_str()], (place, most));
            assert_eq!((keys.tickets.len(), keys.listed.len()), (tickets, listed));
        }
    }

    #[test]
    fn whatever_the_text_it_does_not_take_long() {
        let begin = std::time::Instant::now();
        for odd in ["closes #1 ", "closes ", "fix: #", "closes `", "closes https://x/", "a/", "closes a/b"] {
            found(&odd.repeat(300_000));
        }
        assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    }
}
