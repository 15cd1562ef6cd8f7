-- What somebody asked not to hear of. An update is muted if it fits every column that is set.
CREATE TABLE mute (
    id          INTEGER PRIMARY KEY,
    team        TEXT,             -- NULL: every team
    destination TEXT,             -- NULL: every destination
    thread      TEXT,
    rule        TEXT,
    until_at    INTEGER,          -- NULL: for good
    made_at     INTEGER NOT NULL,
    made_by     TEXT    NOT NULL, -- command, link, mail
    CHECK (thread IS NOT NULL OR rule IS NOT NULL OR destination IS NOT NULL)
);
CREATE INDEX mute_thread ON mute (thread) WHERE thread IS NOT NULL;
CREATE INDEX mute_rule ON mute (rule) WHERE thread IS NULL;
CREATE INDEX mute_destination ON mute (destination) WHERE thread IS NULL AND rule IS NULL;

-- Random keys that the service made for itself, such as the one that signs the links in messages.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
