-- Summaries of what moved, for teams and for everybody. A summary is a line of the ledger without an event, on the last delivery that
-- was planned: its kind is `summary`, and `since_at` is where its span of time begins, which ends at `at`.

-- When each reader is to have the next summary.
CREATE TABLE summary (
    reader   TEXT PRIMARY KEY, -- the team; @organisation for everybody's
    timing   TEXT NOT NULL,    -- what decides when: if that changes, the next time does too
    due_at   INTEGER,          -- NULL while there is to be none
    since_at INTEGER NOT NULL  -- the last summary told what happened up to then
) WITHOUT ROWID;
CREATE INDEX summary_due ON summary (due_at) WHERE due_at IS NOT NULL;

-- What a summary names: subjects, conversations, assumptions. If one of them is taken back before it is sent, it is written anew.
ALTER TABLE ledger ADD COLUMN names TEXT; -- JSON: a list
CREATE INDEX ledger_summary ON ledger (id) WHERE kind = 'summary' AND state = 'held';
