#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn links() -> Linker {
    Linker::new(None, vec![7; 32].into())
}

fn ours() -> String {
    format!("microalign+{}@example.com", links().reply_tag("41.2").unwrap())
}

/// A mail from Bo with these headers besides, and this text.
fn mail(headers: &str, text: &str) -> Vec<u8> {
    let kind =
        if headers.to_lowercase().contains("content-type:") { "" } else { "Content-Type: text/plain; charset=utf-8\n" };
    format!("From: Bo Li <bo@example.com>\nMessage-ID: <1@example.com>\n{kind}{headers}\n\n{text}")
        .replace('\n', "\r\n")
        .into_bytes()
}

fn answered(raw: &[u8]) -> Answer {
    match read(raw, &links()) {
        Mail::Answer(answer) => answer,
        other => panic!("{other:?} isn't an answer"),
    }
}

fn said(raw: &[u8]) -> String {
    answered(raw).words.text
}

#[test]
fn a_mail_without_text_is_no_answer() {
    for text in ["", " \n\t\n", "\u{200b}\u{ad}\n"] {
        let read = read(&mail(&format!("To: {}", ours()), text), &links());
        assert_eq!(read, Mail::Automatic("it has no text"), "{text:?}");
    }
}

#[test]
fn an_answer_is_read() {
    let raw = mail(
        &format!("To: microalign <{}>", ours()),
        "No, ids are reused.\n\nOn 24 Nov 2026, at 14:05, x wrote:\n> Ana\n",
    );
    let expected = Answer {
        line: "41.2".parse().unwrap(),
        key: "1@example.com".to_owned(),
        name: "Bo Li".to_owned(),
        address: "bo@example.com".to_owned(),
        words: Words { text: "No, ids are reused.".to_owned(), own: true },
    };
    assert_eq!(read(&raw, &links()), Mail::Answer(expected));
}

#[test]
fn the_address_is_found_wherever_mail_servers_put_it() {
    let ours = ours();
    for headers in [
        format!("To: {ours}"),
        format!("To: \"Ana, of acme\" <ana@example.com>,\n  {}", ours.to_uppercase()),
        format!("To: ana@example.com\nCc: x <{ours}>"),
        format!("To: undisclosed-recipients:;\nDelivered-To: {ours}"),
        format!("To: list@example.com\nX-Original-To: {ours}"),
        format!("Delivered-To: web@example.com\nDelivered-To: {ours}"),
        format!("To: answers: {ours};"),
    ] {
        let raw = mail(&headers, "No.");
        assert_eq!(answered(&raw).line.to_string(), "41.2", "{headers}");
        let header = raw.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        assert!(is_ours(&raw[..header + 2], &links()), "{headers}");
    }
    let other = Linker::new(None, vec![8; 32].into());
    for headers in [
        "To: microalign@example.com".to_owned(),
        format!("To: {}", ours.replace("41", "42")),
        format!("Subject: {ours}"),
        format!("From: {ours}"),
        format!("To: microalign+{}@example.com", other.reply_tag("41.2").unwrap()),
    ] {
        let raw = mail(&headers, &format!("No, {ours}."));
        assert_eq!(read(&raw, &links()), Mail::Foreign, "{headers}");
        assert!(!is_ours(&raw, &links()), "{headers}");
    }
}

#[test]
fn what_no_person_wrote_is_no_answer() {
    for (header, expected) in [
        ("Auto-Submitted: auto-replied", Some("a program wrote it")),
        ("auto-submitted: auto-generated; x=y", Some("a program wrote it")),
        ("Auto-Submitted: no", None),
        ("Precedence: bulk", Some("it went to many people")),
        ("Precedence: auto_reply", Some("it went to many people")),
        ("Precedence: list", None),
        ("X-Auto-Response-Suppress: All", Some("a program wrote it")),
        ("X-Autoreply: yes", Some("a program wrote it")),
        ("Return-Path: <>", Some("it asks for no answer")),
        ("Return-Path: <bo@example.com>", None),
        (
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
            Some("it is a report of a mail server"),
        ),
        ("X-Microalign-Reason: team=web; rule=all; kind=note.assumed", Some("it is our own")),
    ] {
        let mail = read(&mail(&format!("To: {}\n{header}", ours()), "I am away."), &links());
        match (&mail, expected) {
            (Mail::Answer(_), None) => {}
            (Mail::Automatic(why), Some(expected)) => assert_eq!(*why, expected, "{header}"),
            _ => panic!("{header}: {mail:?}"),
        }
    }
}

#[test]
fn who_wrote_it() {
    let from = |from: &str| {
        let raw = format!("From: {from}\r\nTo: {}\r\n\r\nNo.", ours());
        let answer = answered(raw.as_bytes());
        (answer.name, answer.address)
    };
    let pair = |name: &str, address: &str| (name.to_owned(), address.to_owned());
    assert_eq!(from("\"Li, Bo\" <bo@example.com>"), pair("Li, Bo", "bo@example.com"));
    assert_eq!(from("=?utf-8?q?Ana_Gr=C3=BC=C3=9Fe?= <ana@example.com>"), pair("Ana Grüße", "ana@example.com"));
    assert_eq!(from("bo@example.com"), pair("bo", "bo@example.com"));
    assert_eq!(from("=?utf-8?q?=E2=80=AEoB=0D=0AX?= <bo@example.com>"), pair("oB X", "bo@example.com"));
    assert_eq!(from(""), pair("somebody", ""));
    assert_eq!(from(&format!("{} <bo@example.com>", "Bo ".repeat(100))).0.chars().count(), 78);
}

#[test]
fn a_mail_without_a_name_of_its_own_is_known_by_its_bytes() {
    let raw = |text: &str| format!("From: bo@example.com\r\nTo: {}\r\n\r\n{text}", ours());
    let key = |text: &str| answered(raw(text).as_bytes()).key;
    assert_eq!(key("No.").len(), 64);
    assert_eq!(key("No."), key("No."));
    assert_ne!(key("No."), key("Never."));
    let long = format!("Message-ID: <{}@example.com>\r\n{}", "x".repeat(900), raw("No."));
    assert_eq!(answered(long.as_bytes()).key.len(), 64);
}

#[test]
fn pages_are_read_as_text() {
    let page = |page: &str| said(&mail(&format!("To: {}\nContent-Type: text/html; charset=utf-8", ours()), page));
    let old = "<p>Ana assumed</p>";
    for (program, text) in [
        (
            "Gmail",
            format!(
                "<div dir=\"ltr\"><div>No &amp; never.</div><div>Really.</div></div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" class=\"gmail_attr\">On Tue wrote:<br></div><blockquote>{old}</blockquote></div>"
            ),
        ),
        (
            "Outlook on the web",
            format!(
                "<html><head><style>p {{}}</style></head><body><div class=\"elementToProof\">No &amp; never.</div><div>Really.</div><div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\">From: x</div>{old}</body></html>"
            ),
        ),
        (
            "Outlook",
            format!(
                "<body><p class=MsoNormal>No &amp; never.</p><p>Really.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt'><p>From: x</p></div></div>{old}</body>"
            ),
        ),
        (
            "Apple Mail",
            format!(
                "<body>No &amp; never.<br>Really.<div><br><blockquote type=\"cite\">{old}</blockquote></div></body>"
            ),
        ),
        (
            "Thunderbird",
            format!(
                "<body><p>No &amp; never.<br>Really.</p><div class=\"moz-cite-prefix\">On 24 wrote:</div><blockquote>{old}</blockquote></body>"
            ),
        ),
        ("hidden", "<!-- Yes --><script>Yes</script><style>Yes</style><p>No &amp; never.<br>Really.".to_owned()),
    ] {
        assert_eq!(page(&text), "No & never.\nReally.", "{program}");
    }
    assert!(page(&format!("<blockquote>{old}<p>No.</p></blockquote>")).contains("No."), "below, without an end");
    let below = format!("<div class=\"gmail_quote\"><blockquote>{old}</blockquote></div><div>No.</div>");
    assert_eq!(page(&below), "No.");
}

#[test]
fn who_writes_nothing_has_only_quoted() {
    let plain = "-- \nBo\n\nOn 24 Nov 2026, at 14:05, x wrote:\n> Ana assumed\n> Mute: https://x.example/mute/a.b\n";
    let page = "<div><br></div><div class=\"gmail_quote\"><blockquote>Ana assumed</blockquote></div>";
    for (kind, text, own) in [
        ("text/plain", plain.to_owned(), false),
        ("text/plain", format!("No.\n{plain}"), true),
        ("text/html", page.to_owned(), false),
        ("text/html", format!("<p>No.</p>{page}"), true),
    ] {
        let words = answered(&mail(&format!("To: {}\nContent-Type: {kind}; charset=utf-8", ours()), &text)).words;
        assert_eq!((words.own, words.text.contains("Ana assumed")), (own, !own), "{text}: {words:?}");
    }
}

#[test]
fn text_comes_before_pages_and_attachments_are_no_text() {
    let parts = format!(
        "To: {}\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n\
         --a\nContent-Type: text/plain; charset=iso-8859-1; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\n\
         Gr=FC=DFe, so lange Zeilen =\n\nwie diese.\n--=20\nBo\n\
         --a\nContent-Type: text/html\n\n<p>Page</p>\n--a--\n\
         --m\nContent-Type: text/plain; name=x.txt\nContent-Disposition: attachment; filename=x.txt\n\nAttached\n--m--",
        ours()
    );
    assert_eq!(said(&mail(&parts, "")), "Grüße, so lange Zeilen wie diese.");
    let base64 = format!("To: {}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", ours());
    assert_eq!(said(&mail(&base64, "TmVpbiwgc2Now7ZuLgo=")), "Nein, schön.");
}

#[test]
fn what_is_long_is_cut() {
    let text = said(&mail(&format!("To: {}", ours()), &"No. ".repeat(100_000)));
    assert_eq!((text.chars().count(), text.ends_with('…')), (3996, true));
}

/// Mails that somebody made to break us: each is read, or left, without harm and soon.
#[test]
fn nasty_mails_are_harmless() {
    let to = format!("From: eve@example.com\r\nTo: {}\r\n", ours());
    let nested = |kind: &str| format!("Content-Type: {kind}\r\n\r\n").repeat(LONGEST / (kind.len() + 18));
    let multiparts = (0..4000).map(|at| format!("Content-Type: multipart/mixed; boundary=b{at}\r\n\r\n--b{at}\r\n"));
    for raw in [
        format!("{to}{}", nested("message/rfc822")),
        format!("{to}{}", nested("MESSAGE/RFC822")),
        format!("{to}{}", nested("message/global")),
        format!("{to}{}", multiparts.collect::<String>()),
        format!("{to}Content-Type: text/html\r\n\r\n{}", "<div>".repeat(LONGEST / 5)),
        format!("{to}Content-Type: text/html\r\n\r\n{}", "<blockquote".repeat(LONGEST / 11)),
        format!("{to}Content-Type: text/html\r\n\r\n{}", "&#x110000;<!--".repeat(10_000)),
        format!("{to}\r\n{}", ">".repeat(LONGEST)),
        format!("{to}\r\n{}", "On 2026 ".repeat(LONGEST / 8)),
        format!("{to}\r\n{}", "On 2026 14:05\n".repeat(LONGEST / 14)),
        format!("{to}\r\n{}", "2026:\n\n".repeat(LONGEST / 7)),
        format!("{to}\r\n{}", "A:\n".repeat(LONGEST / 3)),
        format!("{to}Cc: {}\r\n\r\nx", "a+o-1-2-0123456789abcdef@x, ".repeat(9000)),
        format!("{to}Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\n--\r\n"),
        format!("{to}Content-Type: text/plain; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n\r\n+A+/+////"),
        to.clone(),
    ] {
        // On a stack as small as those of the threads that do this.
        let thread = std::thread::Builder::new().stack_size(1024 * 1024);
        let shown = raw.chars().take(150).collect::<String>();
        let read = thread.spawn(move || read(raw.as_bytes(), &links())).unwrap().join().unwrap();
        assert!(matches!(read, Mail::Answer(_) | Mail::Automatic("it has no text")), "{shown}: {read:?}");
    }
    for raw in ["", "\r\n", "To", "To:", "\0\u{7f}", "From: a\r\nTo: b\r\n\r\n"] {
        assert_eq!(read(raw.as_bytes(), &links()), Mail::Foreign, "{raw:?}");
    }
}

proptest! {
    #[test]
    fn a_mail_that_is_cut_or_changed_anywhere_is_harmless(at in 0usize..900, byte: u8, cut: bool) {
        let headers = format!("To: {}\nContent-Type: multipart/alternative; boundary=b", ours());
        let mut raw = mail(&headers, "--b\nContent-Type: text/plain\n\nNo.\n\n> x\n--b\nContent-Type: text/html\n\n<p>No.</p>\n--b--\n");
        let at = at % raw.len();
        if cut { raw.truncate(at) } else { raw[at] = byte }
        if let Mail::Answer(answer) = read(&raw, &links()) {
            prop_assert_eq!(answer.line.to_string(), "41.2");
        }
    }
}
