//! A server that doesn't answer, and one whose place another one has taken.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::super::{Connection, Purpose, Server};
use crate::store::StoreError;
use crate::store::tests::Place;

#[test]
fn a_host_that_says_nothing_is_passed_over_once() {
    let Some((place, _)) = Place::on_server() else { return };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, hangs) = (place.url().unwrap(), silent.local_addr().unwrap());
    let (user, rest) = url.split_once('@').unwrap();
    let server = format!("{user}@{hangs},{rest}&connect_timeout=2").parse::<Server>().unwrap();
    let connect = || {
        let began = Instant::now();
        server.connect(Purpose::Reading).unwrap();
        began.elapsed()
    };
    assert!(connect() >= Duration::from_secs(2));
    assert!(connect() < Duration::from_secs(2), "the other one is tried first from now on");
    let alone = format!("postgres://ma@{hangs}/ma?connect_timeout=2");
    let error = alone.parse::<Server>().unwrap().connect(Purpose::Reading).err().unwrap();
    assert!(error.to_string().contains("the server doesn't answer"), "{error}");
}

/// Asks for something that the server answers after a minute.
fn asks_for_long(conn: &Connection) -> (StoreError, Duration) {
    const LONG: &str = "SET statement_timeout = 0; SELECT pg_sleep(60)";
    let began = Instant::now();
    let error = conn.batch(LONG).unwrap_err();
    assert!(conn.is_closed(), "what comes late must not be taken for the answer to something else");
    assert!(conn.begin_anew("ROLLBACK").is_err());
    (error, began.elapsed())
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let Some((_place, server)) = Place::on_server() else { return };
    let (error, took) = asks_for_long(&server.connect(Purpose::Heart).unwrap());
    assert!(error.to_string().contains("the server doesn't answer"), "{error}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

/// As one that waits for a standby.
#[test]
fn only_what_shows_that_a_replica_is_alive_gives_up_a_commit() {
    let Some((_place, server)) = Place::on_server() else { return };
    server.connect(Purpose::Writing).unwrap().batch(
        "CREATE TABLE slow (n int);
         CREATE FUNCTION sleeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER sleeps AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sleeps()",
    ).unwrap();
    for (purpose, waits) in [(Purpose::Heart, false), (Purpose::Senders, true), (Purpose::Writing, true)] {
        let conn = server.connect(purpose).unwrap();
        conn.begin("BEGIN");
        conn.batch("SET LOCAL statement_timeout = 1000; INSERT INTO slow VALUES (1)").unwrap();
        assert_eq!(conn.commit().is_ok(), waits, "{purpose:?}");
    }
}

#[test]
fn a_server_whose_place_another_one_has_taken_is_given_up() {
    let Some((_place, server)) = Place::on_server() else { return };
    let conn = server.connect(Purpose::Writing).unwrap();
    conn.batch("BEGIN").unwrap();
    drop(server.connect(Purpose::Heart).unwrap());
    conn.batch("COMMIT").expect("it's the same server");
    let asking = std::thread::spawn(move || asks_for_long(&conn));
    server.is_in_force("another one".into());
    let (error, took) = asking.join().unwrap();
    assert!(error.to_string().contains("another server has taken its place"), "{error}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}
