//! Finds the keys of Jira's tickets in texts.

use std::collections::BTreeSet;

use crate::event::TicketKey;

/// If a text has more keys than this, it is a list, such as a release's, and its subject belongs to none of these
/// tickets.
pub const MOST: usize = 3;

/// Words that look like a project of Jira's but, followed by a number, hardly ever are one: standards (`ISO-8601`),
/// algorithms (`SHA-256`), identifiers of other systems (`CVE-2024-1`, GitHub's own `GH-12`), platforms, licences, time
/// zones and calendar quarters. An operator who has such a project names it in `[jira] projects`.
const LOOK_ALIKES: &[&str] = &[
    // standards and their bodies
    "ANSI", "BCP", "DIN", "ECMA", "FIPS", "IEC", "IEEE", "IETF", "ISO", "ITU", "JEP", "JSR", "NIST", "OWASP", "PCI",
    "PEP", "PKCS", "RFC", "SOC", "STD", "WCAG", // encodings, algorithms and protocols
    "AES", "ASCII", "BLAKE", "CP", "CRC", "DES", "DSA", "ECDSA", "HMAC", "HTTP", "HTTPS", "IPV", "KOI8", "LATIN", "MD",
    "OAUTH", "PBKDF", "QUIC", "RIPEMD", "RSA", "SAML", "SHA", "SSL", "SSLV", "TCP", "TLS", "UCS", "UDP", "UTF",
    "WINDOWS", // formats, platforms, hardware, products
    "AMD", "ARM", "CSS", "DDR", "GPT", "HDMI", "HTML", "JSON", "PCIE", "USB", "WIFI", "X86", "XML", "YAML",
    // licences
    "AGPL", "BSD", "GPL", "LGPL", "MPL", // identifiers of other systems
    "CAPEC", "COVID", "CVE", "CWE", "GH", "ISBN", "ISSN", "MR", "PR", "RHSA", "USN",
    // versions, time zones and parts of a year
    "ALPHA", "BETA", "RC", "GMT", "UTC", "FY", "H1", "H2", "Q1", "Q2", "Q3", "Q4",
];

/// The tickets that something names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// The tickets that it belongs to, the primary one first
    pub tickets: Vec<TicketKey>,
    /// The tickets that it only lists
    pub listed: Vec<TicketKey>,
}

/// Finds the keys in the name of a branch, then in a title, then in texts, in order and without duplicates.
///
/// A key in the branch or the title makes it belong to that ticket, and so do a few keys in all texts together. Many
/// keys are a list; if the title is a list, the keys in the texts are part of it.
///
/// Keys are written in capitals. In a branch, which is often in lower case, any case counts if `projects` is set. With
/// `projects`, only their keys count; without, every word in the form of a key except the [`LOOK_ALIKES`].
pub fn find(branch: Option<&str>, title: Option<&str>, texts: &[&str], projects: &[String]) -> Keys {
    let branch = branch.map(|branch| match projects {
        [] => collect(&[branch], projects),
        _ => collect(&[&branch.to_ascii_uppercase()], projects),
    });
    let title = collect(title.as_slice(), projects);
    let texts = collect(texts, projects);
    let is_list = |keys: &[TicketKey]| keys.len() > MOST;
    let (named, listed) = match (is_list(&title), is_list(&texts)) {
        (true, _) => (Vec::new(), [title, texts].concat()),
        (false, true) => (title, texts),
        (false, false) => ([title, texts].concat(), Vec::new()),
    };
    let mut seen = BTreeSet::new();
    let mut new =
        |keys: Vec<TicketKey>| -> Vec<TicketKey> { keys.into_iter().filter(|key| seen.insert(key.clone())).collect() };
    Keys { tickets: new([branch.unwrap_or_default(), named].concat()), listed: new(listed) }
}

/// The keys in texts, each once.
fn collect(texts: &[&str], projects: &[String]) -> Vec<TicketKey> {
    let mut seen = BTreeSet::new();
    let hyphens = texts.iter().flat_map(|text| text.match_indices('-').map(|(hyphen, _)| candidates(text, hyphen)));
    let keys = hyphens.filter_map(|found| found.into_iter().flatten().find(|key| counts(key.project(), projects)));
    keys.filter(|key| seen.insert(key.clone())).collect()
}

fn counts(project: &str, projects: &[String]) -> bool {
    if projects.is_empty() {
        !LOOK_ALIKES.contains(&project)
    } else {
        projects.iter().any(|known| known.eq_ignore_ascii_case(project))
    }
}

/// The keys that the words on both sides of a hyphen can form, the longer first.
fn candidates(text: &str, hyphen: usize) -> [Option<TicketKey>; 2] {
    let (before, after) = (&text[..hyphen], &text[hyphen + 1..]);
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = before.rfind(|c| !in_word(c)).map_or(before, |at| before[at..].trim_start_matches(|c| !in_word(c)));
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (number, rest) = after.split_at(digits);
    // `TLS-1.3` is a version; `DATA-1a` and `DATA-1é` are other words. An underscore may follow: `DATA-1_fix`, `_DATA-1_`.
    let version = rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if version || rest.starts_with(char::is_alphanumeric) {
        return [None, None];
    }
    let key = |project: &str| TicketKey::jira(&format!("{project}-{number}"));
    // An underscore is emphasis (`_DATA-1_`), a separator (`fix_DATA-1`), or part of a project's key (`MY_DATA-1`).
    [key(word.trim_start_matches('_')), word.rsplit_once('_').and_then(|(_, project)| key(project))]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tickets; those that are only listed follow a `|`.
    fn found(branch: Option<&str>, title: Option<&str>, texts: &[&str], projects: &[&str]) -> String {
        let projects: Vec<String> = projects.iter().map(|project| (*project).to_owned()).collect();
        let Keys { tickets, listed } = find(branch, title, texts, &projects);
        let words = |keys: &[TicketKey]| keys.iter().map(TicketKey::as_str).collect::<Vec<_>>().join(" ");
        if listed.is_empty() { words(&tickets) } else { format!("{} | {}", words(&tickets), words(&listed)) }
    }

    fn in_text(text: &str, projects: &[&str]) -> String {
        // A branch has as many as it has.
        if projects.is_empty() { found(Some(text), None, &[], projects) } else { found(None, None, &[text], projects) }
    }

    #[test]
    fn keys_stand_at_the_bounds_of_words() {
        for (text, keys) in [
            ("DATA-123: add ids", "DATA-123"),
            ("[DATA-123] (OPS-4), A2-1/MY_PROJ-9.", "DATA-123 OPS-4 A2-1 MY_PROJ-9"),
            ("see https://jira.example.com/browse/DATA-7?focusedCommentId=1", "DATA-7"),
            ("_DATA-1_ **DATA-2** `DATA-3`", "DATA-1 DATA-2 DATA-3"),
            ("DATA-1, DATA-2 and DATA-1 again", "DATA-1 DATA-2"),
            ("fix_DATA-5_now", "DATA-5"),
            ("DATA-1-2", "DATA-1"),
            ("data-1 Data-2 xDATA-3 DATA-4x DATA-5é éDATA-6 DATA- -7 D-8 DATA-0 DATA-09 DATA-1.5", ""),
            ("", ""),
        ] {
            assert_eq!(in_text(text, &[]), keys, "{text}");
        }
    }

    #[test]
    fn look_alikes_are_no_tickets() {
        let text = "UTF-8 SHA-256 SHA-1 MD-5 ISO-8601 RFC-2119 CVE-2024-1234 AES-256 RSA-2048 HTTP-2 TLS-1.3 TLS-1 X-509 \
                    PEP-8 JSR-310 IEEE-754 GPT-4 US-ASCII ISO-IEC-27001 GH-12 UTC-3 Q3-2024 X86-64 CRC-32 COVID-19";
        assert_eq!(in_text(text, &[]), "");
        assert_eq!(in_text("CP-1252 and SHA-2", &["CP"]), "CP-1252", "unless the configuration names them");
    }

    #[test]
    fn the_branch_comes_first_then_the_title_then_the_texts_in_order() {
        let keys = found(Some("feature/OPS-2-x"), Some("DATA-1 title"), &["body OPS-2 DATA-3"], &[]);
        assert_eq!(keys, "OPS-2 DATA-1 DATA-3");
    }

    #[test]
    fn with_projects_only_theirs_count_and_branches_may_be_lower_case() {
        for (branch, keys) in
            [("feature/data-123-foo", "DATA-123"), ("fix_data-5_x", "DATA-5"), ("bump-utf-8", ""), ("other-1", "")]
        {
            assert_eq!(found(Some(branch), None, &[], &["DATA"]), keys, "{branch}");
        }
        assert_eq!(in_text("data-9 OPS-1 DATA-2", &["DATA"]), "DATA-2");
        assert_eq!(found(Some("feature/data-123-foo"), None, &[], &[]), "", "any word could be a project then");
    }

    #[test]
    fn many_keys_are_a_list() {
        let four = "- DATA-1: a\n- DATA-2: b\n- DATA-3: c\n- DATA-4: d\n- DATA-1 again";
        for (branch, title, texts, keys) in [
            (None, "Release", &["DATA-1, DATA-2 and DATA-3; DATA-1 first"][..], "DATA-1 DATA-2 DATA-3"),
            (None, "Release", &[four], " | DATA-1 DATA-2 DATA-3 DATA-4"),
            (None, "DATA-2: track all", &[four], "DATA-2 | DATA-1 DATA-3 DATA-4"),
            (Some("OPS-9-x"), "Release", &[four], "OPS-9 | DATA-1 DATA-2 DATA-3 DATA-4"),
            (None, "Commits", &["DATA-1", "DATA-2", "DATA-3"], "DATA-1 DATA-2 DATA-3"),
            (None, "Commits", &["DATA-1", "DATA-2", "DATA-3", "DATA-4"], " | DATA-1 DATA-2 DATA-3 DATA-4"),
            (None, "A-1, B-1", &["none"], ""),
            (None, "AA-1 AA-2 AA-3", &["AA-4"], "AA-1 AA-2 AA-3 AA-4"),
            (None, "AA-1 AA-2 AA-3 AA-4", &["DATA-1"], " | AA-1 AA-2 AA-3 AA-4 DATA-1"),
            (Some("AA-4"), "AA-1 AA-2 AA-3 AA-4", &[], "AA-4 | AA-1 AA-2 AA-3"),
            (Some("AA-1-AA-2-AA-3-AA-4"), "AA-5", &[], "AA-1 AA-2 AA-3 AA-4 AA-5"),
        ] {
            assert_eq!(found(branch, Some(title), texts, &[]), keys, "{branch:?} {title} {texts:?}");
        }
        let text = (1..5_000).map(|n| format!("DATA-{n} ")).collect::<String>();
        assert_eq!(find(None, None, &[&text], &[]).listed.len(), 4_999, "whole");
    }

    #[test]
    fn whatever_the_text_it_does_not_take_long() {
        let begin = std::time::Instant::now();
        for odd in ["A-", "-", "A_-1", "AA-1", "_", "é-1 ", "A-1_"] {
            find(Some(odd), Some(odd), &[&odd.repeat(300_000)], &[]);
        }
        assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    }
}
