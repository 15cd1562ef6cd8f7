use std::path::Path;

use super::super::listener::{Changed, MailServer, Reply};
use super::mail::{channels, settings};
use super::*;

/// One mail to a server that behaves like this.
async fn outcome(changed: &'static [(&'static str, Reply)]) -> String {
    let server = MailServer::start(changed).await;
    let message = message(EventKind::PullRequestMerged);
    let outcome = channels(&server).send(&destination("email:data@example.com"), &post(&message)).await;
    shown(&outcome)
}

#[tokio::test]
async fn what_mail_servers_say() {
    let table: &[(&'static [(&'static str, Reply)], &str)] = &[
        (
            &[("RCPT", Reply::Say("450 4.2.0 greylisted"))],
            "Transient: 127.0.0.1: transient error (450): 4.2.0 greylisted",
        ),
        (&[("RCPT", Reply::Say("550 5.1.1 nobody"))], "No mailbox: 127.0.0.1: permanent error (550): 5.1.1 nobody"),
        (&[("RCPT", Reply::Say("550 5.7.1 spam"))], "Permanent: 127.0.0.1: permanent error (550): 5.7.1 spam"),
        (&[("MAIL", Reply::Say("550 5.1.0 no"))], "Permanent: 127.0.0.1: permanent error (550): 5.1.0 no"),
        (&[("RCPT", Reply::Say("530 log in first"))], "Transient: 127.0.0.1: permanent error (530): log in first"),
        (&[("MAIL", Reply::Say("530 log in first"))], "Transient: 127.0.0.1: permanent error (530): log in first"),
        (&[(".", Reply::Say("554 spam"))], "Permanent: 127.0.0.1: permanent error (554): spam"),
        (&[(".", Reply::Say("451 later"))], "Transient: 127.0.0.1: transient error (451): later"),
        (
            &[("CONNECT", Reply::Say("554 go away"))],
            "Transient: can't connect to 127.0.0.1: permanent error (554): go away",
        ),
        (&[("CONNECT", Reply::Silence)], "Transient: 127.0.0.1 did not answer within 0.3 s"),
        (&[("RCPT", Reply::Silence)], "Transient: 127.0.0.1 did not answer within 0.3 s"),
        (&[("RCPT", Reply::Close)], "Transient: 127.0.0.1: response error: incomplete response"),
        (&[(".", Reply::Silence)], "Ambiguous: 127.0.0.1 did not answer within 0.3 s to the mail itself"),
        (
            &[(".", Reply::Close)],
            "Ambiguous: 127.0.0.1 took the mail and then failed: response error: incomplete response",
        ),
    ];
    for (changed, expected) in table {
        assert_eq!(outcome(changed).await, *expected);
    }
}

#[tokio::test]
async fn a_refused_password_is_not_the_mails_fault() {
    let server = MailServer::start(&[("AUTH", Reply::Say("535 5.7.8 bad credentials"))]).await;
    let smtp = format!("smtp://ana:hunter2@127.0.0.1:{}", server.port);
    let channels = Channels::new(settings(Some(smtp), Path::new("unused")), Names::open());
    let message = message(EventKind::PullRequestMerged);
    let to = destination("email:data@example.com");
    assert_eq!(
        shown(&channels.send(&to, &post(&message)).await),
        "Transient: can't connect to 127.0.0.1: permanent error (535): 5.7.8 bad credentials"
    );
    // The next connection is treated well.
    assert!(matches!(channels.send(&to, &post(&message)).await, Outcome::Sent { .. }));
}

#[tokio::test]
async fn a_mail_that_was_given_up_spoils_no_other() {
    let server = MailServer::start(&[(".", Reply::Silence)]).await;
    let channels = channels(&server);
    let message = message(EventKind::PullRequestMerged);
    let to = destination("email:data@example.com");
    assert!(matches!(channels.send(&to, &post(&message)).await, Outcome::Ambiguous { .. }));
    assert!(matches!(channels.send(&to, &Post { id: 43, ..post(&message) }).await, Outcome::Sent { .. }));
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn nobody_listens() {
    // Nothing listens on port 1.
    let channels = Channels::new(settings(Some("smtp://127.0.0.1:1".to_owned()), Path::new("unused")), Names::open());
    let message = message(EventKind::PullRequestMerged);
    let outcome = shown(&channels.send(&destination("email:data@example.com"), &post(&message)).await);
    assert!(outcome.starts_with("Transient: can't connect to 127.0.0.1"), "{outcome}");
}

/// What a server without PIPELINING says of itself.
const ONE_BY_ONE: (&str, Reply) = ("EHLO", Reply::Say("250-mail.example.com\r\n250 8BITMIME"));

/// How servers end a conversation at each of its steps, with PIPELINING and without: what becomes of the mail, and
/// what each was told.
#[tokio::test]
async fn conversations() {
    use Reply::{Close, Last, Say};
    const NOBODY: &str = "550 5.1.1 nobody";
    const CLOSING: &str = "421 4.3.2 closing";
    let cases: &[(&str, Changed, Changed)] = &[
        ("all is well", &[], &[ONE_BY_ONE]),
        (
            "the sender is refused",
            &[("MAIL", Say("550 5.1.8 who")), ("RCPT", Say("503 MAIL first")), ("DATA", Say("503 RCPT first"))],
            &[ONE_BY_ONE, ("MAIL", Say("550 5.1.8 who"))],
        ),
        (
            "the recipient is refused for now",
            &[("RCPT", Say("450 4.2.0 later")), ("DATA", Say("554 no valid recipients"))],
            &[ONE_BY_ONE, ("RCPT", Say("450 4.2.0 later"))],
        ),
        (
            "the recipient is refused",
            &[("RCPT", Say(NOBODY)), ("DATA", Say("554 no valid recipients"))],
            &[ONE_BY_ONE, ("RCPT", Say(NOBODY))],
        ),
        (
            "the recipient is refused, and a mail asked for",
            &[("RCPT", Say(NOBODY)), (".", Say("554 no valid recipients"))],
            &[ONE_BY_ONE, ("RCPT", Say(NOBODY)), (".", Say("554 no valid recipients"))],
        ),
        (
            "the mail isn't asked for",
            &[("DATA", Say("451 4.3.0 disk full"))],
            &[ONE_BY_ONE, ("DATA", Say("451 4.3.0 disk full"))],
        ),
        ("it closes at the sender", &[("MAIL", Last(CLOSING))], &[ONE_BY_ONE, ("MAIL", Last(CLOSING))]),
        ("it closes at the recipient", &[("RCPT", Last(CLOSING))], &[ONE_BY_ONE, ("RCPT", Last(CLOSING))]),
        ("it closes at the mail", &[("DATA", Last(CLOSING))], &[ONE_BY_ONE, ("DATA", Last(CLOSING))]),
        ("it hangs up at the sender", &[("MAIL", Close)], &[ONE_BY_ONE, ("MAIL", Close)]),
        ("it hangs up at the recipient", &[("RCPT", Close)], &[ONE_BY_ONE, ("RCPT", Close)]),
        ("it hangs up at the mail", &[("DATA", Close)], &[ONE_BY_ONE, ("DATA", Close)]),
        ("it hangs up after the mail", &[(".", Close)], &[ONE_BY_ONE, (".", Close)]),
        ("the mail is refused", &[(".", Say("554 5.7.1 spam"))], &[ONE_BY_ONE, (".", Say("554 5.7.1 spam"))]),
    ];
    let mut page = String::new();
    for (case, pipelining, one_by_one) in cases {
        for (how, changed) in [("at once", pipelining), ("one by one", one_by_one)] {
            let server = MailServer::start(changed).await;
            let message = message(EventKind::PullRequestMerged);
            let outcome = shown(&channels(&server).send(&destination("email:data@example.com"), &post(&message)).await);
            let told = told(&server).join(", ");
            let mails: Vec<usize> = server.mails().iter().map(|mail| mail.len().min(1)).collect();
            let outcome = if outcome.starts_with("Sent") { "Sent" } else { &outcome };
            page += &format!("{case}, {how}\n  {outcome}\n  {told}\n  mails: {mails:?}\n");
        }
    }
    insta::assert_snapshot!("conversations", page);
}

/// The first word of all that a server was told, without how connections begin.
fn told(server: &MailServer) -> Vec<String> {
    let lines = server.lines().into_iter().filter(|line| !line.starts_with("EHLO"));
    lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// Sends one mail after the other to these people, and shows what became of them.
async fn sent_to(server: &MailServer, people: &[&str]) -> Vec<String> {
    let (channels, message) = (channels(server), message(EventKind::PullRequestMerged));
    let mut outcomes = Vec::new();
    for (id, person) in (1..).zip(people) {
        let to = destination(&format!("email:{person}@example.com"));
        let outcome = shown(&channels.send(&to, &Post { id, ..post(&message) }).await);
        outcomes.push(if outcome.starts_with("Sent") { "Sent".to_owned() } else { outcome });
    }
    outcomes
}

#[tokio::test]
async fn a_connection_that_ended_meanwhile_costs_no_attempt() {
    const MAIL: [&str; 4] = ["CONNECT", "MAIL", "RCPT", "DATA"];
    const CLOSES: Changed = &[(".", Reply::Last("250 fine"))];
    const TIMES_OUT: Changed = &[(".", Reply::Last("250 fine\r\n421 4.4.2 timeout exceeded"))];
    for changed in [CLOSES, TIMES_OUT] {
        let server = MailServer::start_each(vec![changed; 3]).await;
        assert_eq!(sent_to(&server, &["ana", "bo", "li"]).await, ["Sent"; 3]);
        assert_eq!(
            (told(&server), server.mails().len()),
            ([MAIL; 3].concat().into_iter().map(str::to_owned).collect(), 3)
        );
    }
    // It is also closed if a server wants only so many mails over one connection.
    const BUSY: Changed = &[("RCPT TO:<bo", Reply::Last("421 4.7.0 too many"))];
    let server = MailServer::start(BUSY).await;
    assert_eq!(sent_to(&server, &["ana", "bo"]).await, ["Sent"; 2]);
    assert_eq!(server.mails().len(), 2);
    assert_eq!(told(&server).iter().filter(|line| *line == "CONNECT").count(), 2);
}

#[tokio::test]
async fn a_mail_is_tried_once_if_it_may_have_arrived_or_is_refused() {
    let server = MailServer::start(&[(". 2", Reply::Close)]).await;
    let ambiguous = "Ambiguous: 127.0.0.1 took the mail and then failed: response error: incomplete response";
    assert_eq!(sent_to(&server, &["ana", "bo"]).await, ["Sent", ambiguous]);
    assert_eq!(server.mails().len(), 2);
    let server = MailServer::start(&[("RCPT TO:<bo", Reply::Say("550 5.1.1 nobody"))]).await;
    let refused = "No mailbox: 127.0.0.1: permanent error (550): 5.1.1 nobody";
    assert_eq!(sent_to(&server, &["ana", "bo"]).await, ["Sent", refused]);
    assert_eq!(told(&server).iter().filter(|line| *line == "CONNECT").count(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_on_the_second_try_too_is_asked_no_more() {
    const CLOSES: Changed = &[(".", Reply::Last("250 fine"))];
    let server = MailServer::start_each(vec![CLOSES, &[("MAIL", Reply::Last("421 4.3.2 closing"))]]).await;
    let closing = "Transient: 127.0.0.1: transient error (421): 4.3.2 closing";
    assert_eq!(sent_to(&server, &["ana", "bo"]).await, ["Sent", closing]);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_server_that_takes_ehlo_only_once_gets_one_command_at_a_time() {
    let server =
        MailServer::start(&[("EHLO again", Reply::Say("503 duplicate EHLO")), ("RCPT", Reply::Say("550 no"))]).await;
    assert_eq!(sent_to(&server, &["ana"]).await, ["No mailbox: 127.0.0.1: permanent error (550): no"]);
    assert_eq!(told(&server), ["CONNECT", "MAIL", "RCPT", "QUIT"]);
}

/// Linux acknowledges what it reads after 40 ms at the latest, unless it has something to say.
#[tokio::test]
async fn mail_does_not_wait_for_acknowledgements() {
    let server = MailServer::start(&[]).await;
    let mut fastest = Duration::MAX;
    // A machine that is busy may take long, but not each time.
    for _ in 0..5 {
        let start = std::time::Instant::now();
        assert_eq!(sent_to(&server, &["ana"; 30]).await, vec!["Sent"; 30]);
        fastest = fastest.min(start.elapsed());
    }
    assert!(fastest < Duration::from_millis(900), "{fastest:?} for 30 mails");
}
