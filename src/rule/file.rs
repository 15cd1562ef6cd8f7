//! A team file as it is written. The comments here are what editors show: they become the JSON Schema.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::destination::Manner;
use crate::event::EventKind;
use crate::toml_file::{self, DurationText, Field, Raw, SizeText, TextOrTexts};

/// A list of strings.
pub type Texts = Field<Vec<Field<String>>>;

/// What one team wants to hear, and where.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(title = "microalign team file", deny_unknown_fields, extend("required" = ["team"]))]
pub struct TeamFile {
    /// The team's name: letters, digits, `_`, `.` and `-`. No two files have the same.
    pub team: Field<String>,
    /// The mail address of whoever is told when this file is broken.
    pub owner: Field<String>,
    /// GitHub logins, and Jira account ids or names. What members do themselves is no news to the team.
    pub members: Texts,
    /// The team on GitHub, such as `acme/data-platform`: what CODEOWNERS calls it.
    pub github_team: Field<String>,
    /// What the team owns, for `touches_owned`: `codeowners`, or a list of files such as `["schemas/**"]`.
    pub owns: Field<TextOrTexts>,
    /// Where updates go: `email:ADDRESS`, `slack:#channel`, `mattermost:TEAM/CHANNEL`, `rocket-chat:#channel`,
    /// `matrix:!ROOM`, `zulip:STREAM`; `slack-webhook:NAME`, `teams:NAME`, `discord:NAME`, `google-chat:NAME`,
    /// `mattermost-webhook:NAME`, `webhook:NAME`; `github` and `jira` for a comment on the page itself; `mailbox`.
    pub to: Texts,
    /// The time zone that times are shown in, such as `Europe/Lisbon`. UTC if left out.
    pub timezone: Field<String>,
    /// Who reads what the team gets: `inside` (the default) or `outside`. Readers outside are told of a private
    /// repository only what kind of thing happened, with a link: no title, name, branch, label or text.
    #[schemars(extend("enum" = ["inside", "outside"]))]
    pub audience: Field<String>,
    /// How long an update waits for the dust to settle, such as `"60s"` (the default) or `"1h30m"`.
    pub settle: Field<DurationText>,
    /// How long an update waits at most, however often a later one takes its place, such as `"10m"`. Three times `settle`
    /// if left out.
    pub settle_max: Field<DurationText>,
    /// Hours and days on which nothing is sent, such as `["19:00-08:00", "sat", "sun"]`, in the team's time zone.
    #[schemars(schema_with = "quiet")]
    pub quiet: Texts,
    /// How many messages the team takes, such as `"20/day"` (or `hour`, `week`). What is over it goes into one digest.
    #[schemars(schema_with = "budget")]
    pub budget: Field<String>,
    /// One update about the same subject in so long, such as `"3d"`. The newest waits and replaces the one before it.
    pub every: Field<DurationText>,
    /// When updates go as one message, such as `"daily 09:00"` or `"weekly mon 09:00"`, in the team's time zone.
    #[schemars(schema_with = "digest")]
    pub digest: Field<String>,
    /// Whether members' own actions are news too. `false` if left out.
    pub own: Field<bool>,
    /// Whether what bots say and open is news too: comments, labels, pull requests. `false` if left out. What is a fact
    /// (merged, released, deployed, failed, closed, done) is news whoever did it.
    pub bots: Field<bool>,
    /// The template of the messages; if left out, the one that fits the event.
    pub template: Field<String>,
    /// What the first messages of a conversation do there: `post`, `reply` (the default), `reply+broadcast` or `edit`.
    /// A channel that can't do it does the next best.
    #[schemars(schema_with = "manner")]
    pub opened: Field<String>,
    /// What messages do while the work goes on: `post`, `reply` (the default), `reply+broadcast` or `edit`.
    #[schemars(schema_with = "manner")]
    pub updated: Field<String>,
    /// What messages do when the work is done: `post`, `reply` (the default), `reply+broadcast` or `edit`.
    #[schemars(schema_with = "manner")]
    pub merged: Field<String>,
    /// Whom chat messages call, by GitHub login. The configuration's `[people.LOGIN]` says who they are there.
    pub mention: Texts,
    /// Who answers to a mail go to: `list` (the default), or `author` where `[people.LOGIN]` has their `email`.
    #[schemars(extend("enum" = ["author", "list"]))]
    pub reply_to: Field<String>,
    /// The rules. Every rule that matches sends; their order means nothing.
    pub rule: Field<Vec<Field<RuleTable>>>,
    /// Webhooks to try the rules on. `microalign check` does.
    pub test: Field<Vec<Field<TestTable>>>,
}

/// A list of groups of conditions.
pub type Groups = Field<Vec<Field<ConditionTable>>>;

/// Defines the two tables that have conditions, so that each condition is described once: serde could flatten one
/// into the other only at the cost of the unknown keys' places.
macro_rules! tables_of_conditions {
    ($($(#[$doc:meta])+ $key:ident: $value:ty,)+) => {
        /// When the team wants to hear. All conditions must hold. A list holds when any entry does; an entry that
        /// starts with `!` excludes. `*` stands for any text, `?` for one character, `{a,b}` for either.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(deny_unknown_fields, extend("required" = ["name", "on"]))]
        pub struct RuleTable {
            /// The rule's name: letters, digits, `_`, `.` and `-`. No two rules of a team have the same.
            pub name: Field<String>,
            /// The events, such as `pull_request.merged` or `ticket.*`.
            #[schemars(schema_with = "kinds")]
            pub on: Texts,
            $($(#[$doc])+ pub $key: $value,)+
            /// Where updates go, instead of the team's `to`.
            pub to: Texts,
            /// How long an update waits for the dust to settle, instead of the team's `settle`.
            pub settle: Field<DurationText>,
            /// How long an update waits at most, instead of the team's `settle_max`.
            pub settle_max: Field<DurationText>,
            /// One update about the same subject in so long, instead of the team's `every`.
            pub every: Field<DurationText>,
            /// When the updates go as one message, instead of the team's `digest`.
            #[schemars(schema_with = "digest")]
            pub digest: Field<String>,
            /// How long nothing has to happen, such as `"5d"`: for `pull_request.stalled` and `ticket.quiet`.
            pub after: Field<DurationText>,
            /// How long there is to object to an assumption, such as `"3d"`: for `note.assumed`.
            pub object_by: Field<DurationText>,
            /// Whether members' own actions are news too, instead of the team's `own`.
            pub own: Field<bool>,
            /// Whether what bots say and open is news too, instead of the team's `bots`. A bot that `author` or `actor`
            /// names is always heard, and so is what is a fact: merged, released, deployed, failed, closed, done.
            pub bots: Field<bool>,
            /// Whether tickets with a security level are told in full. If left out, `false`: their key and link only.
            pub restricted: Field<bool>,
            /// The template of the messages, instead of the team's `template`.
            pub template: Field<String>,
            /// What the first messages of a conversation do there, instead of the team's `opened`.
            #[schemars(schema_with = "manner")]
            pub opened: Field<String>,
            /// What messages do while the work goes on, instead of the team's `updated`.
            #[schemars(schema_with = "manner")]
            pub updated: Field<String>,
            /// What messages do when the work is done, instead of the team's `merged`.
            #[schemars(schema_with = "manner")]
            pub merged: Field<String>,
            /// Whom chat messages call, instead of the team's `mention`.
            pub mention: Texts,
            /// Who answers to a mail go to, instead of the team's `reply_to`.
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
                ConditionTable { $($key: std::mem::take(&mut self.$key),)+ }
            }
        }
    };
}

tables_of_conditions! {
    /// The repository, as `OWNER/NAME`. `*` stays within the owner or the name.
    repo: Texts,
    /// Whether the repository is private.
    private: Field<bool>,
    /// The branch that the pull request goes into. `*` stops at `/`, `**` doesn't.
    base: Texts,
    /// The branch that the pull request comes from. `*` stops at `/`, `**` doesn't.
    head: Texts,
    /// Whether the pull request is a draft.
    draft: Field<bool>,
    /// The branch that was pushed to, made or deleted, that a workflow ran on, that was deployed, or that a release was
    /// made from. `*` stops at `/`, `**` doesn't. For pull requests there are `base` and `head`.
    branch: Texts,
    /// How many lines the pull request adds and deletes: `">500"`, `">=500"`, `"<50"`, `"<=50"` or `"100-500"`.
    size: Field<SizeText>,
    /// A file that is changed, such as `schemas/**`. One that no entry with `!` excludes is enough.
    paths: Texts,
    /// Whether a file is changed that the team owns, as its `owns` says.
    touches_owned: Field<bool>,
    /// A label of the pull request, issue or ticket.
    labels: Texts,
    /// Labels of the pull request, issue or ticket, where every entry must fit one.
    labels_all: Texts,
    /// The login of whoever opened the pull request or issue, or reported the ticket; else of whoever did it.
    author: Texts,
    /// The login of whoever did it: who merged, commented, deployed or moved the ticket. What a merge queue or CI does for
    /// somebody is that person's doing too.
    actor: Texts,
    /// A team whose `members` have that author: the `team` of any team file.
    author_team: Texts,
    /// The login of whoever the pull request, issue or ticket is assigned to.
    assignee: Texts,
    /// The login, or a team's slug, of whoever was asked for a review of the pull request that is not given yet.
    reviewer: Texts,
    /// The title, such as `*migration*`.
    title: Texts,
    /// A regular expression that something in the pull request's or issue's description fits, such as
    /// `(?i)breaking change`.
    body: Field<String>,
    /// The key of a ticket that the event belongs to, such as `DATA-*`.
    ticket: Texts,
    /// The type of the ticket, such as `Bug`. For this and the others of the ticket: the one that the event is about,
    /// else the first that it belongs to, as far as Jira's webhooks told of it.
    ticket_type: Texts,
    /// The status of the ticket, such as `In Review`.
    ticket_status: Texts,
    /// The priority of the ticket.
    ticket_priority: Texts,
    /// A label of the ticket.
    ticket_labels: Texts,
    /// A component of the ticket.
    component: Texts,
    /// A fix version of the ticket.
    fix_version: Texts,
    /// What became of the ticket, such as `Done` or `Won't Do`, or why the issue is closed: `completed`, `not_planned` or
    /// `duplicate`.
    resolution: Texts,
    /// Whether the release is a pre-release.
    prerelease: Field<bool>,
    /// The environment of the deployment.
    environment: Texts,
    /// The name of the workflow.
    workflow: Texts,
    /// Groups of conditions of which at least one must hold.
    any: Groups,
    /// Groups of conditions that must all hold.
    all: Groups,
    /// Conditions that must not all hold.
    not: Field<Box<ConditionTable>>,
}

impl Raw for RuleTable {}

/// A webhook, and which rules of the file it is for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["name", "payload", "expect"]))]
pub struct TestTable {
    /// The test's name: letters, digits, `_`, `.` and `-`.
    pub name: Field<String>,
    /// The file with the webhook's JSON, such as `tests/merged.json`. The path starts at this file's folder.
    pub payload: Field<String>,
    /// Who would have sent it: `github`, if left out, or `jira`.
    pub source: Field<String>,
    /// GitHub's name for the event (`X-GitHub-Event`), such as `pull_request`. Jira's payloads name it themselves.
    pub event: Field<String>,
    /// The rules that match it, all of them. `[]` for none.
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
