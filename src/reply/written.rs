//! The text of a mail, without the mail that it quotes and without the signature.
//!
//! No standard says how these are marked, so this knows what nearly all mail programs do.

use std::sync::LazyLock;

use regex::Regex;

/// A date or a time of day, as in `On Tue, 24 Nov 2026 at 14:05, microalign wrote:` in any language.
static WHEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b(19|20)\d\d\b|\b\d{1,2}[:.h]\d\d\b").ok());
/// The same in common languages, for quoted text without marks.
static WROTE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s*(On .+ wrote|Am .+ schrieb.*|Le .+ a écrit|El .+ escribió|Em .+ escreveu|Il .+ ha scritto|Op .+ schreef.*|Den .+ skrev.*|W dniu .+ pisze)\s*:\s*$",
    )
    .ok()
});
/// `-----Original Message-----`, in any language, and Outlook's line.
static RULED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\s*(-{3,}[^-]+-{3,}|_{20,})\s*$").ok());
/// `From: …`, `Von: …`, `*Sent:* …`: a line of the header that Outlook puts above what it quotes.
static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\s*\*?\p{L}[\p{L} -]{0,20}\*?\s?[::]").ok());
/// What phones add at the end.
static DEVICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(Sent from|Sent with|Get Outlook for|Gesendet von|Von meinem|Envoyé (de|à)|Enviado (desde|do)|Inviato da) .+$").ok()
});

fn fits(pattern: &LazyLock<Option<Regex>>, line: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(line))
}

/// How many lines `On … wrote:` can take.
const BROKEN: usize = 4;

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The person's own lines, or the whole text if there are none: an objection that is too long is better than none
    pub text: String,
    /// It has lines of their own
    pub own: bool,
}

/// What the text of a mail says.
pub(super) fn written(text: &str) -> Words {
    let text = text.replace('\r', "").replace('\u{a0}', " ");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let own = own(&lines);
    if own.is_empty() { Words { text: joined(lines.into_iter()), own: false } } else { Words { text: own, own: true } }
}

fn own(lines: &[&str]) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        if ends(line, after) {
            break;
        }
        if is_quote(line) {
            let intro = intro(&kept);
            kept.truncate(kept.len() - intro);
            rest = after;
            continue;
        }
        match wrote(rest) {
            // The text that follows without marks is the quoted mail.
            Some(length) if !rest[length..].iter().find(|line| !line.is_empty()).is_some_and(|line| is_quote(line)) => {
                break;
            }
            Some(length) => rest = &rest[length..],
            None => {
                kept.push(line);
                rest = after;
            }
        }
    }
    joined(kept.into_iter())
}

fn is_quote(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// Whether the person's own text ends before this line.
fn ends(line: &str, after: &[&str]) -> bool {
    // RFC 3676, section 4.3; the space at its end is often lost.
    line == "--" || fits(&RULED, line) || fits(&DEVICE, line) || is_header(line, after)
}

/// A header with an address or a date: `From: … Sent: … To: …`.
fn is_header(line: &str, after: &[&str]) -> bool {
    let block = || std::iter::once(line).chain(after.iter().copied()).take(3);
    line.contains('@') | block().skip(1).take(1).any(|line| fits(&WHEN, line))
        && block().count() == 3
        && block().all(|line| fits(&LABEL, line))
}

/// How many of the first lines are `On … wrote:`, in a known language.
fn wrote(lines: &[&str]) -> Option<usize> {
    let mut line = String::new();
    for (index, part) in lines.iter().take(BROKEN).enumerate() {
        if part.trim().is_empty() {
            return None;
        }
        line = format!("{line} {part}");
        if fits(&WROTE, &line) && fits(&WHEN, &line) {
            return Some(index + 1);
        }
    }
    None
}

/// How many of the last lines say, in any language, when somebody wrote the text that is quoted next, including empty
/// lines after them.
fn intro(kept: &[&str]) -> usize {
    let empty = kept.iter().rev().take_while(|line| line.trim().is_empty()).count();
    let said = &kept[..kept.len() - empty];
    if !said.last().is_some_and(|line| line.ends_with([':', ':'])) {
        return 0;
    }
    for length in 1..=BROKEN.min(said.len()) {
        let lines = &said[said.len() - length..];
        if lines[0].trim().is_empty() {
            return 0;
        }
        if lines.iter().any(|line| fits(&WHEN, line)) {
            return length + empty;
        }
    }
    0
}

/// The lines without empty ones at both ends, and without two empty ones in a row.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in lines {
        if !line.trim().is_empty() {
            text.push_str(line);
        } else if text.is_empty() || text.ends_with("\n\n") {
            continue;
        }
        text.push('\n');
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What mail programs make of "Ids are reused.\nPlease don't.", above or below what they quote.
    #[test]
    fn what_mail_programs_quote_is_left_out() {
        const OWN: &str = "Ids are reused.\nPlease don't.";
        for (program, around) in [
            ("nothing quoted", "{}"),
            (
                "Gmail",
                "{}\n\nOn Tue, Nov 24, 2026 at 2:05 PM microalign <updates@example.com> wrote:\n\n> Ana assumed\n> that\n",
            ),
            (
                "Gmail, broken",
                "{}\n\nOn Tue, Nov 24, 2026 at 2:05 PM microalign <\nupdates@example.com> wrote:\n\n> Ana assumed\n",
            ),
            (
                "Gmail, German",
                "{}\n\nAm Di., 24. Nov. 2026 um 14:05 Uhr schrieb microalign <\nupdates@example.com>:\n\n> Ana assumed\n",
            ),
            ("Gmail, Japanese", "{}\n\n2026年11月24日(火) 14:05 microalign <updates@example.com>:\n\n> Ana assumed\n"),
            (
                "Apple Mail",
                "{}\n\n> On 24. Nov 2026, at 14:05, microalign <updates@example.com> wrote:\n> \n> Ana assumed\n",
            ),
            (
                "Apple Mail, no marks",
                "{}\n\nOn 24. Nov 2026, at 14:05, microalign <updates@example.com> wrote:\n\nAna assumed\n",
            ),
            (
                "Thunderbird",
                "On 11/24/26 14:05, microalign wrote:\n> Ana assumed\n> that\n\n{}\n\n-- \nBo\nExample Ltd.\n",
            ),
            ("Thunderbird, French", "Le 24/11/2026 à 14:05, microalign a écrit :\n> Ana assumed\n\n{}"),
            (
                "Outlook",
                "{}\n\n________________________________\nFrom: microalign <updates@example.com>\nSent: Tuesday\n\nAna assumed\n",
            ),
            (
                "Outlook, no line",
                "{}\n\nFrom: microalign <updates@example.com> \nSent: Tuesday, November 24, 2026 2:05 PM\nTo: Bo\nSubject: x\n\nAna assumed\n",
            ),
            (
                "Outlook, German",
                "{}\n\nVon: microalign\nGesendet: Dienstag, 24. November 2026 14:05\nAn: Bo\nBetreff: x\n\nAna assumed\n",
            ),
            (
                "Outlook, bold",
                "{}\n\n*From:* microalign <updates@example.com>\n*Sent:* Tuesday\n*To:* Bo\n\nAna assumed\n",
            ),
            ("Outlook, old", "{}\n\n-----Original Message-----\nFrom: microalign\n\nAna assumed\n"),
            ("Outlook, old, German", "{}\n\n-----Ursprüngliche Nachricht-----\nVon: microalign\n\nAna assumed\n"),
            (
                "a telephone",
                "{}\n\nSent from my iPhone\n\n> On 24. Nov 2026, at 14:05, microalign wrote:\n> Ana assumed\n",
            ),
            (
                "Outlook's telephone",
                "{}\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: x\n",
            ),
            ("a signature", "{}\n-- \nBo Li, Example Ltd.\n+351 1 2345"),
            ("line ends", "{}\r\n\r\n\r\n> Ana assumed\r\n"),
        ] {
            let expected = Words { text: OWN.to_owned(), own: true };
            assert_eq!(written(&around.replace("{}", OWN)), expected, "{program}");
            assert!(!written(&around.replace("{}", "")).own, "{program}: nothing is theirs");
        }
    }

    #[test]
    fn what_was_written_is_kept() {
        for (text, expected) in [
            ("> ids are unique\nThey are not.\n> and small\nNeither.", "They are not.\nNeither."),
            ("I object to this:\n> ids are unique\nThey are not.", "I object to this:\nThey are not."),
            ("No.\nOn 24 Nov 2026, at 14:05, microalign wrote:\n> x", "No."),
            ("Options:\nOne: keep\nTwo: drop\nThree: ask", "Options:\nOne: keep\nTwo: drop\nThree: ask"),
            ("On Tuesday we said no.\nIt stays so:\n\n- no", "On Tuesday we said no.\nIt stays so:\n\n- no"),
            ("a -- b\n---\nc", "a -- b\n---\nc"),
            ("No.\n\n\n\n\nReally.", "No.\n\nReally."),
            // Where nothing is left, all is.
            ("> ids are unique, no they are not", "> ids are unique, no they are not"),
            (
                "On 24 Nov 2026, at 14:05, microalign wrote:\nAna assumed\nThat is wrong",
                "On 24 Nov 2026, at 14:05, microalign wrote:\nAna assumed\nThat is wrong",
            ),
            ("", ""),
            (" \n\n", ""),
        ] {
            assert_eq!(written(text).text, expected, "{text}");
        }
    }
}
