-- Who has logged in to the console. The cookie has a random token, of which only the digest is here.
CREATE TABLE session (
    digest   BLOB PRIMARY KEY,
    who      TEXT NOT NULL,    -- what they are called
    mail     TEXT,             -- their address, if it was verified
    groups   TEXT NOT NULL,    -- JSON: a list
    begun_at INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL, -- about when they last asked for something
    ends_at  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX session_end ON session (ends_at);

-- What was changed through the console.
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    who    TEXT,               -- NULL for somebody who was forgotten
    via    TEXT NOT NULL,      -- how they came in: crate::console::access::Via
    action TEXT NOT NULL,      -- crate::console::access::Action
    what   TEXT                -- NULL if it named somebody who was forgotten
);

CREATE INDEX audit_at ON audit (at);
