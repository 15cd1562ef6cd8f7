-- Any number of replicas serve from one database. Times are milliseconds by the database's clock, unless they say otherwise.

CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE
RETURN (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- Those that serve. One that isn't seen for a while is taken for dead: its row goes, and so do its lanes.
CREATE TABLE replica (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text COLLATE "C" NOT NULL,
    version  text COLLATE "C" NOT NULL,
    -- A digest of its rules and templates; empty until it has read them
    rules    text COLLATE "C" NOT NULL DEFAULT '',
    began_at bigint NOT NULL DEFAULT now_ms(),
    seen_at  bigint NOT NULL DEFAULT now_ms()
);

-- One row: the replica that plans, until its lease ends. Whoever plans holds the row's key while it writes.
CREATE TABLE planner (
    fence   bigint PRIMARY KEY,
    replica bigint,
    until   bigint NOT NULL
);
INSERT INTO planner (fence, until) VALUES (0, 0);

-- Destinations that a replica sends to, or that are given a rest after trouble. A rest ends by the replicas' clock.
CREATE TABLE lane (
    destination text COLLATE "C" PRIMARY KEY,
    replica     bigint,
    rest_until  bigint NOT NULL DEFAULT 0,
    rest_length bigint NOT NULL DEFAULT 0,
    failures    bigint NOT NULL DEFAULT 0
);
CREATE INDEX lane_replica ON lane (replica);

-- The oldest schema whose programs can work with this one.
ALTER TABLE microalign_schema ADD COLUMN oldest bigint NOT NULL DEFAULT 2;
