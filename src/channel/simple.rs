//! The tree as simple Markdown parsers can read it: those that know nothing of code within lists and quotes, of marks
//! within marks, and of marks within a link's text.

use super::{Post, ways_out};
use crate::template::{Block, Inline, flat, shorten};

const MAX_WHY: usize = 300;

/// What a service's parser can do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    /// Whether a text can stand between marks
    pub marked: fn(&str) -> bool,
    /// Makes a block of code such that nothing ends it early
    pub code: fn(&str) -> String,
}

/// The last line, for every message: why the reader gets it, and the ways out.
pub(super) fn quiet(post: &Post<'_>) -> Block {
    let mut line = vec![Inline::Emphasis(vec![Inline::Text(shorten(&post.message.why, MAX_WHY))])];
    for (words, url) in ways_out(post.links) {
        let text = vec![Inline::Text(words.to_owned())];
        line.extend([Inline::Text(" · ".to_owned()), Inline::Link { text, url: url.to_owned() }]);
    }
    Block::Paragraph(line)
}

/// The same blocks, made simple.
pub(super) fn simple(blocks: &[Block], abilities: &Abilities) -> Vec<Block> {
    let inner = |blocks: &Vec<Block>| blocks.iter().map(|block| within(block, abilities)).collect::<Vec<_>>();
    let one = |block: &Block| match block {
        Block::Paragraph(text) => Block::Paragraph(inlines(text, abilities)),
        Block::Code(code) => Block::Code((abilities.code)(code)),
        Block::Quote(blocks) => Block::Quote(inner(blocks)),
        Block::List { start, items } => Block::List { start: *start, items: items.iter().map(inner).collect() },
    };
    blocks.iter().map(one).collect()
}

/// A fence counts only where a line begins, so within lists and quotes each line of code stands for itself.
fn within(block: &Block, abilities: &Abilities) -> Block {
    match block {
        Block::Code(code) => {
            let lines = code.lines().filter(|line| !line.trim().is_empty());
            let mut pieces: Vec<_> = lines.flat_map(|line| [Inline::Break, Inline::Code(line.to_owned())]).collect();
            if !pieces.is_empty() {
                pieces.remove(0);
            }
            Block::Paragraph(pieces)
        }
        block => simple(std::slice::from_ref(block), abilities).remove(0),
    }
}

/// What stands around a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    Strong,
    Emphasis,
}

fn inlines(text: &[Inline], abilities: &Abilities) -> Vec<Inline> {
    let mut pieces = Vec::new();
    spread(text, Mark::Nothing, &mut pieces);
    let markable = |(mark, piece)| match &piece {
        Inline::Text(text) if !(abilities.marked)(text) => (Mark::Nothing, piece),
        _ => (mark, piece),
    };
    let mut written = Vec::new();
    for (mark, piece) in merged(merged(pieces).into_iter().map(markable).collect()) {
        match mark {
            // An empty line would end the paragraph.
            Mark::Nothing if piece == Inline::Break && matches!(written.last(), None | Some(Inline::Break)) => {}
            Mark::Nothing => written.push(piece),
            Mark::Strong => written.push(Inline::Strong(vec![piece])),
            Mark::Emphasis => written.push(Inline::Emphasis(vec![piece])),
        }
    }
    written
}

/// Brings marks down to the texts in them. The outermost one counts.
fn spread(text: &[Inline], mark: Mark, pieces: &mut Vec<(Mark, Inline)>) {
    let marked = |inner| if mark == Mark::Nothing { inner } else { mark };
    for inline in text {
        match inline {
            Inline::Strong(inner) => spread(inner, marked(Mark::Strong), pieces),
            Inline::Emphasis(inner) => spread(inner, marked(Mark::Emphasis), pieces),
            Inline::Text(text) => pieces.push((mark, Inline::Text(text.clone()))),
            Inline::Link { text, url } => {
                let text = Inline::Text(flat(text).replace('\n', " "));
                pieces.push((Mark::Nothing, Inline::Link { text: vec![text], url: url.clone() }));
            }
            Inline::Code(_) | Inline::Break => pieces.push((Mark::Nothing, inline.clone())),
        }
    }
}

/// Two texts side by side could be together what neither is alone.
fn merged(pieces: Vec<(Mark, Inline)>) -> Vec<(Mark, Inline)> {
    let mut merged: Vec<(Mark, Inline)> = Vec::new();
    for (mark, piece) in pieces {
        match (merged.last_mut(), piece) {
            (Some((last, Inline::Text(text))), Inline::Text(more)) if *last == mark => text.push_str(&more),
            (_, piece) => merged.push((mark, piece)),
        }
    }
    merged
}

/// An address that ends nothing that stands around it: what is no letter of an address stands as `%XX`, which means the
/// same.
pub(super) fn address(url: &str) -> String {
    let mut address = String::with_capacity(url.len());
    for c in url.chars() {
        if c.is_ascii() && (c.is_ascii_control() || " \"$'()*;<>[\\]^`{|}".contains(c)) {
            address.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            address.push(c);
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Inline {
        Inline::Text(text.to_owned())
    }

    #[test]
    fn marks_stand_around_text_alone() {
        let link = |shown| Inline::Link { text: shown, url: "https://x.example/".to_owned() };
        let abilities = Abilities { marked: |text| text != "no", code: str::to_owned };
        let nested = Inline::Strong(vec![
            text("a"),
            Inline::Emphasis(vec![text("b"), Inline::Break, text("no")]),
            link(vec![Inline::Strong(vec![text("c")]), Inline::Break, Inline::Code("d".to_owned())]),
        ]);
        let simple = simple(&[Block::Paragraph(vec![text("x"), text("y"), nested])], &abilities);
        let strong = Inline::Strong(vec![text("ab")]);
        let expected = vec![text("xy"), strong, Inline::Break, text("no"), link(vec![text("c d")])];
        assert_eq!(simple, [Block::Paragraph(expected)]);
    }

    #[test]
    fn code_within_others_is_lines_of_code() {
        let abilities = Abilities { marked: |_| true, code: str::to_uppercase };
        let code = || Block::Code("a\n\nb".to_owned());
        let lines = Block::Paragraph(vec![Inline::Code("a".to_owned()), Inline::Break, Inline::Code("b".to_owned())]);
        let blocks = [code(), Block::Quote(vec![code()]), Block::List { start: None, items: vec![vec![code()]] }];
        let expected = [
            Block::Code("A\n\nB".to_owned()),
            Block::Quote(vec![lines.clone()]),
            Block::List { start: None, items: vec![vec![lines]] },
        ];
        assert_eq!(simple(&blocks, &abilities), expected);
    }

    #[test]
    fn an_address_ends_nothing() {
        assert_eq!(address("https://x.example/a_b(c)*`|é?d=1&e#f"), "https://x.example/a_b%28c%29%2A%60%7Cé?d=1&e#f");
    }
}
