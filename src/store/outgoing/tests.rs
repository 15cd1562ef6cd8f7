#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::store::tests::{DELIVERY, change, uses_indexes, with_file, with_rows};
use crate::store::{Filter, Keep};

/// A line of a team with a message, and its send to a destination in a state.
fn send(id: i64, (team, destination): (&str, &str), (state, attempts): (&str, i64)) -> String {
    let message = r#"{"subject":"Merged","body":[],"why":"w"}"#;
    format!(
        "INSERT INTO ledger (id, delivery_id, line, source, kind, subject, thread, team, rule, state, reason, at, told_at, message)
         VALUES ({id}, 1, {id}, 'github', 'pull_request.merged', 'acme/api#{id}', 'DATA-{id}', '{team}', 'all', 'failed',
                 '{{\"code\":\"sending\"}}', 0, {id}, '{message}');
         INSERT INTO send (id, ledger_id, destination, thread, state, attempts, next_at, sent_at, error, created_at)
         VALUES ({id}, {id}, '{destination}', 'DATA-{id}', '{state}', {attempts}, {id}, iif('{state}' = 'sent', {id}, NULL), 'gone {id}', 0);
"
    )
    .replace(";\n         INSERT", ";\nINSERT")
}

async fn pages(store: &Store, which: Outgoing, of: Option<&str>) -> Vec<i64> {
    let (mut all, mut behind) = (Vec::new(), None);
    loop {
        let mut page = store.unsent(which, of.map(str::to_owned), behind).await.unwrap();
        let more = page.len() > SENDS_IN_PAGE;
        page.truncate(SENDS_IN_PAGE);
        behind = page.last().map(|last| Behind { destination: last.destination.clone(), id: last.id });
        all.extend(page.into_iter().map(|send| send.id));
        if !more {
            return all;
        }
    }
}

#[tokio::test]
async fn every_send_is_on_one_page_of_its_list() {
    let mut sql = DELIVERY.to_owned();
    for id in 1..=120 {
        let destination = if id % 2 == 0 { "email:a@example.com" } else { "slack:#web" };
        let state = [("failed", 3), ("queued", 0), ("queued", 2), ("sending", 1), ("sent", 1)][id as usize % 5];
        sql.push_str(&send(id, ("web", destination), state));
    }
    let (_folder, store) = with_rows(sql).await;
    let by_destination = |left: &[i64]| {
        let ids = (1..=120).filter(|id| left.contains(&(id % 5)));
        let (mails, chats): (Vec<_>, Vec<_>) = ids.partition(|id| id % 2 == 0);
        [mails, chats]
    };
    for (which, left) in [(Outgoing::Waiting, &[1, 2, 3][..]), (Outgoing::Retrying, &[2]), (Outgoing::Failed, &[0])] {
        let [mails, chats] = by_destination(left);
        assert_eq!(pages(&store, which, Some("email:a@example.com")).await, mails, "{which:?}");
        assert_eq!(pages(&store, which, Some("slack:#web")).await, chats, "{which:?}");
        assert_eq!(pages(&store, which, None).await, [mails, chats].concat(), "{which:?}");
    }
    let counts = store.unsent_counts().await.unwrap().map(|(_, counted)| counted.count);
    assert_eq!(counts, [72, 24, 24]);

    let known = vec![("mailbox".to_owned(), vec!["ops".to_owned()])];
    let (health, more) = store.health(known, String::new()).await.unwrap();
    let names = health.iter().map(|health| health.destination.as_str()).collect::<Vec<_>>();
    assert_eq!((names, more), (vec!["email:a@example.com", "mailbox", "slack:#web"], false));
    assert_eq!(health[0].waiting.count + health[2].waiting.count, 72);
    // Of the latest fifty messages of the team.
    assert_eq!(health[0].last_sent.unwrap().as_millisecond(), 114);
    assert_eq!((health[1].last_sent, health[1].error.as_deref()), (None, None));
    assert_eq!(health[2].error.as_deref(), Some("gone 1"), "what waits longest says why");
    let (health, _) = store.health(Vec::new(), "mailbox".to_owned()).await.unwrap();
    assert_eq!(health.len(), 1, "what is behind a name");
}

#[tokio::test]
async fn counting_ends_somewhere() {
    let many = "INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at)
                WITH RECURSIVE generate (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM generate WHERE n < 10500)
                SELECT 1, 'mailbox', 'DATA-1', 'queued', 0, 0 FROM generate";
    let (_folder, store) = with_rows(format!("{DELIVERY}{}", send(1, ("web", "mailbox"), ("sent", 1)))).await;
    change(&store, many.to_owned()).await;
    let [(_, waiting), ..] = store.unsent_counts().await.unwrap();
    assert_eq!(waiting, Counted { count: 10_000, more: true });
    let (health, _) = store.health(Vec::new(), String::new()).await.unwrap();
    assert_eq!(health[0].waiting, Counted { count: 1_000, more: true });
}

#[tokio::test]
async fn what_failed_at_a_destination_is_tried_again_a_part_at_a_time() {
    let mut sql = DELIVERY.to_owned();
    for id in 1..=510 {
        sql.push_str(&send(id, (if id > 505 { "ops" } else { "web" }, "slack:#web"), ("failed", 3)));
    }
    sql.push_str(&send(600, ("web", "mailbox"), ("failed", 3)));
    sql.push_str("UPDATE send SET taken_back = 1 WHERE id = 1;\nUPDATE ledger SET message = NULL WHERE id = 2");
    let (_folder, store) = with_rows(sql).await;
    let to = || "slack:#web".parse::<Destination>().unwrap();
    let failed = async || pages(&store, Outgoing::Failed, None).await;
    let ops = store.retry_destination(to(), Some(vec!["ops".to_owned()])).await.unwrap();
    assert_eq!((ops, failed().await.len()), (Retried { sends: 5, more: false }, 506));
    assert_eq!(store.retry_destination(to(), None).await.unwrap(), Retried { sends: 500, more: true });
    assert_eq!(store.retry_destination(to(), None).await.unwrap(), Retried { sends: 3, more: false });
    assert_eq!(failed().await, [600, 1, 2], "words that are gone, and another destination");
    let held = store.ledger(&Filter { line: Some(7), ..Filter::default() }).await.unwrap().remove(0);
    assert_eq!((held.state.as_str(), held.code.as_str()), ("held", "sending_again"));
    assert_eq!(store.retry(LineId { delivery: 1, line: 1 }).await.unwrap(), 0, "nor by its line");
    change(&store, "DELETE FROM send".to_owned()).await;
    assert!(store.stats(Keep::default()).await.is_ok());
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let (_folder, store) = with_file().await;
    for which in Outgoing::ALL {
        for of_one in [false, true] {
            uses_indexes(&store, &which.list(of_one)).await;
            uses_indexes(&store, &which.count(of_one, "7")).await;
        }
        uses_indexes(&store, &which.next_destination()).await;
    }
    for sql in [HEAD, LAST_FAILED, REFUSALS, NEXT_REFUSING, TEAM_OF, LAST_SENT, FAILED_OF] {
        uses_indexes(&store, sql).await;
    }
}
