-- Who agreed to an assumption, and said so. It ends nobody's time to object.
CREATE TABLE agreement (
    id        INTEGER PRIMARY KEY,
    ledger_id INTEGER NOT NULL REFERENCES ledger (id), -- the line that told of the assumption
    key       TEXT    NOT NULL, -- who it is, such as their id in Slack
    made_by   TEXT    NOT NULL, -- what they are called
    through   TEXT    NOT NULL, -- Slack
    made_at   INTEGER NOT NULL,
    UNIQUE (ledger_id, key)
);

-- What people subscribed a channel to, beside what its team's file says. Each is a rule of the team.
CREATE TABLE subscription (
    id          INTEGER PRIMARY KEY,
    team        TEXT    NOT NULL,
    name        TEXT    NOT NULL, -- of the rule; it begins with an `@`, which no name in a file does
    destination TEXT    NOT NULL,
    repo        TEXT    NOT NULL, -- a name or a pattern
    kinds       TEXT    NOT NULL, -- JSON: a list, as in a rule's `on`
    made_by     TEXT    NOT NULL, -- a name; empty for somebody who was forgotten
    made_at     INTEGER NOT NULL,
    UNIQUE (team, name)
);
