-- Team files in repositories, as they were read last, so that they are in force at a start while GitHub can't be asked. The order
-- of the ids is that in which they came: the first to define a team keeps it.
CREATE TABLE repository_file (
    id     INTEGER PRIMARY KEY,
    repo   TEXT NOT NULL UNIQUE COLLATE NOCASE, -- owner/repo
    latest TEXT NOT NULL,                       -- crate::rule::Revision
    good   TEXT                                 -- the last one that was right
);

-- Comments on pull requests that say who hears of them.
CREATE TABLE nudge (
    subject TEXT PRIMARY KEY, -- owner/repo#45
    comment INTEGER,          -- its number at GitHub; NULL once somebody else deleted it: it isn't written again
    text    TEXT NOT NULL
) WITHOUT ROWID;
