//! Shortens a message until it is within a service's limit in the channel's format, whatever that limit counts.
//!
//! A message is cut between words, never within a link or a grapheme, and ends with a link to the rest.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::template::{Block, Inline, Message, flat};

/// The longest form of a message that fits. `write` turns a body into a request, and `fits` says whether the service accepts it.
///
/// `write` must stay within the limit for a body of a few words.
pub(super) fn fit<T>(message: &Message, write: impl Fn(&[Block]) -> T, fits: impl Fn(&T) -> bool) -> T {
    let whole = write(&message.body);
    if fits(&whole) {
        return whole;
    }
    let shortened = |length: usize, url: Option<&str>| write(&with_more(head(&message.body, length), url));
    let url = message.url.as_deref();
    // An address can be longer than what a service accepts.
    let url = url.filter(|_| fits(&shortened(0, url)));
    // Search from below, because the limit is short and a message can be very long.
    let (mut fitting, mut least, mut most, mut bounded) = (shortened(0, url), 0, length(&message.body), false);
    while most - least > 1 {
        let half = least + (most - least) / 2;
        let middle = if bounded { half } else { half.min(2 * least.max(512)) };
        let written = shortened(middle, url);
        if fits(&written) {
            (fitting, least) = (written, middle);
        } else {
            (most, bounded) = (middle, true);
        }
    }
    fitting
}

/// An upper bound on the number of characters.
fn length(blocks: &[Block]) -> usize {
    let of = |block: &Block| match block {
        Block::Paragraph(inlines) => flat(inlines).len(),
        Block::Quote(inner) => length(inner),
        Block::Code(code) => code.len(),
        Block::List { items, .. } => items.iter().map(|item| length(item)).sum(),
    };
    blocks.iter().map(of).sum()
}

/// How many graphemes a text has.
fn letters(text: &str) -> usize {
    text.graphemes(true).count()
}

/// The beginning of a message, with at most `length` graphemes.
fn head(blocks: &[Block], length: usize) -> Vec<Block> {
    head_of(blocks, &mut { length })
}

fn head_of(blocks: &[Block], room: &mut usize) -> Vec<Block> {
    let mut head = Vec::new();
    for block in blocks {
        if *room == 0 {
            break;
        }
        match block {
            Block::Paragraph(inlines) => {
                head.extend(Some(inlines_of(inlines, room)).filter(|kept| !kept.is_empty()).map(Block::Paragraph));
            }
            Block::Quote(inner) => {
                head.extend(Some(head_of(inner, room)).filter(|kept| !kept.is_empty()).map(Block::Quote));
            }
            Block::Code(code) => head.extend(cut(code, room).map(Block::Code)),
            Block::List { start, items } => {
                let kept = items.iter().map_while(|item| (*room > 0).then(|| head_of(item, room)));
                let kept = kept.filter(|item| !item.is_empty()).collect::<Vec<_>>();
                if !kept.is_empty() {
                    head.push(Block::List { start: *start, items: kept });
                }
            }
        }
    }
    head
}

fn inlines_of(inlines: &[Inline], room: &mut usize) -> Vec<Inline> {
    let mut head = Vec::new();
    for inline in inlines {
        if *room == 0 {
            break;
        }
        match inline {
            Inline::Text(text) => head.extend(cut(text, room).map(Inline::Text)),
            Inline::Code(code) => head.extend(cut(code, room).map(Inline::Code)),
            Inline::Strong(inner) => {
                head.extend(Some(inlines_of(inner, room)).filter(|kept| !kept.is_empty()).map(Inline::Strong));
            }
            Inline::Emphasis(inner) => {
                head.extend(Some(inlines_of(inner, room)).filter(|kept| !kept.is_empty()).map(Inline::Emphasis));
            }
            // A link is never cut.
            Inline::Link { text, .. } => {
                let left = room.checked_sub(letters(&flat(text)));
                head.extend(left.map(|_| inline.clone()));
                *room = left.unwrap_or(0);
            }
            Inline::Break => {
                head.push(Inline::Break);
                *room -= 1;
            }
        }
    }
    head
}

/// As much of a text as there is room for, up to the end of a word. After a cut there is no room left.
fn cut(text: &str, room: &mut usize) -> Option<String> {
    let Some((end, _)) = text.grapheme_indices(true).nth(*room) else {
        *room -= letters(text);
        return (!text.is_empty()).then(|| text.to_owned());
    };
    *room = 0;
    let head = text.get(..end).unwrap_or_default();
    // A word that is longer than half of the text is cut where the room ends.
    let word = head.rfind(char::is_whitespace).filter(|at| *at > end / 2).unwrap_or(end);
    let head = head.get(..word).unwrap_or_default().trim_end();
    (!head.is_empty()).then(|| head.to_owned())
}

/// Adds a link to the rest at the end.
fn with_more(mut blocks: Vec<Block>, url: Option<&str>) -> Vec<Block> {
    let mut more = vec![Inline::Text(if url.is_some() { "… more at " } else { "…" }.to_owned())];
    more.extend(url.map(|url| Inline::Link { text: vec![Inline::Text(url.to_owned())], url: url.to_owned() }));
    match blocks.last_mut() {
        Some(Block::Paragraph(inlines)) => inlines.append(&mut more),
        _ => blocks.push(Block::Paragraph(more)),
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::text;

    fn shortened(body: Vec<Block>, url: Option<&str>, limit: usize) -> String {
        let url = url.map(str::to_owned);
        let message = Message { body, url, ..Message::default() };
        fit(&message, text, |text| text.chars().count() <= limit)
    }

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(vec![Inline::Text(text.to_owned())])
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        assert_eq!(shortened(vec![paragraph("one two")], Some("https://x.example/1"), 7), "one two");
    }

    #[test]
    fn what_does_not_fit_ends_at_a_word_and_says_where_the_rest_is() {
        let page = Some("https://x.example/1");
        assert_eq!(
            shortened(vec![paragraph(&"one two three ".repeat(3))], page, 40),
            "one two… more at https://x.example/1"
        );
        assert_eq!(shortened(vec![paragraph(&"long".repeat(99))], page, 36), "longlon… more at https://x.example/1");
        assert_eq!(shortened(vec![paragraph("one two three")], page, 9), "one two…");
    }

    #[test]
    fn no_letter_and_no_link_is_cut() {
        let family = "👩‍👩‍👧";
        assert_eq!(shortened(vec![paragraph(&family.repeat(3))], None, 12), format!("{}…", family.repeat(2)));
        let link = Inline::Link { text: vec![Inline::Text("a link".to_owned())], url: "https://y.example/".to_owned() };
        let body = vec![Block::Paragraph(vec![Inline::Text("see ".to_owned()), link])];
        assert_eq!(shortened(body, None, 20), "see …");
    }

    #[test]
    fn lists_and_quotes_are_cut_within() {
        let items = ["one", "two", "three"].map(|item| vec![paragraph(item)]).to_vec();
        assert_eq!(shortened(vec![Block::List { start: None, items }], None, 15), "- one\n- two\n\n…");
        let quote = vec![Block::Quote(vec![paragraph("one two three"), paragraph("four")])];
        assert_eq!(shortened(quote, None, 14), "> one two\n\n…");
    }
}
