-- What is taken back, renamed, or said of another host.

ALTER TABLE ledger ADD COLUMN since_at INTEGER; -- since when the first update waits that this one replaced; NULL: itself
ALTER TABLE ledger ADD COLUMN actor    TEXT;    -- whose doing it is, by login
-- One person's many updates at a time.
CREATE INDEX ledger_actor ON ledger (team, actor, at) WHERE actor IS NOT NULL;

-- The first host of each source that was heard of: its names are the bare ones.
CREATE TABLE home (
    source TEXT PRIMARY KEY,
    host   TEXT NOT NULL
) WITHOUT ROWID;

-- Subjects and repositories that have another name now.
CREATE TABLE alias (
    old TEXT PRIMARY KEY,
    new TEXT NOT NULL
) WITHOUT ROWID;

-- Whether each repository is private, as far as we heard.
CREATE TABLE repository (
    name    TEXT PRIMARY KEY,
    private INTEGER NOT NULL,
    at      INTEGER NOT NULL -- when that was so
) WITHOUT ROWID;

-- What people are called whom Jira names by an account id.
CREATE TABLE person (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;
