//! What one person does to many things at a time.

use super::*;

impl Clocked {
    /// Opens pull requests of these numbers, one a second.
    async fn open(&self, minute: &str, numbers: std::ops::Range<u64>) {
        for (second, number) in numbers.enumerate() {
            let page = format!("https://github.com/acme/ingest/pull/{number}");
            let (title, head) = (format!("Pin it {number}"), format!("pin-{number}"));
            let more = json!({ "number": number, "title": title, "html_url": page, "head": { "ref": head } });
            self.pull_request(&format!("{minute}:{second:02}Z"), "opened", json!({ "pull_request": more })).await;
        }
    }
}

#[tokio::test]
async fn a_bulk_edit_that_waits_with_something_later_is_one_digest() {
    let rule = "[[rule]]\nname = \"work\"\non = [\"pull_request.opened\"]\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.open("2026-11-19T20:00", 20..32).await;
    clocked.open("2026-11-19T21:00", 7..8).await;
    clocked.until("2026-11-20T09:00:00Z").await;
    let messages = clocked.messages().await;
    let of = |text: &str| messages.iter().filter(|message| message.contains(text)).count();
    assert_eq!((messages.len(), of("Pin it 20"), of("Pin it 31"), of("Pin it 7")), (2, 1, 1, 1), "{messages:#?}");
}

#[tokio::test]
async fn pull_requests_that_one_person_lets_stall_together_are_one_digest() {
    let rule = "[[rule]]\nname = \"stuck\"\non = [\"pull_request.stalled\"]\nafter = \"5d\"\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.open("2026-11-02T10:00", 20..32).await;
    clocked.until("2026-11-10T10:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(matches!(&messages[..], [only] if only.contains("Pin it 31")), "{messages:#?}");
}

#[tokio::test]
async fn a_morning_of_many_teams_is_one_digest_for_each() {
    let rule = "digest = \"daily 09:00\"\n[[rule]]\nname = \"work\"\non = [\"pull_request.opened\"]\n";
    let team = |n| format!("{TEAM}{rule}").replace("\"web\"", &format!("\"team-{n}\"")).replace("\"bo\"", "\"cy\"");
    // More updates than are made into messages at a time.
    let clocked = Clocked::new(&(0..60).map(team).collect::<Vec<_>>()).await;
    for hour in 0..10 {
        clocked.open(&format!("2026-11-19T{:02}:00", hour + 10), 20 + hour..21 + hour).await;
    }
    clocked.until("2026-11-20T10:00:00Z").await;
    let messages = clocked.messages().await;
    let of = |text: &str| messages.iter().filter(|message| message.contains(text)).count();
    assert_eq!((messages.len(), of("Pin it 20"), of("Pin it 29")), (60, 60, 60));
}

#[tokio::test]
async fn a_team_to_which_more_is_due_than_goes_at_a_time_gets_whole_messages() {
    let rule = "digest = \"daily 09:00\"\n[[rule]]\nname = \"work\"\non = [\"pull_request.pushed\"]\n";
    let clocked = Clocked::new(&[format!("{TEAM}{rule}")]).await;
    clocked.open("2026-11-19T10:00", 20..21).await;
    for push in 0..600 {
        let (minute, second) = (push / 60, push % 60);
        let commits = json!({ "before": format!("{push:040x}"), "after": format!("{:040x}", push + 1) });
        clocked.pull_request(&format!("2026-11-19T11:{minute:02}:{second:02}Z"), "synchronize", commits).await;
    }
    clocked.until("2026-11-20T10:00:00Z").await;
    let messages = clocked.messages().await;
    assert!(!messages.is_empty() && messages.len() <= 600 / 40 + 2, "{}", messages.len());
}
