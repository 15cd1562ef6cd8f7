//! A row of the store that can't be read: whichever it is, other work goes on.

use rusqlite::Connection;

use super::*;

const TEAM: &str = r#"
team = "web"
to = ["email:web@example.com"]
settle = "0s"
[[rule]]
name = "merged"
on = ["pull_request.merged"]
[[rule]]
name = "later"
on = ["pull_request.opened"]
settle = "1h"
[[rule]]
name = "quiet"
on = ["pull_request.stalled"]
after = "1h"
[[rule]]
name = "notes"
on = ["note.assumed"]
"#;

/// A store in which something is planned, waits, is queued and runs out, and deliveries wait.
async fn store() -> Place {
    let clocked = Clocked::in_folder(Place::with_file(), &[TEAM.to_owned()]).await;
    let assumed = json!({ "pull_request": { "body": "Microalign-Assumed: ids are stable" } });
    clocked.pull_request("2026-11-20T09:00:00Z", "opened", assumed).await;
    let merged = json!({ "pull_request": { "number": 6, "merged": true, "state": "closed" } });
    clocked.pull_request("2026-11-20T09:00:01Z", "closed", merged).await;
    clocked.ticket("2026-11-20T09:00:02Z", "In Progress", "indeterminate").await;
    let key = "waits".to_owned();
    let (source, name, received) = (Source::Github, "pull_request".to_owned(), at("2026-11-20T09:00:03Z"));
    let incoming = Incoming { source, key, name, body: b"{}".to_vec(), received, ignored: None };
    clocked.intake.store.accept(incoming).await.unwrap();
    clocked.folder
}

/// Every column that holds text, which is where what we write ourselves is read again.
fn columns(store: &Connection) -> Vec<(String, String)> {
    let sql = "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.hidden = 0 AND c.type IN ('TEXT', 'BLOB')";
    let mut columns = store.prepare(sql).unwrap();
    let columns = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    columns.map(Result::unwrap).collect()
}

/// Takes in a further delivery, and lets hours pass. The subjects of what may be sent then.
async fn other_work(clocked: &Clocked) -> Result<Vec<String>, StoreError> {
    let Clocked { intake, .. } = clocked;
    let more = json!({ "pull_request": { "number": 8, "title": "Other work", "head": { "ref": "other" }, "merged": true, "state": "closed" } });
    let body = pull_request("2026-11-20T09:10:00Z", "closed", more).to_string().into_bytes();
    let (source, key, name) = (Source::Github, "other".to_owned(), "pull_request".to_owned());
    let received = at("2026-11-20T09:10:00Z");
    intake.store.accept(Incoming { source, key, name, body, received, ignored: None }).await?;
    for now in ["2026-11-20T09:10:00Z", "2026-11-20T13:00:00Z"] {
        for _ in 0..10 {
            intake.step(at(now)).await?;
        }
    }
    let lanes = intake.store.claim(&Lanes::default(), moment("2026-11-20T13:00:00Z")).await?;
    Ok(lanes.iter().flat_map(Lane::sends).map(|send| send.message.subject.clone()).collect())
}

#[tokio::test]
async fn a_row_that_cannot_be_read_holds_up_nothing_else() {
    let folder = store().await;
    let whole = folder.path().join("store.db");
    let columns = columns(&Connection::open(&whole).unwrap());
    assert!(columns.len() > 40, "{columns:?}");
    let (mut damaged, mut stuck) = (0, Vec::new());
    for (table, column) in columns {
        let copy = Place::with_file();
        let path = copy.path().join("store.db");
        let store = Connection::open(&whole).unwrap();
        store.execute("VACUUM INTO ?", [path.to_str().unwrap()]).unwrap();
        let store = Connection::open(&path).unwrap();
        let row = format!("(SELECT rowid FROM {table} LIMIT 1)");
        let rowid = store.prepare(&row).is_ok();
        let only = if rowid { format!("WHERE rowid = {row}") } else { String::new() };
        // Where another row has it already, or nothing may stand there, it can't be damaged like this.
        damaged +=
            store.execute(&format!("UPDATE OR IGNORE {table} SET {column} = '{{' {only}"), []).unwrap_or_default();
        drop(store);
        let clocked = Clocked::in_folder(copy, &[TEAM.to_owned()]).await;
        match other_work(&clocked).await {
            Ok(sent) if sent.iter().any(|subject| subject.contains("Other work")) => {}
            went => stuck.push(format!("{table}.{column}: {went:?}")),
        }
    }
    assert!(damaged > 25, "{damaged}");
    assert!(stuck.is_empty(), "{stuck:#?}");
}
