//! What is sent together, and what is asked ahead.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use super::super::tests::served;
use crate::store::row::named_params;
use crate::store::{StoreError, Tx};

#[tokio::test]
async fn what_is_put_fails_all_that_it_is_written_with() {
    let Some((_place, store)) = served().await else { return };
    const TWICE: &str = "INSERT INTO home (source, host) VALUES ('github', 'one.example')";
    // With the commit, the next question, or as much as is sent before an answer.
    for more in [0, 1, 600] {
        let written = store.write(move |tx| {
            tx.put(TWICE, [])?;
            tx.put(TWICE, [])?;
            (0..more).try_for_each(|_| tx.put("UPDATE home SET host = host", []))?;
            if more == 1 { tx.holds("SELECT EXISTS (SELECT 1 FROM home)", []).map(drop) } else { Ok(()) }
        });
        assert!(matches!(written.await, Err(StoreError::Database(_) | StoreError::NotWritten)), "{more}");
    }
    let written = store.write(|tx| {
        let attempted = tx.attempt(|tx| {
            tx.put(TWICE, [])?;
            tx.put(TWICE, [])
        });
        assert!(attempted.is_err(), "it fails where it's attempted");
        tx.put(TWICE, [])
    });
    written.await.expect("what was attempted may fail");
    let homes = store.read(|tx| tx.value::<i64>("SELECT count(*) FROM home", [])).await.unwrap();
    assert_eq!(homes, Some(1));
}

#[tokio::test]
async fn what_is_asked_ahead_is_found_as_it_is_at_that_moment() {
    let Some((_place, store)) = served().await else { return };
    const HOMES: &str = "SELECT host FROM home WHERE source = :source";
    let written = store.write(|tx| {
        let homes = |of: &str| tx.rows(HOMES, named_params! { ":source": of }, |row| row.get::<_, String>("host"));
        let learn = |host: &str| {
            tx.put("INSERT INTO home (source, host) VALUES (:host, :host)", named_params! { ":host": host })
        };
        learn("one")?;
        tx.ahead(|| {
            assert!(homes("one").unwrap().is_empty(), "nothing is found yet");
            drop(homes("two"));
            learn("two").expect("and nothing is written");
            assert_eq!(tx.run("DELETE FROM home", []).unwrap(), 0);
        });
        assert_eq!((homes("one")?, homes("two")?, homes("three")?), (vec!["one".to_owned()], vec![], vec![]));
        tx.ahead(|| drop((homes("one"), homes("two"))));
        assert_eq!(homes("one")?, ["one"]);
        learn("two")?;
        assert_eq!(
            (homes("two")?, homes("one")?),
            (vec!["two".to_owned()], vec!["one".to_owned()]),
            "of before the write"
        );
        // More than is sent before an answer is asked when its time comes.
        let many = (0..700).map(|number| number.to_string()).collect::<Vec<_>>();
        tx.ahead(|| many.iter().for_each(|of| drop(homes(of))));
        assert!(many.iter().all(|of| homes(of).unwrap().is_empty()));
        Ok(())
    });
    written.await.unwrap();
    // What nobody asked for after all is forgotten with the transaction, also where looking fails.
    let looked = store.write(|tx| {
        tx.ahead(|| drop(homes_of_all(tx)));
        Ok(())
    });
    looked.await.unwrap();
    let failed = store.write(|tx| {
        tx.ahead(|| panic!("looking failed: a test wants that"));
        Ok(())
    });
    assert!(failed.await.is_err());
    assert_eq!(store.write(|tx| tx.run("DELETE FROM home", [])).await.unwrap(), 2);
    assert_eq!(store.write(homes_of_all).await.unwrap(), [""; 0]);
}

fn homes_of_all(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    tx.rows("SELECT host FROM home", [], |row| row.get("host"))
}
