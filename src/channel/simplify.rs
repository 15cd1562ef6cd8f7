//! Simplifies the tree for Markdown parsers that don't support blocks of code in lists and quotes, code and links between
//! marks, or marks in a link's text. They could leave a mark open, or parse code as text.

use super::{Post, reason, ways_out};
use crate::template::{Block, Inline, flat, shorten};

const MAX_WHY: usize = 300;

/// What a service's parser can do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    /// Whether a text may be between marks
    pub marked: fn(&str) -> bool,
    /// Changes the text of a block of code so that nothing ends it early
    pub code: fn(&str) -> String,
    /// Whether a list or a quote may contain a quote. If not, the quote is replaced by its content
    pub quotes: bool,
}

/// Whether a text can be between asterisks: one in it would end the mark, even with a backslash, and a mark can't start before
/// a quotation mark.
pub(super) fn takes_asterisks(text: &str) -> bool {
    !text.contains('*') && !text.trim().starts_with('"')
}

/// The last line, for every message: why the reader gets it, and the ways out.
pub(super) fn quiet(post: &Post<'_>) -> Block {
    let mut line = vec![Inline::Emphasis(vec![Inline::Text(shorten(reason(post), MAX_WHY))])];
    for (words, url) in ways_out(post.links) {
        let text = vec![Inline::Text(words.to_owned())];
        line.extend([Inline::Text(" · ".to_owned()), Inline::Link { text, url: url.to_owned() }]);
    }
    Block::Paragraph(line)
}

/// Simplifies blocks.
pub(super) fn simple(blocks: &[Block], abilities: &Abilities) -> Vec<Block> {
    let inner = |blocks: &Vec<Block>| blocks.iter().flat_map(|block| within(block, abilities)).collect::<Vec<_>>();
    let one = |block: &Block| match block {
        Block::Paragraph(text) => Block::Paragraph(inlines(text, abilities)),
        Block::Code(code) => Block::Code((abilities.code)(code)),
        Block::Quote(blocks) => Block::Quote(inner(blocks)),
        Block::List { start, items } => Block::List { start: *start, items: items.iter().map(inner).collect() },
    };
    blocks.iter().map(one).collect()
}

/// A fence works only at the start of a line, so in lists and quotes each line of code is inline code.
fn within(block: &Block, abilities: &Abilities) -> Vec<Block> {
    match block {
        Block::Code(code) => {
            let lines = code.lines().filter(|line| !line.trim().is_empty());
            let pieces = lines.flat_map(|line| [Inline::Break, Inline::Code(line.to_owned())]);
            vec![Block::Paragraph(pieces.skip(1).collect())]
        }
        Block::Quote(inner) if !abilities.quotes => inner.iter().flat_map(|block| within(block, abilities)).collect(),
        block => simple(std::slice::from_ref(block), abilities),
    }
}

/// The marks around a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    strong: bool,
    emphasis: bool,
}

impl Marks {
    fn around(self, piece: Inline) -> Inline {
        let piece = if self.emphasis { Inline::Emphasis(vec![piece]) } else { piece };
        if self.strong { Inline::Strong(vec![piece]) } else { piece }
    }
}

fn inlines(text: &[Inline], abilities: &Abilities) -> Vec<Inline> {
    let mut pieces = Vec::new();
    spread(text, Marks::default(), &mut pieces);
    let markable = |(marks, piece)| match &piece {
        Inline::Text(text) if !(abilities.marked)(text) => (Marks::default(), piece),
        _ => (marks, piece),
    };
    let mut written = Vec::new();
    for (marks, piece) in merged(merged(pieces).into_iter().map(markable).collect()) {
        // An empty line would end the paragraph.
        if piece != Inline::Break || !matches!(written.last(), None | Some(Inline::Break)) {
            written.push(marks.around(piece));
        }
    }
    written
}

/// Gives each text the marks around it.
fn spread(text: &[Inline], marks: Marks, pieces: &mut Vec<(Marks, Inline)>) {
    for inline in text {
        match inline {
            Inline::Strong(inner) => spread(inner, Marks { strong: true, ..marks }, pieces),
            Inline::Emphasis(inner) => spread(inner, Marks { emphasis: true, ..marks }, pieces),
            Inline::Text(text) => pieces.push((marks, Inline::Text(text.clone()))),
            Inline::Link { text, url } => {
                let text = Inline::Text(flat(text).replace('\n', " "));
                pieces.push((Marks::default(), Inline::Link { text: vec![text], url: url.clone() }));
            }
            Inline::Code(_) | Inline::Break => pieces.push((Marks::default(), inline.clone())),
        }
    }
}

/// Merges adjacent texts, because together they could be markup that neither is alone.
fn merged(pieces: Vec<(Marks, Inline)>) -> Vec<(Marks, Inline)> {
    let mut merged: Vec<(Marks, Inline)> = Vec::new();
    for (marks, piece) in pieces {
        match (merged.last_mut(), piece) {
            (Some((last, Inline::Text(text))), Inline::Text(more)) if *last == marks => text.push_str(&more),
            (_, piece) => merged.push((marks, piece)),
        }
    }
    merged
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
        let abilities = Abilities { marked: |text| text != "no", code: str::to_owned, quotes: true };
        let nested = Inline::Strong(vec![
            text("a"),
            Inline::Emphasis(vec![text("b"), Inline::Break, text("no")]),
            link(vec![Inline::Strong(vec![text("c")]), Inline::Break, Inline::Code("d".to_owned())]),
        ]);
        let simple = simple(&[Block::Paragraph(vec![text("x"), text("y"), nested])], &abilities);
        let (a, b) = (Inline::Strong(vec![text("a")]), Inline::Strong(vec![Inline::Emphasis(vec![text("b")])]));
        let expected = vec![text("xy"), a, b, Inline::Break, text("no"), link(vec![text("c d")])];
        assert_eq!(simple, [Block::Paragraph(expected)]);
    }

    #[test]
    fn code_within_others_is_lines_of_code() {
        let abilities = Abilities { marked: |_| true, code: str::to_uppercase, quotes: false };
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
    fn what_asterisks_can_mark() {
        for (text, expected) in [("In Review", true), ("say \"a\"", true), ("a*b", false), (" \"a\"", false)] {
            assert_eq!(takes_asterisks(text), expected, "{text}");
        }
    }

    #[test]
    fn quotes_within_others() {
        let paragraph = |words: &str| Block::Paragraph(vec![text(words)]);
        let list = |items| Block::List { start: None, items: vec![items] };
        let inner = Block::Quote(vec![paragraph("a"), Block::Quote(vec![paragraph("b")])]);
        let blocks = [inner.clone(), list(vec![inner])];
        let abilities = |quotes| Abilities { marked: |_| true, code: str::to_owned, quotes };
        assert_eq!(simple(&blocks, &abilities(true)), blocks);
        let pieces = vec![paragraph("a"), paragraph("b")];
        assert_eq!(simple(&blocks, &abilities(false)), [Block::Quote(pieces.clone()), list(pieces)]);
    }
}
