-- What people answered to assumptions, each answer once, however often it is sent.
CREATE TABLE objection (
    id        INTEGER PRIMARY KEY,
    ledger_id INTEGER NOT NULL REFERENCES ledger (id), -- the line that told of the assumption
    key       TEXT    NOT NULL, -- names the answer: a Message-ID, an event of Slack, a form's content
    made_by   TEXT    NOT NULL, -- a name as it was given; empty if none was
    through   TEXT    NOT NULL, -- link, mail, Slack
    text      TEXT    NOT NULL,
    made_at   INTEGER NOT NULL,
    waits     INTEGER NOT NULL DEFAULT 1, -- 1 until the ledger and, where that is wanted, the author are told
    UNIQUE (ledger_id, key)
);
CREATE INDEX objection_waits ON objection (id) WHERE waits = 1;

-- What came of an assumption: a part of its line's reason.
ALTER TABLE ledger ADD COLUMN outcome TEXT;
-- The assumption's line, on a line that tells the author what came of it.
ALTER TABLE ledger ADD COLUMN answers INTEGER REFERENCES ledger (id);
CREATE INDEX ledger_answers ON ledger (answers) WHERE answers IS NOT NULL;

-- An answer names the message that it answers to.
CREATE INDEX conversation_root ON conversation (root);
