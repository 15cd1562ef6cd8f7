//! A burst is one message, and a stream is not silence.

use std::time::Duration;

use serde_json::json;

use super::payload::*;
use super::story::{Told, on, play, send, serve, sibling, web};

/// A single comment in a diff: a review without words, and the words.
fn remark(number: u64, id: u64, words: &str) -> [Post; 2] {
    let [review, line] = [review(number, id, "commented", None), line_comment(number, (id * 10, id), "created", words)];
    let later = json!({ "review": { "submitted_at": time(id % 60) }, "pull_request": { "updated_at": time(id % 60) } });
    [review.with(later), line]
}

#[tokio::test]
async fn a_reviewers_remarks_are_one_message_with_words() {
    let burst = (0..12).flat_map(|n| remark(501, 5100 + n, &format!("Do we need column {n}?"))).collect::<Vec<_>>();
    let [review_first, line] = remark(502, 5200, "Why not column 77?");
    let approved = review(503, 5300, "approved", None);
    let approving = line_comment(503, (53000, 5300), "created", "Nice column 88.");
    let [gone, gone_line] = remark(505, 5500, "Never mind 505.");
    let deleted = line_comment(505, (55000, 5500), "deleted", "Never mind 505.");
    let siblings = [
        sibling("burst", burst).messages(1, "schema 501").says("column 0?").says("column 1?"),
        sibling("words-before-the-review", [line, review_first]).messages(1, "schema 502").says("column 77"),
        sibling("approved-with-remarks", [approved, approving]).messages(1, "schema 503").says("column 88"),
        sibling("without-any-word", [review(504, 5400, "commented", None)]).messages(0, "schema 504"),
        sibling("taken-back", [gone, gone_line, deleted]).messages(0, "schema 505").never("Never mind 505"),
        sibling("with-words-of-its-own", [review(506, 5600, "commented", Some("All in all fine 506."))])
            .messages(1, "schema 506")
            .says("All in all fine 506."),
    ];
    let kinds = ["pull_request.commented", "pull_request.approved"];
    let told = play(&serve(&[web("10s", &on(&kinds))]).await, &siblings).await;
    told.finish();
}

/// Goes on with remarks until a message comes, or gives up.
async fn stream(team: String, next: impl Fn(u64) -> Vec<Post>) -> Told {
    let service = serve(&[team]).await;
    let mut heard = false;
    for number in 0..30 {
        for (index, post) in next(number).iter().enumerate() {
            send(&service, &format!("stream/{number}-{index}"), post).await;
        }
        // The pace of the stream: faster than it settles.
        tokio::time::sleep(Duration::from_millis(300)).await;
        heard = !service.mails().is_empty();
        if heard {
            break;
        }
    }
    let mut told = Told::by(&service).await;
    told.unless(heard, "the stream is heard only once it is over");
    told
}

#[tokio::test]
async fn a_stream_of_remarks_is_heard_while_it_goes_on() {
    let team = web("1s", &on(&["pull_request.commented"]));
    let told = stream(team, |n| remark(511, 5000 + n, &format!("And column {n}?")).into()).await;
    assert!(told.mails.len() <= 3, "{:?}", told.mails);
    told.finish();
}

#[tokio::test]
async fn a_rule_says_how_long_a_stream_may_be_silent() {
    let rule = format!("{}settle_max = \"2s\"\n", on(&["pull_request.pushed"]));
    let told = stream(web("1s", &rule), |n| vec![pushed(512, 1 + n)]).await;
    assert!(told.mails.len() <= 3, "{:?}", told.mails);
    told.finish();
}

#[tokio::test]
async fn what_is_derived_is_heard_while_a_stream_goes_on() {
    let draft = |n| pushed(513, 1 + n).with(json!({ "pull_request": { "draft": true } }));
    stream(web("1s", &on(&["pull_request.on_track"])), |n| vec![draft(n)]).await.finish();
}

#[tokio::test]
async fn a_rule_that_wants_one_in_a_while_hears_a_stream_too() {
    let rule = format!("{}every = \"1h\"\n", on(&["pull_request.pushed"]));
    let told = stream(web("1s", &rule), |n| vec![pushed(514, 1 + n)]).await;
    assert_eq!(told.mails.iter().filter(|mail| mail.has("schema 514")).count(), 1, "{:?}", told.mails);
    told.finish();
}

/// Many subjects, one person, one kind, one minute.
#[tokio::test]
async fn a_bulk_edit_is_one_digest_and_delays_no_note() {
    let edits = (0..25).map(|n| done(&format!("DATA-{}", 5200 + n), 5)).collect::<Vec<_>>();
    let note = pull_comment(521, 521, "created", "/assume fish 521 swim").by("cy");
    let few = (0..3).map(|n| issue(531 + n, "closed", 5, json!({})).by("cy")).collect::<Vec<_>>();
    let siblings = [
        sibling("bulk", edits),
        sibling("note", [note]).says("fish 521 swim"),
        sibling("few", few).says("Orders 531").says("Orders 532").says("Orders 533"),
    ];
    let kinds = ["ticket.done", "issue.closed", "note.*"];
    let mut told = play(&serve(&[web("10s", &on(&kinds))]).await, &siblings).await;
    let of_bulk = told.mails.iter().filter(|mail| mail.text.contains("DATA-52")).collect::<Vec<_>>();
    let (count, whole) = (of_bulk.len(), of_bulk.iter().map(|mail| mail.text.as_str()).collect::<String>());
    told.unless(count == 1, format!("{count} messages of a bulk edit"));
    let all = (5200..5225).all(|n| whole.contains(&format!("DATA-{n}")));
    told.unless(all || whole.contains("25") || whole.contains("more"), format!("not all is counted: {whole}"));
    let apart = told.with("fish 521 swim").iter().all(|mail| !mail.text.contains("DATA-52"));
    told.unless(apart, "the note is in the digest");
    told.finish();
}
