//! A team file as it is written. The comments here are what editors show: they become the JSON Schema.

mod touches;

use std::mem::take;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::destination::Manner;
use crate::event::EventKind;
use crate::toml_file::{self, DurationText, Field, Raw, SizeText, Tables, TextOrTexts};

pub use self::touches::{TouchesTable, TouchesText};

/// A list of strings.
pub type Texts = Field<Vec<Field<String>>>;

/// Defines the tables that say what holds for a team's rules unless a rule says otherwise: the team's own, and the one for
/// all teams.
macro_rules! tables_of_defaults {
    ($($(#[$about:meta])+ $key:ident: $value:ty,)+) => {
        /// What one team wants to hear, and where.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(title = "microalign team file", deny_unknown_fields, extend("required" = ["team"]))]
        pub struct TeamFile {
            /// The team's name: letters, digits, `_`, `.` and `-`. It must be unique among the files.
            pub team: Field<String>,
            /// The mail address of the person who gets a mail when this file is broken, or when something that its rules name was
            /// renamed.
            pub owner: Field<String>,
            /// GitHub logins, and Jira account ids or names. What members do themselves isn't news to the team.
            pub members: Texts,
            /// The team on GitHub, such as `acme/data-platform`. Its people count as members, and CODEOWNERS calls the team by this
            /// name.
            pub github_team: Field<String>,
            /// What the team owns, for `touches_owned`: `codeowners`, or a list of files such as `["schemas/**"]`. `codeowners` is
            /// whatever CODEOWNERS, or a folder's CODENOTIFY, assigns to `github_team` or to a member.
            pub owns: Field<TextOrTexts>,
            /// Where messages go: `email:ADDRESS`, `slack:#channel`, `email:@LOGIN` and `slack:@LOGIN` for a person on GitHub, `mattermost:TEAM/CHANNEL`, `rocket-chat:#channel`,
            /// `matrix:!ROOM`, `zulip:STREAM`; `slack-webhook:NAME`, `teams:NAME`, `discord:NAME`, `google-chat:NAME`,
            /// `mattermost-webhook:NAME`, `webhook:NAME`; `github` and `jira` for a comment on the page itself; `mailbox`.
            pub to: Texts,
            $($(#[$about])+ pub $key: $value,)+
            /// Named lists of entries, such as `[lists.payments]`: `repo = ["@payments"]` stands for the entries of its `repo`.
            /// `!@payments` excludes them all. Those of `_defaults.toml` are for every team.
            pub lists: Tables<ListTable>,
            /// The rules. Every rule that matches sends a message; their order has no meaning.
            pub rule: Field<Vec<Field<RuleTable>>>,
            /// Webhooks that `microalign check` tries the rules on.
            pub test: Field<Vec<Field<TestTable>>>,
        }

        /// What holds for every team unless its own file, or a rule, says otherwise.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(title = "microalign defaults", deny_unknown_fields)]
        pub struct DefaultsFile {
            $($(#[$about])+ pub $key: $value,)+
            /// Named lists of entries for every team, such as `[lists.payments]`: `repo = ["@payments"]` stands for the entries
            /// of its `repo`.
            pub lists: Tables<ListTable>,
        }

        impl TeamFile {
            /// Takes out what the file for all teams could have too.
            pub fn take_defaults(&mut self) -> DefaultsFile {
                DefaultsFile { $($key: take(&mut self.$key),)+ lists: take(&mut self.lists) }
            }
        }
    };
}

tables_of_defaults! {
    /// The time zone for times in messages, such as `Europe/Lisbon`. `quiet` and `digest` follow it. UTC by default.
    timezone: Field<String>,
    /// Who reads the team's messages: `inside` (the default) or `outside`. About a private repository, readers outside learn
    /// only what kind of thing happened, with a link: no title, name, branch, label or text.
    #[schemars(extend("enum" = ["inside", "outside"]))]
    audience: Field<String>,
    /// How long an update waits for further changes, such as `"60s"` (the default) or `"1h30m"`. `"0s"` sends at once.
    settle: Field<DurationText>,
    /// How long an update waits at most, however often a later one replaces it, such as `"10m"`. Three times `settle` by
    /// default.
    settle_max: Field<DurationText>,
    /// Hours and days on which nothing is sent, such as `["19:00-08:00", "sat", "sun"]`, in the team's time zone.
    #[schemars(schema_with = "quiet")]
    quiet: Texts,
    /// How many messages the team gets at most, such as `"20/day"` (or `hour`, `week`). The rest go into one digest.
    #[schemars(schema_with = "budget")]
    budget: Field<String>,
    /// At most one update about the same subject in this time, such as `"3d"`. The newest waits and replaces the one before
    /// it.
    every: Field<DurationText>,
    /// When updates are sent together as one message, such as `"daily 09:00"` or `"weekly mon 09:00"`, in the team's time
    /// zone.
    #[schemars(schema_with = "digest")]
    digest: Field<String>,
    /// When the team gets a summary of what moved since the last one, such as `"weekly fri 15:00"` or `"daily 17:00"`, in the
    /// team's time zone. It goes to the team's `to`.
    #[schemars(schema_with = "digest")]
    summary: Field<String>,
    /// Whether members' own actions are news too. `false` by default.
    own: Field<bool>,
    /// Whether what bots say and open is news too: comments, labels, pull requests. `false` by default. Facts (merged,
    /// released, deployed, failed, closed, done) are news whoever caused them.
    bots: Field<bool>,
    /// The template of the messages. By default, the one for the event's kind.
    template: Field<String>,
    /// How messages appear in their conversation when work begins: `post`, `reply` (the default), `reply+broadcast` or
    /// `edit`. A channel that can't do it does the next best thing.
    #[schemars(schema_with = "manner")]
    opened: Field<String>,
    /// How messages appear while work goes on: `post`, `reply` (the default), `reply+broadcast` or `edit`.
    #[schemars(schema_with = "manner")]
    updated: Field<String>,
    /// How messages appear when work is done: `post`, `reply` (the default), `reply+broadcast` or `edit`.
    #[schemars(schema_with = "manner")]
    merged: Field<String>,
    /// The people whom chat messages mention: by GitHub login, or `author`, `assignee` or `reviewers` of what a message is about.
    /// `[people.LOGIN]` in the configuration says who they are there, or else GitHub, Slack and Jira are asked.
    mention: Texts,
    /// Whether what people answer to the team's messages, by mail or in the thread in Slack, is carried as a comment to the
    /// pull request, issue or ticket that the message is about. `false` by default.
    answers: Field<bool>,
    /// Whether that is so for people outside the company, too: guests and other companies' people in Slack, mail from other
    /// domains, and teams whose `audience` is `outside`. `false` by default.
    answers_outside: Field<bool>,
    /// Who gets the replies to a mail: `list` (the default), or `author` if their address is known.
    #[schemars(extend("enum" = ["author", "list"]))]
    reply_to: Field<String>,
}

/// A list of groups of conditions.
pub type Groups = Field<Vec<Field<ConditionTable>>>;

/// Defines the two tables that have conditions, so that each condition is described once: serde could flatten one
/// into the other only at the cost of the unknown keys' places. `lists` are those of them that named lists can be for.
macro_rules! tables_of_conditions {
    (lists { $($list:ident)+ } $($(#[$doc:meta])+ $key:ident: $value:ty,)+) => {
        /// When the team wants to hear of something. All conditions must hold. A list holds when any entry does; an entry
        /// that starts with `!` excludes. `*` stands for any text, `?` for one character, `{a,b}` for either.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(deny_unknown_fields, extend("required" = ["name", "on"]))]
        pub struct RuleTable {
            /// The rule's name: letters, digits, `_`, `.` and `-`. It must be unique in the file.
            pub name: Field<String>,
            /// The kinds of event, such as `pull_request.merged` or `ticket.*`.
            #[schemars(schema_with = "kinds")]
            pub on: Texts,
            $($(#[$doc])+ pub $key: $value,)+
            /// Where messages go, instead of the team's `to`.
            pub to: Texts,
            /// How long an update waits for further changes, instead of the team's `settle`.
            pub settle: Field<DurationText>,
            /// How long an update waits at most, instead of the team's `settle_max`.
            pub settle_max: Field<DurationText>,
            /// At most one update about the same subject in this time, instead of the team's `every`.
            pub every: Field<DurationText>,
            /// When updates are sent together as one message, instead of the team's `digest`.
            #[schemars(schema_with = "digest")]
            pub digest: Field<String>,
            /// For `pull_request.stalled` and `ticket.quiet`: how long nothing must have happened, such as `"5d"`.
            pub after: Field<DurationText>,
            /// For `ticket.due_soon`: how many days before the due date, such as `"2d"`.
            pub before: Field<DurationText>,
            /// For `note.assumed`: how long there is to object, such as `"3d"`. The message says until when.
            pub object_by: Field<DurationText>,
            /// Whether members' own actions are news too, instead of the team's `own`.
            pub own: Field<bool>,
            /// Whether what bots say and open is news too, instead of the team's `bots`. A bot that `author` or `actor`
            /// names is always heard.
            pub bots: Field<bool>,
            /// Whether messages about tickets with a security level say everything. `false` by default: only their key and
            /// link.
            pub restricted: Field<bool>,
            /// The template of the messages, instead of the team's `template`.
            pub template: Field<String>,
            /// How messages appear when work begins, instead of the team's `opened`.
            #[schemars(schema_with = "manner")]
            pub opened: Field<String>,
            /// How messages appear while work goes on, instead of the team's `updated`.
            #[schemars(schema_with = "manner")]
            pub updated: Field<String>,
            /// How messages appear when work is done, instead of the team's `merged`.
            #[schemars(schema_with = "manner")]
            pub merged: Field<String>,
            /// The people whom chat messages mention, instead of the team's `mention`.
            pub mention: Texts,
            /// Who gets the replies to a mail, instead of the team's `reply_to`.
            #[schemars(extend("enum" = ["author", "list"]))]
            pub reply_to: Field<String>,
        }

        /// Conditions that must hold together.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(deny_unknown_fields)]
        pub struct ConditionTable {
            $($(#[$doc])+ pub $key: $value,)+
        }

        impl RuleTable {
            /// Takes its conditions out.
            pub fn take_conditions(&mut self) -> ConditionTable {
                ConditionTable { $($key: take(&mut self.$key),)+ }
            }
        }

        /// A named list: for each condition that it is for, the entries that its name stands for there.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(deny_unknown_fields)]
        pub struct ListTable {
            $(#[doc = concat!("Entries for `", stringify!($list), "`.")] pub $list: Texts,)+
        }

        impl ListTable {
            /// Its entries, by the condition's key.
            pub fn into_entries(self) -> Vec<(&'static str, Texts)> {
                vec![$((stringify!($list), self.$list),)+]
            }
        }

        impl Raw for ListTable {}
    };
}

tables_of_conditions! {
    lists {
        repo base head branch paths labels labels_all author actor author_team assignee reviewer title ticket ticket_type
        ticket_status ticket_priority ticket_labels component fix_version parent sprint resolution environment workflow
    }
    /// The repository, as `OWNER/NAME`. `*` stays within the owner or the name. Jira's events have no repository, so this
    /// never matches them.
    repo: Texts,
    /// Whether the repository is private.
    private: Field<bool>,
    /// The branch that the pull request goes into. `*` stops at `/`, `**` doesn't. Upper and lower case are distinguished in
    /// branches and `paths`, and nowhere else.
    base: Texts,
    /// The branch that the pull request comes from. `*` stops at `/`, `**` doesn't.
    head: Texts,
    /// Whether the pull request is a draft.
    draft: Field<bool>,
    /// The branch that was pushed to, created or deleted, that a workflow ran on, that was deployed, or that a release was
    /// made from. `*` stops at `/`, `**` doesn't. For pull requests use `base` and `head`.
    branch: Texts,
    /// How many lines the pull request adds and deletes, together: `">500"`, `">=500"`, `"<50"`, `"<=50"` or `"100-500"`.
    size: Field<SizeText>,
    /// A changed file, such as `schemas/**`. One that no `!` entry excludes is enough. For pull requests, this needs access
    /// to GitHub's API.
    paths: Texts,
    /// `true` if a file that the team owns (see `owns`) has to be changed; or how much of it, such as
    /// `{ files = ">1", share = ">20%", generated = false }`: how many files, how much of all the changed files that is, and
    /// whether those count that `.gitattributes` calls `linguist-generated`.
    touches_owned: Field<TouchesText>,
    /// A label of the pull request, issue or ticket. For milestones, a label that is added later still counts.
    labels: Texts,
    /// Like `labels`, but every entry must match a label.
    labels_all: Texts,
    /// The login of the person who opened the pull request or issue, or reported the ticket. For other events, of the person
    /// who did it, or who opened the pull request behind it.
    author: Texts,
    /// The login or name of the person who did it: merged, commented, deployed, moved the ticket. What a merge queue or CI does
    /// for somebody counts as that person's action too.
    actor: Texts,
    /// A team that the author is a member of: the `team` of any team file.
    author_team: Texts,
    /// The login of the person to whom the pull request, issue or ticket is assigned.
    assignee: Texts,
    /// The login, or a team's slug, of a reviewer who was asked and hasn't reviewed the pull request yet.
    reviewer: Texts,
    /// The title, such as `*migration*`.
    title: Texts,
    /// A regular expression that matches somewhere in the description of the pull request or issue, such as
    /// `(?i)breaking change`.
    body: Field<String>,
    /// The key of a ticket that the event belongs to, such as `DATA-*` or, for GitHub issues, `acme/api#*`. A key in a list of many, such as a release's, matches
    /// `DATA-*` but not `DATA-1`.
    ticket: Texts,
    /// The type of the ticket, such as `Bug`. This and the other ticket conditions look at the ticket that the event is
    /// about, or else at the first one that it belongs to, as webhooks last described it.
    ticket_type: Texts,
    /// The status of the ticket, such as `In Review`; of an issue, `open` or `closed`.
    ticket_status: Texts,
    /// The priority of the ticket.
    ticket_priority: Texts,
    /// A label of the ticket.
    ticket_labels: Texts,
    /// A component of the ticket.
    component: Texts,
    /// A fix version of the ticket, or the milestone of the issue.
    fix_version: Texts,
    /// The key of the ticket's epic, or of the ticket that it is a sub-task of, such as `DATA-1`. On Data Center, epics need
    /// access to Jira's API.
    parent: Texts,
    /// The name of a sprint that the ticket is in, such as `Sprint 12`. One that was closed counts only for a ticket that is in
    /// no later sprint.
    sprint: Texts,
    /// Fields that a Jira site added to its tickets, or that a GitHub project has, such as `field."Severity" = ["High"]`, all of
    /// which must match. A field is called by its name, which in Jira needs access to its API, or by its id there, such as
    /// `customfield_10012`.
    field: Tables<Vec<Field<String>>>,
    /// The ticket's resolution, such as `Done` or `Won't Do`, or why the issue was closed: `completed`, `not_planned` or
    /// `duplicate`. What is still open has none.
    resolution: Texts,
    /// Whether the release is a pre-release.
    prerelease: Field<bool>,
    /// The environment of the deployment, such as `production`.
    environment: Texts,
    /// The name of the workflow.
    workflow: Texts,
    /// Groups of conditions, at least one of which must hold.
    any: Groups,
    /// Groups of conditions that must all hold.
    all: Groups,
    /// A group of conditions that must not all hold.
    not: Field<Box<ConditionTable>>,
}

impl Raw for RuleTable {}

/// A webhook, and the rules of the file that must match it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["name", "payload", "expect"]))]
pub struct TestTable {
    /// The test's name: letters, digits, `_`, `.` and `-`.
    pub name: Field<String>,
    /// The file with the webhook's JSON, such as `tests/merged.json`. The path starts at this file's folder.
    pub payload: Field<String>,
    /// Who would have sent it: `github` (the default) or `jira`.
    pub source: Field<String>,
    /// GitHub's name for the event (`X-GitHub-Event`), such as `pull_request`. Jira's payloads name it themselves.
    pub event: Field<String>,
    /// All the rules that match it. `[]` for none.
    pub expect: Texts,
}

impl Raw for TestTable {}

impl Raw for ConditionTable {}

// What editors complete and mark before anybody runs `check`.

fn kinds(_: &mut SchemaGenerator) -> Schema {
    let kinds = EventKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
    json_schema!({
        "type": "array", "minItems": 1,
        "items": { "anyOf": [{ "enum": kinds }, { "type": "string", "pattern": r"[*?{!\\]" }] },
    })
}

fn quiet(_: &mut SchemaGenerator) -> Schema {
    let window = r"^(mon|tue|wed|thu|fri|sat|sun|[0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d)$";
    json_schema!({ "type": "array", "minItems": 1, "items": { "type": "string", "pattern": window } })
}

fn budget(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^[1-9]\d*/(hour|day|week)$" })
}

fn digest(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "pattern": r"^(daily|weekly (mon|tue|wed|thu|fri|sat|sun)) [0-2]\d:[0-5]\d$",
    })
}

fn manner(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": Manner::NAMES })
}

/// The JSON Schema of team files.
#[must_use]
pub fn schema() -> Schema {
    toml_file::schema::<TeamFile>()
}

/// The JSON Schema of `_defaults.toml`.
#[must_use]
pub fn defaults_schema() -> Schema {
    toml_file::schema::<DefaultsFile>()
}
