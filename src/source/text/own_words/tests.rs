//! Which words are an author's own.

use super::*;

#[test]
fn own_words_leave_out_fenced_code_and_comments() {
    for (markdown, own) in [
        ("a\n```rust\nb\n```\nc", "a\n\n\n\nc\n"),
        ("~~~\nb\n```\n~~~~\nc", "\n\n\n\nc\n"),
        ("```\nnever closed", "\n\n"),
        ("```inline``` c", "```inline``` c\n"),
        ("a <!-- b --> c <!-- d\ne\nf --> g", "a  c \n\n g\n"),
        ("<!--\n```\n-->\nc", "\n\n\nc\n"),
        ("a `<!--` b", "a `<!--` b\n"),
    ] {
        assert_eq!(own_words(markdown), own, "{markdown}");
    }
}

#[test]
fn quotes_of_markdown_are_left_out() {
    for (markdown, own) in [
        ("> theirs\n\nmine", "\n\nmine\n"),
        ("mine\n> theirs\n>> deeper\n>\nmine", "mine\n\n\n\nmine\n"),
        ("   > theirs\n\n     > in an item\n- > theirs\n1. - > theirs", "\n\n\n\n\n"),
        ("> theirs\nstill theirs\n/assume theirs\n\nmine", "\n\n\n\nmine\n"),
        ("> theirs\n- mine", "\n- mine\n"),
        ("> theirs\n1. mine", "\n1. mine\n"),
        ("> theirs\n# mine", "\n# mine\n"),
        ("> theirs\n---\nmine", "\n---\nmine\n"),
        ("> theirs\n```\ncode\n```\nmine", "\n\n\n\nmine\n"),
        ("> # theirs\nmine", "\nmine\n"),
        ("> - theirs\nstill theirs\n\nmine", "\n\n\nmine\n"),
        ("> ```\n> theirs\nmine", "\n\nmine\n"),
        ("> ```\n> theirs\n> ```\nmine", "\n\n\nmine\n"),
        ("5 > 4, a -> b", "5 > 4, a -> b\n"),
        ("-> mine", "-> mine\n"),
    ] {
        assert_eq!(own_words(markdown), own, "{markdown}");
    }
}

#[test]
fn quotes_of_html_are_left_out() {
    for (markdown, own) in [
        ("a <blockquote>b</blockquote> c", "a  c\n"),
        ("a <BlockQuote>b</BLOCKQUOTE > c", "a  c\n"),
        ("<blockquote cite=\"a > b\" x='>'>b</blockquote>c", "c\n"),
        ("<blockquote\n  class=x\n>\nb\n</blockquote\n>c", "\n\n\n\n\nc\n"),
        ("<details><details>b</details>b</details>c", "c\n"),
        ("<details>\n<summary>b</summary>\n\nb\n\n</details>\nc", "\n\n\n\n\n\nc\n"),
        ("<pre>b</pre>c<code>b</code>d<details>b</details>e", "cde\n"),
        ("a\n<details>\n\nnever closed", "a\n\n\n\n"),
        ("<details><blockquote>b</details>c</blockquote>d", "cd\n"),
        ("</blockquote>a", "a\n"),
        ("<blockquote>b</details>b</blockquote>c", "c\n"),
        ("<details/>b", "\n"),
        ("<codeowners>a</codeowners> <pretty>b", "<codeowners>a</codeowners> <pretty>b\n"),
        ("a < b, a<code, x <details", "a < b, a<code, x \n"),
        ("x <details\n\nc", "x \n\nc\n"),
        ("x \\<details> c", "x \\<details> c\n"),
        ("use `<details>` and ``<pre>`` `here`", "use `<details>` and ``<pre>`` `here`\n"),
        ("it's ` <code>b</code> c", "it's `  c\n"),
        ("```\n<details>\n```\nc", "\n\n\nc\n"),
        ("<pre>\n```\n</pre>\nc", "\n\n\nc\n"),
        ("<details>\n`</details>`c", "\n`c\n"),
        ("<details>\n\n```\n</details>\n```\nb\n</details>\nc", "\n\n\n\n\n\n\nc\n"),
        ("<details><!-- </details> -->b</details>c", "c\n"),
        ("<!-- <details> -->c", "c\n"),
        ("> <details>\n\nc", "\n\nc\n"),
        ("<https://example.com> é<code>é</code>é", "<https://example.com> éé\n"),
    ] {
        assert_eq!(own_words(markdown), own, "{markdown}");
    }
    assert_eq!(own_words_with_code("a <code>b</code><pre>c</pre>"), "a <code>b</code>\n");
}

#[test]
fn lines_stay_lines() {
    for odd in ["<details>", "> a", "```", "<!--", "<pre", "`", "- > ", "\r", "é<"] {
        let text = format!("{odd}\nx\n\n{odd}\r\n{odd} y");
        assert_eq!(own_words(&text).lines().count(), text.lines().count(), "{text:?}");
    }
}

#[test]
fn whatever_the_text_it_does_not_take_long() {
    let begin = std::time::Instant::now();
    let odd = [
        "<details>",
        "</details>",
        "<details",
        "`",
        "`a``b```",
        "<!--",
        "> ",
        "- ",
        "<",
        "<pre>\n",
        "<a <code\n",
        "1.",
    ];
    for odd in odd {
        own_words(&odd.repeat(300_000));
        own_words(&format!("{}{}", "<code>".repeat(100_000), odd.repeat(100_000)));
    }
    let backticks: String = (1..2_000).map(|length| "`".repeat(length) + " ").collect();
    own_words(&backticks);
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}
