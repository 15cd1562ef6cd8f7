-- What the console lists: sends that failed, and assumptions. Each index has few rows, and none is touched by what is sent at
-- once.

-- Sends that wait for another attempt, and those that were given up.
CREATE INDEX send_retrying ON send (destination, id) WHERE state = 'queued' AND attempts > 0;
CREATE INDEX send_failed ON send (destination, id) WHERE state = 'failed';

-- Assumptions, as teams were told of them.
CREATE INDEX ledger_assumed ON ledger (id) WHERE kind = 'note.assumed' AND team IS NOT NULL AND answers IS NULL;
CREATE INDEX ledger_assumed_team ON ledger (team, id)
    WHERE kind = 'note.assumed' AND team IS NOT NULL AND answers IS NULL;
CREATE INDEX ledger_assumed_thread ON ledger (thread, id)
    WHERE kind = 'note.assumed' AND team IS NOT NULL AND answers IS NULL;

-- Who muted it, where that is known: the console knows its visitors.
ALTER TABLE mute ADD COLUMN who TEXT;
