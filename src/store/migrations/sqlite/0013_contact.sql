-- Who people on GitHub are elsewhere, as far as others said when they were asked. What has a time and no value isn't there.
CREATE TABLE contact (
    login      TEXT PRIMARY KEY, -- in small letters
    name       TEXT,
    email      TEXT,
    email_from TEXT,             -- crate::api::github::MailFrom
    email_at   INTEGER,
    slack      TEXT,
    slack_at   INTEGER,
    jira       TEXT,
    jira_at    INTEGER
) WITHOUT ROWID;
