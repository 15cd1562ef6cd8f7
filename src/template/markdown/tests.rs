#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn read(markdown: &str) -> String {
    text(&parse(markdown).unwrap())
}

#[test]
fn plain_text() {
    let table = [
        ("One\ntwo  \nthree", "One two\nthree"),
        ("**Bold** and *slanted* `code`", "Bold and slanted `code`"),
        ("[DATA-1](https://x.example/1).", "DATA-1 (https://x.example/1)."),
        ("<https://x.example/1>", "https://x.example/1"),
        ("[](https://x.example/1)", "https://x.example/1"),
        ("# Title\n\nText", "Title\n\nText"),
        ("> said\n> so", "> said so"),
        ("a\n\n> \n\n- \n\nb", "a\n\nb"),
        ("- a\n- b\n  - c\n\n1. d\n2. e", "- a\n- b\n\n  - c\n\n1. d\n2. e"),
        ("```\nlet a;\n\nlet b;\n```", "    let a;\n\n    let b;"),
    ];
    for (markdown, expected) in table {
        assert_eq!(read(markdown), expected, "{markdown}");
    }
}

#[test]
fn only_web_addresses_are_links() {
    for markdown in ["[x](javascript:alert(1))", "[x](data:text/html,hi)", "[x]()", "[x](/relative)", "[x](file:///e)"]
    {
        assert_eq!(parse(markdown).unwrap(), [Block::Paragraph(vec![Inline::Text("x".to_owned())])], "{markdown}");
    }
}

#[test]
fn a_value_in_a_destination_stays_one_destination() {
    let url = inert::encode("https://x.example/a b) [y](http://evil.example)");
    assert_eq!(
        parse(&format!("[x]({url})")).unwrap(),
        [Block::Paragraph(vec![Inline::Link {
            text: vec![Inline::Text("x".to_owned())],
            url: "https://x.example/a%20b)%20[y](http://evil.example)".to_owned(),
        }])]
    );
}

#[test]
fn html_is_dropped() {
    assert_eq!(read("a <b>b</b>\n\n<script>\nx\n</script>\n\nc"), "a b\n\nc");
}

#[test]
fn depth_is_bounded() {
    assert!(parse(&">".repeat(50_000)).is_err());
    assert!(parse(&"*a ".repeat(50_000)).is_ok());
}

#[test]
fn text_is_cut_at_a_word() {
    assert_eq!(shorten("one two three", 13), "one two three");
    assert_eq!(shorten("one two three", 12), "one two…");
    assert_eq!(shorten("ééééééé", 4), "ééé…");
    assert_eq!(shorten("abc", 0), "…");
}

#[test]
fn a_message_survives_the_store() {
    let body = parse("a **b** [c](https://x.example)\n\n> - `d`\n\n1. e").unwrap();
    let message = Message { subject: "s".to_owned(), body, why: "w".to_owned(), ..Message::default() };
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
}
