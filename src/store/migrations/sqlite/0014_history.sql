-- What happened on the way to how a line and its sends are now, and indexes to read the ledger newest first.

-- When the state or reason was last written. Whoever sets it has the trigger below keep what was until then.
ALTER TABLE ledger ADD COLUMN changed_at INTEGER;

-- What a line's state and reason were, and until when.
CREATE TABLE step (
    id        INTEGER PRIMARY KEY,
    ledger_id INTEGER NOT NULL REFERENCES ledger (id),
    state     TEXT    NOT NULL,
    reason    TEXT    NOT NULL, -- crate::reason::Reason
    until_at  INTEGER NOT NULL
);
CREATE INDEX step_ledger ON step (ledger_id);
CREATE TRIGGER ledger_step AFTER UPDATE OF changed_at ON ledger
WHEN old.state <> new.state OR old.reason <> new.reason
BEGIN
    INSERT INTO step (ledger_id, state, reason, until_at) VALUES (new.id, old.state, old.reason, new.changed_at);
END;

-- How each attempt to send a message ended. The send may be gone by now: its message was written anew.
CREATE TABLE attempt (
    id          INTEGER PRIMARY KEY,
    ledger_id   INTEGER NOT NULL REFERENCES ledger (id), -- the line whose message it was
    destination TEXT    NOT NULL,
    number      INTEGER NOT NULL, -- from 1
    began_at    INTEGER NOT NULL, -- when it was claimed, if that is all that is known
    ended_at    INTEGER NOT NULL, -- when that was noted, if nobody knows how it ended
    outcome     TEXT    NOT NULL, -- sent, transient, permanent, ambiguous
    error       TEXT              -- the other end's words
);
CREATE INDEX attempt_ledger ON attempt (ledger_id);

-- The ledger is read newest first, by the time and then the id. Only who asks for these conditions uses these indexes.
CREATE INDEX ledger_team ON ledger (team, at) WHERE rule IS NOT NULL;
CREATE INDEX ledger_open ON ledger (state, at) WHERE state IN ('held', 'failed');
CREATE INDEX ledger_thread_at ON ledger (thread, at) WHERE thread IS NOT NULL;
