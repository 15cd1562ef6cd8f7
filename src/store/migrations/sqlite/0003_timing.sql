-- What is told together, when a rule last told of a subject, and what waits for a silence.

ALTER TABLE ledger ADD COLUMN digest    INTEGER NOT NULL DEFAULT 0; -- 1: it goes with others of its team
ALTER TABLE ledger ADD COLUMN told_at   INTEGER;                    -- when its message was made
ALTER TABLE ledger ADD COLUMN lead_id   INTEGER REFERENCES ledger (id); -- the line whose message tells this one too
ALTER TABLE ledger ADD COLUMN object_at INTEGER;                    -- until then an assumption can be objected to
CREATE INDEX ledger_told ON ledger (subject, team, rule, told_at) WHERE told_at IS NOT NULL;
CREATE INDEX ledger_spent ON ledger (team, told_at) WHERE told_at IS NOT NULL AND lead_id IS NULL;
CREATE INDEX ledger_lead ON ledger (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX ledger_object ON ledger (object_at) WHERE object_at IS NOT NULL;
CREATE INDEX ledger_thread ON ledger (thread) WHERE thread IS NOT NULL;

-- A ticket that moves forward is news of its pull requests.
ALTER TABLE subject ADD COLUMN thread TEXT;
CREATE INDEX subject_thread ON subject (thread) WHERE thread <> key;

-- A rule that wants to know when nothing happens to a subject: until then it may.
CREATE TABLE timer (
    subject     TEXT    NOT NULL,
    team        TEXT    NOT NULL,
    rule        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    due_at      INTEGER NOT NULL,
    delivery_id INTEGER NOT NULL REFERENCES delivery (id), -- the last one that something happened in
    PRIMARY KEY (subject, team, rule, kind)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due_at);
