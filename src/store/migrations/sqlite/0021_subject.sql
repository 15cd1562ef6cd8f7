-- What is known of a subject is as long as a pull request's description. In a table without row ids, which is an index, that
-- takes a page of its own beside the row's.
CREATE TABLE new_subject (
    key     TEXT    PRIMARY KEY NOT NULL,
    state   TEXT    NOT NULL, -- crate::track::Known
    thread  TEXT,
    seen_at INTEGER NOT NULL DEFAULT 0
);
INSERT INTO new_subject (key, state, thread, seen_at) SELECT key, state, thread, seen_at FROM subject;
DROP TABLE subject;
ALTER TABLE new_subject RENAME TO subject;
CREATE INDEX subject_thread ON subject (thread) WHERE thread <> key;
