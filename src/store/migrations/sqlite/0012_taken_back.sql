-- What is taken back while its message is under way: it is decided once an attempt has ended.

ALTER TABLE send ADD COLUMN taken_back INTEGER NOT NULL DEFAULT 0; -- 1: its words were taken back while it was under way
ALTER TABLE ledger ADD COLUMN withdrawn TEXT; -- crate::reason::Reason: why it isn't to be told any more, noted meanwhile
