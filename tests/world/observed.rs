//! What the service did, as its database has it: more than its commands show, since the invariants ask when and with
//! what each update was told, and what it waited for on its way.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use jiff::Timestamp;
use microalign::event::EventKind;
use microalign::reason::{Code, Reason};
use rusqlite::{Connection, Row};

/// The ledger's lines by their ids, and where each message goes: by the id of its first line.
pub struct Observed {
    pub lines: BTreeMap<i64, Line>,
    pub places: HashMap<i64, Vec<Place>>,
}

/// A destination and a conversation there.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Place {
    pub destination: String,
    pub thread: String,
}

/// A line of the ledger.
#[derive(Clone)]
pub struct Line {
    pub id: i64,
    /// The sender's id of its delivery
    pub delivery: String,
    /// What it tells
    pub kind: Option<EventKind>,
    /// What its event is
    pub event: Option<EventKind>,
    pub subject: String,
    pub team: String,
    pub rule: String,
    pub state: String,
    pub reason: Reason,
    pub waits: bool,
    pub told_at: Option<Timestamp>,
    /// The line whose message tells it: itself, unless it was merged into another's
    pub lead: i64,
    /// The words of its note
    pub note: Option<String>,
    /// What was sent, if it is the first line of a message: a rendered message as JSON
    pub message: Option<String>,
    /// What it waited for, one after the other
    pub waited: Vec<Code>,
}

/// Has the database write down what each line waits for: the ledger keeps the last reason only.
pub fn watch(path: &Path) {
    let database = Connection::open(path).unwrap();
    let triggers = database.execute_batch(
        "CREATE TABLE waited (line INTEGER NOT NULL, code TEXT NOT NULL);
         CREATE TRIGGER waits AFTER INSERT ON ledger WHEN new.due_at IS NOT NULL
         BEGIN INSERT INTO waited VALUES (new.id, new.reason_code); END;
         CREATE TRIGGER waits_on AFTER UPDATE OF due_at ON ledger WHEN new.due_at IS NOT NULL
         BEGIN INSERT INTO waited VALUES (new.id, new.reason_code); END;",
    );
    triggers.unwrap();
}

/// Reads all of it.
pub fn read(path: &Path) -> Observed {
    let database = Connection::open(path).unwrap();
    let lines = database.prepare(
        "SELECT l.id, d.delivery_key, l.kind, e.body ->> '$.kind' AS event, l.subject, l.team, l.rule, l.state, l.reason,
                l.due_at IS NOT NULL AS waits, l.told_at, coalesce(l.lead_id, l.id) AS lead,
                e.body ->> '$.note.text' AS note, l.message
         FROM ledger l JOIN delivery d ON d.id = l.delivery_id LEFT JOIN event e ON e.id = l.event_id",
    );
    let mut lines = lines.unwrap();
    let lines = lines.query_map([], |row| Ok(line(row))).unwrap().map(Result::unwrap);
    let mut lines: BTreeMap<i64, Line> = lines.map(|line| (line.id, line)).collect();
    let mut waited = database.prepare("SELECT line, code FROM waited ORDER BY rowid").unwrap();
    let waited = waited.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).unwrap();
    for (line, code) in waited.map(Result::unwrap) {
        lines.get_mut(&line).unwrap().waited.push(code.parse().unwrap());
    }
    let mut places: HashMap<i64, Vec<Place>> = HashMap::new();
    let mut sends = database.prepare("SELECT ledger_id, destination, thread FROM send").unwrap();
    let sends = sends.query_map([], |row| Ok((row.get(0)?, Place { destination: row.get(1)?, thread: row.get(2)? })));
    for (line, place) in sends.unwrap().map(Result::unwrap) {
        places.entry(line).or_default().push(place);
    }
    Observed { lines, places }
}

fn line(row: &Row<'_>) -> Line {
    let text = |name: &str| row.get::<_, Option<String>>(name).unwrap();
    let kind = |name: &str| text(name).and_then(|kind| kind.parse().ok());
    let time = |at: i64| Timestamp::from_millisecond(at).unwrap();
    Line {
        id: row.get("id").unwrap(),
        delivery: row.get("delivery_key").unwrap(),
        kind: kind("kind"),
        event: kind("event"),
        subject: text("subject").unwrap_or_default(),
        team: text("team").unwrap_or_default(),
        rule: text("rule").unwrap_or_default(),
        state: row.get("state").unwrap(),
        reason: serde_json::from_str(&row.get::<_, String>("reason").unwrap()).unwrap(),
        waits: row.get("waits").unwrap(),
        told_at: row.get::<_, Option<i64>>("told_at").unwrap().map(time),
        lead: row.get("lead").unwrap(),
        note: text("note"),
        message: text("message"),
        waited: Vec::new(),
    }
}

impl Observed {
    /// The lines that were told, with the moment.
    pub fn told(&self) -> impl Iterator<Item = (&Line, Timestamp)> {
        self.lines.values().filter_map(|line| Some((line, line.told_at?)))
    }

    /// The messages, each by its first line.
    pub fn messages(&self) -> impl Iterator<Item = (&Line, Timestamp)> {
        self.told().filter(|(line, _)| line.lead == line.id)
    }

    /// Where a line was told.
    pub fn places(&self, line: &Line) -> &[Place] {
        self.places.get(&line.lead).map_or(&[], Vec::as_slice)
    }
}
