//! Text for a terminal.

/// Columns of a terminal that most people have, and a mail program too.
const WIDTH: usize = 90;

/// A message in a frame, with who gets it above.
pub(super) fn framed(head: &str, subject: &str, text: &str) -> String {
    let lines = [subject, ""].into_iter().chain(text.trim_end().lines());
    let lines = lines.flat_map(|line| wrapped(line, WIDTH - 2)).map(|line| format!("│ {line}").trim_end().to_owned());
    format!("┌ {head}\n{}\n└", lines.collect::<Vec<_>>().join("\n"))
}

/// A line behind a mark, wrapped, and the further lines as far in as the first.
pub(super) fn hanging(mark: &str, line: &str) -> String {
    let room = WIDTH.saturating_sub(mark.chars().count());
    let further = format!("\n{}", " ".repeat(mark.chars().count()));
    format!("{mark}{}", wrapped(line, room).join(&further))
}

/// A line broken at spaces; what it begins with (`> `, spaces) begins the further ones too. A longer word, which is an
/// address mostly, stays whole.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let words = line.trim_start_matches(['>', ' ']);
    let begin = &line[..line.len() - words.len()];
    let mut lines = Vec::new();
    let mut last = begin.to_owned();
    for word in words.split(' ') {
        let empty = last.len() == begin.len();
        if !empty && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut last, begin.to_owned()));
        } else if !empty {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines.push(last);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        let table: &[(&str, &[&str])] = &[
            ("", &[""]),
            ("one two", &["one two"]),
            ("one two three", &["one two", "three"]),
            ("> one two three", &["> one two", "> three"]),
            ("see https://example.com/a/b now", &["see", "https://example.com/a/b", "now"]),
            ("éé éé éé éé", &["éé éé éé", "éé"]),
        ];
        for (line, expected) in table {
            assert_eq!(wrapped(line, 9), *expected, "{line}");
        }
    }

    #[test]
    fn a_message_is_framed() {
        insta::assert_snapshot!(framed("web → mailbox", "A subject", "Text.\n\n> A quote.\n\nWhy.\n"), @"
        ┌ web → mailbox
        │ A subject
        │
        │ Text.
        │
        │ > A quote.
        │
        │ Why.
        └
        ");
    }

    #[test]
    fn further_lines_hang() {
        let line = "word ".repeat(40);
        let text = hanging("yes  ", line.trim_end());
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with("     word")), "{text}");
    }
}
