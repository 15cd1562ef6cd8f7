//! Why an update is sent, waits or isn't sent: a code for programs with its fields, and a sentence for people.
//!
//! The ledger keeps the code and the fields; the sentence is made when somebody reads it. No part of the program decides
//! anything by a sentence.

mod forget;
mod sentence;
#[cfg(test)]
mod tests;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::event::{EventKind, Undone};
use crate::mute::Mute;

/// A destination that a message didn't reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreached {
    /// Where it was to go
    pub destination: String,
    /// What went wrong
    pub error: String,
}

macro_rules! reasons {
    ($($variant:ident = $code:literal, $doc:literal $({ $($field:ident: $type:ty = $about:literal,)* })?;)*) => {
        /// Why a line of the ledger is in its state, or what came of it. [`std::fmt::Display`] says it as a sentence.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "code")]
        pub enum Reason {
            $(
                #[doc = $doc]
                #[serde(rename = $code)]
                $variant $({ $(#[doc = $about] $field: $type,)* })?,
            )*
        }

        /// Which reason it is, without its fields. Codes are stable: scripts and the store rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum Code {
            $(
                #[doc = $doc]
                #[serde(rename = $code)]
                $variant,
            )*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it is stored, and as it is in `--json` output.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// One line of documentation.
            #[must_use]
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }

        impl Reason {
            /// Its code.
            #[must_use]
            pub fn code(&self) -> Code {
                match self {
                    Self::Other { class: Some(class), .. } => *class,
                    $(Self::$variant { .. } => Code::$variant,)*
                }
            }
        }
    };
}

reasons! {
    // It waits.
    Settling = "settling", "It waits for more about the same (`settle`)" {
        seconds: u64 = "How long",
    };
    ToldRecently = "told_recently", "It waits, since the rule told of the same subject not long ago (`every`)" {
        until: DateTime = "Until when, in the team's time zone",
    };
    AwaitsDigest = "awaits_digest", "It waits for the digest" {
        until: DateTime = "Until when, in the team's time zone",
    };
    AwaitsOthers = "awaits_others", "It is one of many updates by one person, and goes with the others" {
        until: DateTime = "Until when, in the team's time zone",
    };
    QuietHours = "quiet_hours", "It waits for the end of quiet hours" {
        until: DateTime = "Until when, in the team's time zone",
    };
    OverBudget = "over_budget", "It waits, since the team's budget is spent" {
        budget: String = "The budget as the team wrote it",
        until: DateTime = "Until when, in the team's time zone",
    };
    Sending = "sending", "Its message is being sent";
    SendingAgain = "sending_again", "Its message is being sent again, since somebody asked for it";
    ToldWith = "told_with", "Another line's message tells it too" {
        line: String = "That line",
    };
    WrittenAnew = "written_anew", "Its message is written anew, since a part of it was taken back";

    // It was sent, or could not be.
    Sent = "sent", "The rule matched, and the message reached every destination" {
        with: Option<String> = "The line whose message told it, if that is another",
    };
    Undelivered = "undelivered", "At least one destination wasn't reached" {
        failed: Vec<Unreached> = "Those that weren't",
    };
    NotRendered = "not_rendered", "The message could not be written from its template" {
        error: String = "What is wrong",
    };
    Fault = "fault", "A fault of microalign's own" {
        detail: String = "What happened",
    };

    // It was replaced or taken back before it was sent.
    Superseded = "superseded", "A later update says more" {
        kind: EventKind = "The later one",
    };
    EditedByAuthor = "edited_by_author", "The author of a note edited it";
    TakenBack = "taken_back", "The author of a note took it back";
    WordsTakenBack = "words_taken_back", "The author of a comment took the words back";
    Forgotten = "forgotten", "The words of a note were removed with what is known of their author";
    UndoneBefore = "undone_before", "What it tells was deleted, restricted, dismissed or withdrawn before it was sent" {
        how: Undone = "What became of it",
    };
    UndoneByEvent = "undone_by_event", "A later event undid it before it was sent" {
        kind: EventKind = "The later event",
    };
    SilenceBroken = "silence_broken", "Something happened before the silence was told";

    // It no longer held when its time came.
    GoneByNow = "gone_by_now", "Its subject was deleted, restricted, dismissed or withdrawn by now" {
        how: Undone = "What became of it",
    };
    StateByNow = "state_by_now", "Its subject is in another state by now" {
        state: String = "That state",
    };
    RemovedByNow = "removed_by_now", "A label, assignment, request or version was taken back by now" {
        what: String = "What was taken back",
    };
    LabelBackByNow = "label_back_by_now", "The label that was removed is back by now" {
        label: String = "The label",
    };
    ChangedAgainByNow = "changed_again_by_now", "What was changed was changed again by now" {
        what: String = "What was changed",
    };
    ClearedByNow = "cleared_by_now", "What was changed has no value by now" {
        what: String = "What was changed",
    };
    FlagLoweredByNow = "flag_lowered_by_now", "The flag was lowered by now";
    ReassignedByNow = "reassigned_by_now", "The ticket was given to somebody else by now";
    ReviewDismissedByNow = "review_dismissed_by_now", "The review was dismissed by now";
    ReviewedAgainByNow = "reviewed_again_by_now", "The same reviewer has reviewed it again by now" {
        by: String = "The reviewer",
    };
    CommitsByNow = "commits_by_now", "There are other commits by now than those that were approved";
    PublishedAgainByNow = "published_again_by_now", "The release was published once more by now";
    FullReleaseByNow = "full_release_by_now", "The pre-release is a full release by now";
    PrereleaseByNow = "prerelease_by_now", "The release is a pre-release again by now";
    FailedByNow = "failed_by_now", "The deployment has failed by now";
    LaterDeployment = "later_deployment", "There is a later deployment to the same environment";
    NoLongerMatches = "no_longer_matches", "The rule doesn't match any more" {
        detail: String = "The condition that fails",
    };
    RuleRemoved = "rule_removed", "The team doesn't have the rule any more" {
        team: String = "The team",
        rule: String = "The rule",
    };

    // The event came too late to be news.
    LateGone = "late_gone", "It came late: its subject was deleted, restricted, dismissed or withdrawn since" {
        how: Undone = "What became of it",
    };
    LateState = "late_state", "It came late: its subject is in another state since" {
        subject: String = "The subject",
        state: String = "Its state",
    };
    LateFailed = "late_failed", "It came late: the deployment has failed since";
    LateEdited = "late_edited", "It came late: the note's author has edited it since";

    // It isn't news.
    ToldBefore = "told_before", "The team was told of this milestone before" {
        team: String = "The team",
        kind: EventKind = "The milestone",
    };
    ToldByRule = "told_by_rule", "Another rule told the team of it before" {
        team: String = "The team",
        rule: String = "That rule",
    };
    ToldAlready = "told_already", "Another delivery told of the same occurrence" {
        delivery: Option<String> = "That delivery, if it is known",
        two_webhooks: bool = "Whether two webhooks deliver it, of which one would do",
    };
    DraftNotToldYet = "draft_not_told_yet", "That the draft is up is still to be told";
    NotToldYet = "not_told_yet", "It undoes something of which the team was not told yet" {
        team: String = "The team",
        kind: EventKind = "What it undoes",
    };
    FailureNotTold = "failure_not_told", "The team was not told that the workflow failed" {
        team: String = "The team",
    };
    FailureNotKnown = "failure_not_known", "The workflow was not known to have failed";
    OwnDoing = "own_doing", "The team's own members did it" {
        who: String = "Who did it",
        several: bool = "Whether it was more than one person",
        team: String = "The team",
    };
    BotDoing = "bot_doing", "A bot did it, or opened what it is about" {
        who: String = "The bot",
        author: bool = "Whether it is the author of the pull request, and not who acted",
    };
    BotBranch = "bot_branch", "It is about the branch of a dependency bot" {
        branch: String = "The branch",
    };
    NotAddressed = "not_addressed", "The note is for other teams" {
        to: Vec<String> = "Those teams",
        team: String = "The team that it isn't for",
    };
    NobodyWaits = "nobody_waits", "No other team was told of the ticket, so nobody waits for it";
    NobodyToNudge = "nobody_to_nudge", "The ticket has no assignee who could be nudged" {
        ticket: String = "The ticket",
    };
    NotTheirs = "not_theirs", "The ticket's assignee is not a member of the team" {
        assignee: String = "The assignee",
        team: String = "The team",
    };
    UndoesOther = "undoes_other", "The event takes something back, or only says how its subject is now" {
        detail: String = "What it does",
    };

    // No rule, or no place, is for it.
    NoRule = "no_rule", "No rule matched" {
        unknown: Option<String> = "What was not known, if a rule might have matched",
    };
    OtherEvent = "other_event", "The rule is about other events" {
        kind: EventKind = "The event",
        wanted: String = "What the rule asks for",
    };
    ConditionFailed = "condition_failed", "A condition of the rule doesn't hold" {
        detail: String = "Which one, and why",
    };
    ConditionUnknown = "condition_unknown", "Something that a condition of the rule asks for is not known" {
        detail: String = "What is not known",
    };
    TicketUnknown = "ticket_unknown", "It names its ticket by a number of Jira's that is not known yet" {
        number: String = "The number",
    };
    NoPage = "no_page", "There is no page to comment on";
    Withheld = "withheld", "The ticket has a security level, and the team's readers are outside";
    Muted = "muted", "Somebody muted it everywhere" {
        by: Vec<Mute> = "The mutes",
    };
    NothingMoved = "nothing_moved", "There is nothing to sum up";
    SummaryLate = "summary_late", "The service didn't run when the summary was due: what it would have told is in the next one" {
        due: DateTime = "When it was due, in the team's time zone",
    };

    // Nothing can be done with the delivery.
    NotAskedFor = "not_asked_for", "Rules can't ask for this kind of event" {
        what: String = "The event",
    };
    OwnComment = "own_comment", "It is a comment by microalign";
    Ping = "ping", "GitHub says that it is connected";
    MergeQueue = "merge_queue", "It is about a temporary branch of a merge queue" {
        detail: String = "In which way",
    };
    NotNews = "not_news", "The delivery says nothing that could be told" {
        detail: String = "Why",
    };
    FieldMissing = "field_missing", "The payload lacks a field that is needed" {
        field: String = "The field",
    };
    NotAPayload = "not_a_payload", "The body is not a webhook's JSON object" {
        error: String = "What is wrong with it",
    };
    ParserFailed = "parser_failed", "The parser failed on the payload: a fault of microalign's own";

    // What came of an assumption.
    Objected = "objected", "Somebody objected" {
        by: String = "Who, as they say; empty if they don't",
        through: String = "By link, mail or Slack",
        at: DateTime = "When, in the team's time zone",
    };
    Answered = "answered", "A member of the team answered in the conversation" {
        name: String = "Who",
        place: String = "Where",
        until: DateTime = "Until when the team could object",
    };
    Agreed = "agreed", "Nobody objected in time" {
        until: DateTime = "Until when the team could object",
    };
    ChangedBeforeAgreed = "changed_before_agreed", "The author changed the assumption before it was agreed";
    NotAgreed = "not_agreed", "The message did not arrive in time, so nobody agreed";
    TellsObjection = "tells_objection", "It tells the author of an assumption that somebody objected" {
        by: String = "Who objected",
    };
    TellsAgreement = "tells_agreement", "It tells the author of an assumption that nobody objected" {
        teams: Vec<String> = "The teams",
    };

    // What came of an answer to a message.
    CarriesAnswer = "carries_answer", "It carries what somebody answered to the page that the message is about" {
        by: String = "Who, as they say; empty if they don't",
    };
    AnswerOutside = "answer_outside", "Somebody from outside answered, and the team doesn't carry that (`answers_outside`)" {
        by: String = "Who, as they say; empty if they don't",
    };
    AnswerRestricted = "answer_restricted", "The ticket has a security level, so answers about it aren't carried to a pull request";
    AnswersOff = "answers_off", "The team doesn't carry answers any more (`answers`)";
    AnswerNowhere = "answer_nowhere", "There is no page to carry the answer to";

    // From before there were codes.
    Other = "other", "A sentence from before reasons had codes" {
        class: Option<Code> = "The code that it would have today, if that is known",
        sentence: String = "The sentence",
    };
}

impl Code {
    /// Whether it says that something no longer held when its time came.
    #[must_use]
    pub fn is_changed(self) -> bool {
        use Code as C;
        matches!(
            self,
            C::GoneByNow
                | C::StateByNow
                | C::RemovedByNow
                | C::LabelBackByNow
                | C::ChangedAgainByNow
                | C::ClearedByNow
                | C::FlagLoweredByNow
                | C::ReassignedByNow
                | C::ReviewDismissedByNow
                | C::ReviewedAgainByNow
                | C::CommitsByNow
                | C::PublishedAgainByNow
                | C::FullReleaseByNow
                | C::PrereleaseByNow
                | C::FailedByNow
                | C::LaterDeployment
                | C::NoLongerMatches
                | C::RuleRemoved
        )
    }

    /// Whether it says that the event came too late.
    #[must_use]
    pub fn is_late(self) -> bool {
        matches!(self, Self::LateGone | Self::LateState | Self::LateFailed | Self::LateEdited)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|code| code.as_str() == text);
        found.copied().ok_or_else(|| format!("`{text}` isn't the code of a reason"))
    }
}
