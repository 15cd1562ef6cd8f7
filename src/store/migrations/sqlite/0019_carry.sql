-- What people answer to messages of teams with `answers`: each answer is one comment on the page that the message is about.
CREATE TABLE answer (
    id         INTEGER PRIMARY KEY,
    key        TEXT    NOT NULL UNIQUE, -- names it, however often it is sent: a Message-ID, Slack's CHANNEL/TS
    ledger_id  INTEGER NOT NULL REFERENCES ledger (id), -- the line that it answers
    carrier_id INTEGER REFERENCES ledger (id), -- the line whose message is the comment, or that says why there is none
    through    TEXT    NOT NULL, -- mail, Slack
    place      TEXT    NOT NULL, -- the destination where it was written; empty if that isn't known
    made_by    TEXT    NOT NULL, -- a name as it was given; empty if none was
    login      TEXT,             -- theirs on GitHub, if that is certain
    outside    INTEGER NOT NULL, -- 1: they don't belong to the company, as far as is known
    text       TEXT    NOT NULL, -- empty where it was taken back, or may not be carried
    made_at    INTEGER NOT NULL,
    version    INTEGER NOT NULL, -- grows with each edit
    gone       INTEGER NOT NULL DEFAULT 0, -- 1: it was taken back
    comment    TEXT,             -- the comment's id there
    waits      INTEGER NOT NULL DEFAULT 1  -- 1 until what was said last is on its way
);
CREATE INDEX answer_waits ON answer (id) WHERE waits = 1;
CREATE INDEX answer_ledger ON answer (ledger_id);
CREATE UNIQUE INDEX answer_carrier ON answer (carrier_id) WHERE carrier_id IS NOT NULL;
