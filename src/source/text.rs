//! Fits people's text into a line or a sentence.

mod own_words;

pub use own_words::{code_spans, own_words, own_words_with_code};

/// The most characters in a summary.
pub const SUMMARY: usize = 280;
/// The most characters in a title. Both sources allow 255, but a commit's first line has no limit.
const TITLE: usize = 300;
/// The most bytes of a description for conditions. GitHub allows 65,536 characters of up to four bytes, and Jira half
/// of that.
const BODY: usize = 4 * 65_536;

/// One line of at most 300 characters.
pub fn title(text: &str) -> String {
    cut(text, TITLE)
}

/// One line of at most 280 characters; `None` if nothing is left.
pub fn excerpt(text: &str) -> Option<String> {
    Some(cut(text, SUMMARY)).filter(|text| !text.is_empty())
}

/// Turns white space and control characters into single spaces, and cuts a text of more than `most` characters between
/// words.
pub fn cut(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let space = usize::from(length > 0);
        length += space + word.chars().count();
        if length > most {
            if line.is_empty() {
                line.extend(word.chars().take(most - 1));
            }
            while line.chars().count() >= most {
                line.truncate(
                    line.rfind(' ').unwrap_or(line.len() - line.chars().next_back().map_or(0, char::len_utf8)),
                );
            }
            line.push('…');
            return line;
        }
        line.extend((space == 1).then_some(' '));
        line.push_str(word);
    }
    line
}

/// A description for conditions: as written, and cut only if it is longer than the sources allow.
pub fn body(text: Option<&str>) -> String {
    beginning(text.unwrap_or_default(), BODY).to_owned()
}

/// The beginning of a text, at most `most` bytes.
pub fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_words() {
        let cut_at_ten = |text| cut(text, 10);
        assert_eq!(cut_at_ten("one two th"), "one two th");
        assert_eq!(cut_at_ten("one two three"), "one two…");
        assert_eq!(cut_at_ten("one two th x"), "one two…", "the mark needs room too");
        assert_eq!(cut_at_ten("onetwothreefour"), "onetwothr…");
        assert_eq!(cut_at_ten("ééééééééééééééé"), "ééééééééé…");
        let summary = excerpt(&"word ".repeat(200)).unwrap_or_default();
        assert!(summary.ends_with(" word…") && summary.chars().count() <= 280, "{summary}");
    }

    #[test]
    fn a_description_is_kept_whole() {
        let longest = "\u{1f600}".repeat(65_536);
        assert_eq!(body(Some(&longest)), longest);
        assert!(body(Some(&longest.repeat(2))).len() <= BODY);
        assert_eq!(body(None), "");
    }
}
