-- Times are milliseconds since the epoch, UTC.

-- One webhook request as it came. The body is kept (lz4), so that a gap in a parser is repaired by replay.
CREATE TABLE delivery (
    id           INTEGER PRIMARY KEY,
    source       TEXT    NOT NULL,
    delivery_key TEXT    NOT NULL, -- the sender's id for it, stable over redeliveries
    name         TEXT    NOT NULL, -- X-GitHub-Event; empty for Jira
    received_at  INTEGER NOT NULL,
    waits        INTEGER NOT NULL, -- 1 until it is worked on, then 0: of one size and before the body, so that the
                                   -- change writes one page and not the whole row
    body         BLOB    NOT NULL,
    UNIQUE (source, delivery_key)
);
CREATE INDEX delivery_waits ON delivery (id) WHERE waits = 1;

-- What a delivery meant: one row an event.
CREATE TABLE event (
    id          INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES delivery (id),
    once        TEXT,             -- names an occurrence that two deliveries can tell of
    body        TEXT    NOT NULL  -- crate::event::Event
);
CREATE INDEX event_delivery ON event (delivery_id);
CREATE UNIQUE INDEX event_once ON event (once) WHERE once IS NOT NULL;

-- The latest known state of each pull request, issue, ticket, …
CREATE TABLE subject (
    key   TEXT PRIMARY KEY,
    state TEXT NOT NULL           -- crate::track::Known
) WITHOUT ROWID;

-- Jira's numeric ids, for events that name no key.
CREATE TABLE ticket_id (
    id  TEXT PRIMARY KEY,
    key TEXT NOT NULL
) WITHOUT ROWID;

-- Milestones that a rule has told: each once for a subject.
CREATE TABLE fired (
    subject TEXT NOT NULL,
    team    TEXT NOT NULL,
    rule    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    PRIMARY KEY (subject, team, rule, kind)
) WITHOUT ROWID;

-- What became of each event for each rule it reached.
CREATE TABLE ledger (
    id          INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES delivery (id),
    line        INTEGER NOT NULL, -- people see `delivery_id.line`
    event_id    INTEGER REFERENCES event (id),
    source      TEXT    NOT NULL,
    kind        TEXT,
    subject     TEXT,
    thread      TEXT,
    team        TEXT,
    rule        TEXT,
    state       TEXT    NOT NULL, -- held, sent, superseded, suppressed, failed, ignored
    reason      TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    due_at      INTEGER,          -- set while it waits
    message     TEXT,             -- crate::template::Message, once it is rendered
    UNIQUE (delivery_id, line)
);
CREATE INDEX ledger_due ON ledger (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ledger_waiting ON ledger (subject, team) WHERE due_at IS NOT NULL;
CREATE INDEX ledger_at ON ledger (at);

-- One update to one destination.
CREATE TABLE send (
    id          INTEGER PRIMARY KEY,
    ledger_id   INTEGER NOT NULL REFERENCES ledger (id),
    destination TEXT    NOT NULL,
    thread      TEXT    NOT NULL,
    state       TEXT    NOT NULL, -- queued, sending, sent, failed
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL, -- when it may be claimed: when it is due, or when its lease ends
    fence       INTEGER NOT NULL DEFAULT 0, -- grows with each claim: who settles must hold the newest
    error       TEXT,
    created_at  INTEGER NOT NULL,
    sent_at     INTEGER
);
CREATE INDEX send_ledger ON send (ledger_id);
CREATE INDEX send_waiting ON send (destination, id) WHERE state IN ('queued', 'sending');
CREATE INDEX send_thread ON send (destination, thread, id) WHERE state IN ('queued', 'sending');

-- Where each conversation began at each destination, in the channel's own words (a Message-ID, a Slack ts).
CREATE TABLE conversation (
    destination TEXT NOT NULL,
    thread      TEXT NOT NULL,
    root        TEXT NOT NULL,
    subject     TEXT NOT NULL, -- mail programs split a conversation whose subject changes
    PRIMARY KEY (destination, thread)
) WITHOUT ROWID;
