-- Who can be asked for deliveries that did not arrive: GitHub's hooks, learned from their deliveries, and Jira (0).
CREATE TABLE hook (
    source   TEXT    NOT NULL,
    id       INTEGER NOT NULL,
    route    TEXT    NOT NULL, -- where the API has it, such as /repos/acme/ingest/hooks/12
    swept_at INTEGER NOT NULL, -- what was delivered before is here; at first, when it was first heard of
    PRIMARY KEY (source, id)
) WITHOUT ROWID;

-- Deliveries that were asked for, until all of them are planned: an update must not go that a later one of them makes old.
CREATE TABLE recovered (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery (id),
    parked      INTEGER NOT NULL, -- 1 until all that is missing was asked for: it is not worked on before
    at          INTEGER NOT NULL  -- when it was parked, then when it was let go
);

-- Those that come late are worked on in their place.
DROP INDEX delivery_waits;
CREATE INDEX delivery_waits ON delivery (received_at, id) WHERE waits = 1;

-- When each environment was last deployed to, whatever came of it.
CREATE TABLE environment (
    scope       TEXT    NOT NULL, -- owner/repo
    name        TEXT    NOT NULL,
    deployed_at INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) WITHOUT ROWID;
