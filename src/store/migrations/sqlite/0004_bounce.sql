-- Addresses whose server said that there is no such mailbox, and that no mail has reached since.
CREATE TABLE bounce (
    destination TEXT PRIMARY KEY,
    refusals    INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    error       TEXT    NOT NULL  -- what the server said last
) WITHOUT ROWID;
