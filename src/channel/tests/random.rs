//! Messages that are made to break a channel: any structure, any letters, up to 200 KB.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use proptest::prelude::*;
use regex::Regex;
use url::Url;

use super::super::*;
use crate::template::{Block, Inline};

/// What the links that a template wrote begin with. No other may work.
pub(super) const OURS: &str = "https://ours.example/";

/// Pieces that mean something somewhere.
const HOSTILE: &[&str] = &[
    "@everyone",
    "@here",
    "@channel",
    "@all",
    "@room",
    "@ana",
    "<!channel>",
    "<@U0123>",
    "<@123>",
    "<@&123>",
    "<#C1>",
    "<users/all>",
    "<users/123>",
    "@**all**",
    "@_**ana|12**",
    "@*admins*",
    "#**general**",
    "@[Ana](1)",
    "[~ana]",
    "[~accountid:1]",
    "@acme/team",
    "acme/x#1",
    "GH-1",
    "#1",
    "<at>Ana</at>",
    "[a](https://evil.example)",
    "[a|https://evil.example]",
    "<https://evil.example|a>",
    "<https://evil.example>",
    "https://evil.example/x",
    "http://evil.example",
    "www.evil.example",
    "evil.example",
    "ana@evil.example",
    "mailto:ana@evil.example",
    "![i](https://evil.example)",
    "<a href=\"https://evil.example\">x</a>",
    "<script>x</script>",
    "<img src=x onerror=y>",
    "&lt;b&gt;",
    "&amp;",
    "*b*",
    "**b**",
    "_i_",
    "__u__",
    "~~s~~",
    "~s~",
    "||s||",
    "`c`",
    "```c",
    "~~~",
    "> q",
    ">>> q",
    "# h",
    "-# s",
    "- l",
    "1. l",
    "* l",
    "+ l",
    "| a | b |",
    "|---|",
    "\\",
    "\\*",
    ":smile:",
    ":+1:",
    "$$x$$",
    "$x$",
    "{color:red}x{color}",
    "{code}",
    "{noformat}",
    "{{m}}",
    "h1. x",
    "bq. x",
    "----",
    "{panel}",
    "!image.png!",
    "@silent",
    "/me x",
    "!!",
    "<t:1:R>",
    "</cmd:1>",
    "<:e:1>",
    "[x]",
    "[ ]",
    "[^1]",
    "{{DATE(2026-01-01,SHORT)}}",
    "${x}",
    "\u{202e}gnp",
    "\u{200b}",
    "\u{feff}",
    "\u{2060}",
    "\r\n\r\n",
    "\n",
    "\t",
    "\0",
    "\u{1b}[31m",
    "👩‍👩‍👧",
    "é",
    "e\u{301}",
    "漢字",
    "אב",
    "𝕏",
    "a",
    " ",
    "  ",
    "word ",
    "Ⅷ",
    "ﬀ",
    "\u{fff9}",
    "\u{e0001}",
    "/",
    ":",
    "//",
    "@",
    "<",
    ">",
];

/// One line of a value, as it comes out of a template.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(HOSTILE).prop_map(str::to_owned), 1 => any::<String>()];
    (prop::collection::vec(piece, 1..12), prop_oneof![12 => 1usize..3, 1 => 200usize..2000])
        .prop_map(|(pieces, times)| {
            let mut text = pieces.concat().repeat(times);
            let end = (0..=text.len().min(40_000)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            clean(&text)
        })
        .prop_filter("something is left", |text| !text.is_empty())
}

fn link() -> impl Strategy<Value = Inline> {
    (value(), value()).prop_map(|(text, path)| {
        let path: String = path.chars().take(60).collect();
        let url = Url::parse(&format!("{OURS}{path}")).map_or_else(|_| OURS.to_owned(), |url| url.to_string());
        Inline::Link { text: vec![Inline::Text(text)], url }
    })
}

fn inline() -> impl Strategy<Value = Inline> {
    let leaf = prop_oneof![
        6 => value().prop_map(Inline::Text),
        2 => value().prop_map(Inline::Code),
        2 => link(),
        1 => Just(Inline::Break),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Inline::Strong),
            prop::collection::vec(inner, 1..3).prop_map(Inline::Emphasis),
        ]
    })
}

fn block() -> impl Strategy<Value = Block> {
    let leaf = prop_oneof![
        5 => prop::collection::vec(inline(), 1..5).prop_map(Block::Paragraph),
        1 => prop::collection::vec(value(), 1..3).prop_map(|lines| Block::Code(lines.join("\n"))),
    ];
    leaf.prop_recursive(3, 10, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Block::Quote),
            (prop::option::of(0u64..1000), prop::collection::vec(prop::collection::vec(inner, 1..3), 1..5))
                .prop_map(|(start, items)| Block::List { start, items }),
        ]
    })
}

/// A message as the core can make it: every leaf is one clean line, and two pieces of text do not follow each other.
pub(super) fn message() -> impl Strategy<Value = Message> {
    let url = prop::option::of(prop_oneof![
        9 => Just(format!("{OURS}pull/45")),
        1 => (100usize..30_000).prop_map(|length| format!("{OURS}{}", "x".repeat(length))),
    ]);
    (prop::collection::vec(block(), 1..6), value(), value(), url, any::<bool>()).prop_map(
        |(body, subject, why, url, private)| Message {
            subject: shorten(&subject, 200),
            body: body.into_iter().map(merge).collect(),
            why,
            private,
            url,
            ..Message::default()
        },
    )
}

/// How many items the lists have.
pub(super) fn items(blocks: &[Block]) -> usize {
    let of = |block: &Block| match block {
        Block::List { items: list, .. } => list.iter().map(|item| 1 + items(item)).sum(),
        Block::Quote(inner) => items(inner),
        Block::Paragraph(_) | Block::Code(_) => 0,
    };
    blocks.iter().map(of).sum()
}

/// A pattern, compiled once: that takes longer than to look for it.
pub(super) fn regex(pattern: &'static str) -> Regex {
    static COMPILED: LazyLock<Mutex<BTreeMap<&str, Regex>>> = LazyLock::new(Mutex::default);
    COMPILED.lock().unwrap().entry(pattern).or_insert_with(|| Regex::new(pattern).unwrap()).clone()
}

fn merge(block: Block) -> Block {
    let all = |blocks: Vec<Block>| blocks.into_iter().map(merge).collect();
    match block {
        Block::Paragraph(text) => Block::Paragraph(merge_inlines(text)),
        Block::Quote(inner) => Block::Quote(all(inner)),
        Block::List { start, items } => Block::List { start, items: items.into_iter().map(all).collect() },
        code @ Block::Code(_) => code,
    }
}

fn merge_inlines(inlines: Vec<Inline>) -> Vec<Inline> {
    let mut merged: Vec<Inline> = Vec::new();
    for inline in inlines {
        match (merged.last_mut(), inline) {
            (Some(Inline::Text(last)), Inline::Text(text)) => last.push_str(&text),
            (_, Inline::Strong(inner)) => merged.push(Inline::Strong(merge_inlines(inner))),
            (_, Inline::Emphasis(inner)) => merged.push(Inline::Emphasis(merge_inlines(inner))),
            (_, other) => merged.push(other),
        }
    }
    merged
}
