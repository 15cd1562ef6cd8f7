//! How large a store on PostgreSQL stays, where as much is deleted as comes in.

use std::time::Duration;

use jiff::Timestamp;
use microalign::store::{Keep, Location, Store, Sweep};

use crate::block_on;
use crate::replicas::Schema;
use crate::table::Row;

/// What comes in on each of so many days. A fifth of it becomes a message.
const DELIVERIES: i64 = 400;
const DAYS: i64 = 90;
/// All rows were replaced so often in the end.
const TURNS: i64 = 2;
const DAY: i64 = 86_400_000;
const KEEP: Keep = Keep { ledger: Duration::from_secs(DAYS as u64 * 86_400), bodies: Duration::from_secs(14 * 86_400) };

/// The size when nothing was deleted but bodies, and after two turns.
pub fn measure() -> Vec<Row> {
    let Some(schema) = Schema::new() else { return Vec::new() };
    block_on(async {
        let store = Store::scratch(Location::Server(schema.address().parse().unwrap())).await.unwrap().0;
        // Ours is done below: by its own clock, weeks would pass without it.
        schema.ask(
            "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
                    LOOP EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = off)', t); END LOOP; END $$",
        );
        let mut sizes = Vec::new();
        for day in 0..DAYS * (1 + TURNS) {
            schema.ask(&rows_of(day));
            sweep(&store, Timestamp::from_millisecond((day + 1) * DAY).unwrap()).await;
            vacuum(&schema);
            if (day + 1) % DAYS == 0 {
                let sizes_of = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
                    WHERE relkind = 'r' AND relnamespace = current_schema()::text::regnamespace";
                let bytes = schema.column::<i64>(sizes_of)[0];
                sizes.push(bytes as f64 / f64::from(1 << 20));
            }
        }
        let name = format!("after {TURNS} turns of {} deliveries", DELIVERIES * DAYS);
        vec![Row::beside(name, "MiB", (*sizes.last().unwrap(), sizes[0]))]
    })
}

/// A day's deliveries, with all that comes of them.
fn rows_of(day: i64) -> String {
    let at = day * DAY;
    format!(
        "INSERT INTO delivery (source, delivery_key, name, received_at, waits, body)
         SELECT 'github', gen_random_uuid()::text, 'pull_request', {at} + n, 0, b
         FROM generate_series(1, {DELIVERIES}) n,
              (SELECT decode(string_agg(md5(random()::text), ''), 'hex') AS b FROM generate_series(1, 300)) body;
         INSERT INTO event (delivery_id, once, body)
         SELECT id, delivery_key, '{{\"subject\":\"acme/api#' || id || '\",\"text\":\"' || repeat(md5(id::text), 20) || '\"}}'
         FROM delivery WHERE received_at > {at};
         INSERT INTO ledger (delivery_id, line, event_id, source, kind, subject, thread, team, rule, state, reason, at, message)
         SELECT d.id, 1, e.id, 'github', 'pull_request.merged', 'acme/api#' || d.id, 'acme/api#' || d.id,
                CASE WHEN d.id % 5 = 0 THEN 'web' END, CASE WHEN d.id % 5 = 0 THEN 'all' END,
                CASE WHEN d.id % 5 = 0 THEN 'sent' ELSE 'ignored' END, '{{\"code\":\"no_rule\"}}', d.received_at,
                CASE WHEN d.id % 5 = 0 THEN repeat(md5(d.id::text), 30) END
         FROM delivery d JOIN event e ON e.delivery_id = d.id WHERE d.received_at > {at};
         INSERT INTO send (ledger_id, destination, thread, state, next_at, created_at, sent_at)
         SELECT id, 'slack:#web', thread, 'sent', at, at, at FROM ledger WHERE at > {at} AND state = 'sent';
         INSERT INTO attempt (ledger_id, destination, number, began_at, ended_at, outcome)
         SELECT ledger_id, destination, 1, created_at, sent_at, 'sent' FROM send WHERE created_at > {at};
         INSERT INTO subject (key, state, thread, seen_at)
         SELECT subject, '{{\"about\":{{\"type\":\"pull_request\",\"stage\":\"merged\"}}}}', thread, at
         FROM ledger WHERE at > {at}"
    )
}

/// Deletes what is old, as the service does in quiet moments.
async fn sweep(store: &Store, now: Timestamp) {
    let mut next = Some(Sweep::default());
    while let Some(sweep) = next {
        next = store.sweep(sweep, KEEP, now).await.unwrap();
    }
}

/// Vacuums the tables that autovacuum would, with what it has by default: 50 dead rows and a fifth of those that live.
fn vacuum(schema: &Schema) {
    schema.ask("SELECT pg_stat_force_next_flush()");
    for table in schema.column::<String>(
        "SELECT relname::text FROM pg_stat_user_tables
         WHERE schemaname = current_schema() AND n_dead_tup > 50 + 0.2 * n_live_tup",
    ) {
        schema.ask(&format!("VACUUM ANALYZE \"{table}\""));
    }
}
