//! Makes values inert, so that no Markdown parser ever reads them.
//!
//! A value goes into the template's output as one private-use character per byte. To the parser those are ordinary
//! letters, wherever they are: in text, in a code span, in a link's destination. After parsing they are turned back.
//! Since nothing has to be escaped for each place, no place can be forgotten.

/// The character that stands for byte 0; the other 255 follow it.
const FIRST: u32 = 0xE000;

/// Whether this character stands for a byte. Templates may not contain one.
pub(super) fn is_inert(c: char) -> bool {
    byte(c).is_some()
}

fn byte(c: char) -> Option<u8> {
    u32::from(c).checked_sub(FIRST).and_then(|offset| u8::try_from(offset).ok())
}

/// Turns a value into letters without a meaning.
pub(super) fn encode(value: &str) -> String {
    clean(value).bytes().filter_map(|byte| char::from_u32(FIRST + u32::from(byte))).collect()
}

/// Turns the values in a text back.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut value = Vec::new();
    for c in text.chars() {
        if let Some(byte) = byte(c) {
            value.push(byte);
        } else {
            decoded.push_str(&String::from_utf8_lossy(&value));
            value.clear();
            decoded.push(c);
        }
    }
    decoded.push_str(&String::from_utf8_lossy(&value));
    decoded
}

/// One line of text: control characters and white space become single spaces, and invisible characters that change what
/// is seen (the direction of text, characters without width) are left out.
#[must_use]
pub fn clean(value: &str) -> String {
    let mut line = String::with_capacity(value.len());
    for c in value.chars().filter(|&c| !is_hidden(c)) {
        if c.is_control() || c.is_whitespace() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Whether nothing of a text can be seen.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    // Soft hyphens, joiners, selectors, tags, and letters that are empty.
    let unseen = |c: char| {
        matches!(c,
            ' ' | '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200C}' | '\u{200D}' | '\u{2061}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
    };
    clean(text).chars().all(unseen)
}

/// Joiners (U+200C, U+200D) stay: scripts and emoji need them.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        | '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_it_was() {
        for value in ["", "a", "<!channel> [x](http://evil) **hi**", "é ü 漢字 👩‍👩‍👧", "\u{E000}\u{E0FF}"]
        {
            assert!(encode(value).chars().all(is_inert), "{value}");
            assert_eq!(decode(&encode(value)), value);
        }
        assert_eq!(decode(&format!("a{}b", encode("é"))), "aéb");
    }

    #[test]
    fn what_cannot_be_seen_is_blank() {
        for blank in ["", " \r\n\t", "\u{200B}\u{FEFF}", "\u{200D} \u{AD}\u{FE0F}", "\u{3164}\u{2800}", "\u{E0041}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for said in ["a", ".", "👎", "👩‍👩‍👧", "\u{200B}é", "李"] {
            assert!(!is_blank(said), "{said:?}");
        }
    }

    #[test]
    fn a_value_is_one_visible_line() {
        let table = [
            ("a\r\nBcc: b", "a Bcc: b"),
            ("  a \t\u{2028} b\0 ", "a b"),
            ("gnp\u{202E}.exe\u{200B}\u{FEFF}", "gnp.exe"),
            ("\u{1b}[31mred", "[31mred"),
        ];
        for (value, expected) in table {
            assert_eq!(clean(value), expected);
        }
    }
}
