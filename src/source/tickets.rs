//! Ticket keys in what people write.

use std::str::FromStr;

use crate::event::TicketKey;

/// More keys than this are a list, not a reference.
const MOST: usize = 10;

/// What looks like a project of Jira's and, followed by a number, hardly ever is one: standards (`ISO-8601`),
/// algorithms (`SHA-256`), identifiers of other systems (`CVE-2024-1`, GitHub's own `GH-12`), platforms, licences,
/// time zones and calendar quarters. A team that has such a project names it in `[jira] projects`.
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

/// Finds ticket keys in a branch's name, then in texts, in order and without duplicates.
///
/// Keys are written in capitals; in a branch, which is often all lower case, any case will do once `projects` says what
/// is a project. With `projects` only theirs count; without, any key-shaped word but the [`LOOK_ALIKES`].
pub fn find(branch: Option<&str>, texts: &[&str], projects: &[String]) -> Vec<TicketKey> {
    let mut keys = Vec::new();
    if let Some(branch) = branch {
        if projects.is_empty() {
            collect(branch, projects, &mut keys);
        } else {
            collect(&branch.to_ascii_uppercase(), projects, &mut keys);
        }
    }
    for text in texts {
        collect(text, projects, &mut keys);
    }
    keys
}

fn collect(text: &str, projects: &[String], keys: &mut Vec<TicketKey>) {
    for (hyphen, _) in text.match_indices('-') {
        if keys.len() == MOST {
            return;
        }
        let key = candidates(text, hyphen).into_iter().flatten().find(|key| counts(key.project(), projects));
        if let Some(key) = key
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
}

fn counts(project: &str, projects: &[String]) -> bool {
    if projects.is_empty() {
        !LOOK_ALIKES.contains(&project)
    } else {
        projects.iter().any(|known| known.eq_ignore_ascii_case(project))
    }
}

/// The keys that the words on both sides of a hyphen can make, the longer first.
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
    let key = |project: &str| TicketKey::from_str(&format!("{project}-{number}")).ok();
    // An underscore is emphasis (`_DATA-1_`), a separator (`fix_DATA-1`), or part of a project's key (`MY_DATA-1`).
    [key(word.trim_start_matches('_')), word.rsplit_once('_').and_then(|(_, project)| key(project))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(branch: Option<&str>, texts: &[&str], projects: &[&str]) -> String {
        let projects: Vec<String> = projects.iter().map(|project| (*project).to_owned()).collect();
        let keys = find(branch, texts, &projects);
        keys.iter().map(TicketKey::as_str).collect::<Vec<_>>().join(" ")
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
            assert_eq!(found(None, &[text], &[]), keys, "{text}");
        }
    }

    #[test]
    fn look_alikes_are_no_tickets() {
        let text = "UTF-8 SHA-256 SHA-1 MD-5 ISO-8601 RFC-2119 CVE-2024-1234 AES-256 RSA-2048 HTTP-2 TLS-1.3 TLS-1 X-509 \
                    PEP-8 JSR-310 IEEE-754 GPT-4 US-ASCII ISO-IEC-27001 GH-12 UTC-3 Q3-2024 X86-64 CRC-32 COVID-19";
        assert_eq!(found(None, &[text], &[]), "");
        assert_eq!(found(None, &["CP-1252 and SHA-2"], &["CP"]), "CP-1252", "unless the configuration names them");
    }

    #[test]
    fn the_branch_comes_first_then_the_texts_in_order() {
        let keys = found(Some("feature/OPS-2-x"), &["DATA-1 title", "body OPS-2 DATA-3"], &[]);
        assert_eq!(keys, "OPS-2 DATA-1 DATA-3");
    }

    #[test]
    fn with_projects_only_theirs_count_and_branches_may_be_lower_case() {
        for (branch, keys) in
            [("feature/data-123-foo", "DATA-123"), ("fix_data-5_x", "DATA-5"), ("bump-utf-8", ""), ("other-1", "")]
        {
            assert_eq!(found(Some(branch), &[], &["DATA"]), keys, "{branch}");
        }
        assert_eq!(found(None, &["data-9 OPS-1 DATA-2"], &["DATA"]), "DATA-2");
        assert_eq!(found(Some("feature/data-123-foo"), &[], &[]), "", "any word could be a project then");
    }

    #[test]
    fn a_list_of_keys_is_cut() {
        let text = (1..50).map(|n| format!("DATA-{n} ")).collect::<String>();
        assert_eq!(found(None, &[&text], &[]).split(' ').count(), MOST);
    }
}
