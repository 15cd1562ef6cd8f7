#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use super::*;
use crate::mute::{By, Scope};

/// One of each, in the order of [`Code::ALL`].
fn all() -> Vec<Reason> {
    let text = str::to_owned;
    let until: DateTime = "2026-11-20T14:05:00".parse().unwrap();
    let (team, rule) = (text("web"), text("merged"));
    let mute = Mute {
        scope: Scope { team: Some(team.clone()), thread: Some(text("DATA-123")), ..Scope::default() },
        until: None,
        at: "2026-11-24T14:05:00Z".parse().unwrap(),
        by: By::Link,
        who: None,
    };
    let failed = Unreached { destination: text("mailbox"), error: text("the disk is full") };
    vec![
        Reason::Settling { seconds: 60 },
        Reason::ToldRecently { until },
        Reason::AwaitsDigest { until },
        Reason::AwaitsOthers { until },
        Reason::QuietHours { until },
        Reason::OverBudget { budget: text("20/day"), until },
        Reason::Sending,
        Reason::SendingAgain,
        Reason::ToldWith { line: text("41.2") },
        Reason::WrittenAnew,
        Reason::Sent { with: Some(text("41.2")) },
        Reason::Undelivered { failed: vec![failed] },
        Reason::NotRendered { error: text("template `merged`: the output is too long") },
        Reason::Fault { detail: text("the planner failed") },
        Reason::Superseded { kind: EventKind::PullRequestMerged },
        Reason::EditedByAuthor,
        Reason::TakenBack,
        Reason::WordsTakenBack,
        Reason::Forgotten,
        Reason::UndoneBefore { how: Undone::Deleted },
        Reason::UndoneByEvent { kind: EventKind::IssueReopened },
        Reason::SilenceBroken,
        Reason::GoneByNow { how: Undone::Restricted },
        Reason::StateByNow { state: text("merged") },
        Reason::RemovedByNow { what: text("the label bug") },
        Reason::LabelBackByNow { label: text("bug") },
        Reason::ChangedAgainByNow { what: text("title") },
        Reason::ClearedByNow { what: text("due date") },
        Reason::FlagLoweredByNow,
        Reason::ReassignedByNow,
        Reason::ReviewDismissedByNow,
        Reason::ReviewedAgainByNow { by: text("Bo Li") },
        Reason::CommitsByNow,
        Reason::PublishedAgainByNow,
        Reason::FullReleaseByNow,
        Reason::PrereleaseByNow,
        Reason::FailedByNow,
        Reason::LaterDeployment,
        Reason::NoLongerMatches { detail: text("base is `dev`, not main") },
        Reason::RuleRemoved { team: team.clone(), rule: rule.clone() },
        Reason::LateGone { how: Undone::Deleted },
        Reason::LateState { subject: text("acme/ingest#7"), state: text("merged") },
        Reason::LateFailed,
        Reason::LateEdited,
        Reason::ToldBefore { team: team.clone(), kind: EventKind::PullRequestOpened },
        Reason::ToldByRule { team: team.clone(), rule },
        Reason::ToldAlready { delivery: Some(text("j-1")), two_webhooks: true },
        Reason::DraftNotToldYet,
        Reason::NotToldYet { team: team.clone(), kind: EventKind::IssueClosed },
        Reason::FailureNotTold { team: team.clone() },
        Reason::FailureNotKnown,
        Reason::OwnDoing { who: text("Ana, Bo"), several: true, team: team.clone() },
        Reason::BotDoing { who: text("renovate[bot]"), author: false },
        Reason::BotBranch { branch: text("renovate/lodash") },
        Reason::NotAddressed { to: vec![text("ops"), text("data")], team: team.clone() },
        Reason::NobodyWaits,
        Reason::NobodyToNudge { ticket: text("DATA-123") },
        Reason::NotTheirs { assignee: text("Bo Li"), team: team.clone() },
        Reason::UndoesOther { detail: text("the comment was deleted") },
        Reason::NoRule { unknown: Some(text("not all files are known")) },
        Reason::OtherEvent { kind: EventKind::Push, wanted: text("pull_request.merged") },
        Reason::ConditionFailed { detail: text("base is `dev`, not main") },
        Reason::ConditionUnknown { detail: text("not all files are known") },
        Reason::TicketUnknown { number: text("10013") },
        Reason::NoPage,
        Reason::Withheld,
        Reason::Muted { by: vec![mute.clone(), mute] },
        Reason::NothingMoved,
        Reason::SummaryLate { due: until },
        Reason::NotAskedFor { what: text("`worklog_created`") },
        Reason::OwnComment,
        Reason::Ping,
        Reason::MergeQueue { detail: text("it is a branch on which a merge queue tries pull requests") },
        Reason::NotNews { detail: text("a release is told when it is published") },
        Reason::FieldMissing { field: text("issue") },
        Reason::NotAPayload { error: text("expected value at line 1 column 1") },
        Reason::ParserFailed,
        Reason::Objected { by: String::new(), through: text("link"), at: until },
        Reason::Answered { name: text("Bo Li"), place: text("https://github.com/acme/ingest/pull/7"), until },
        Reason::Agreed { until },
        Reason::ChangedBeforeAgreed,
        Reason::NotAgreed,
        Reason::TellsObjection { by: text("Bo Li") },
        Reason::TellsAgreement { teams: vec![team] },
        Reason::CarriesAnswer { by: text("Bo Li") },
        Reason::AnswerOutside { by: text("Bo Li") },
        Reason::AnswerRestricted,
        Reason::AnswersOff,
        Reason::AnswerNowhere,
        Reason::Other { class: None, sentence: text("it was so") },
    ]
}

#[test]
fn every_reason_has_a_code_of_its_own_and_is_a_sentence() {
    let codes = all().iter().map(Reason::code).collect::<Vec<_>>();
    assert_eq!(codes, Code::ALL, "one of each, in this order");
    assert_eq!(codes.iter().map(|code| code.as_str()).collect::<BTreeSet<_>>().len(), codes.len());
    let plain = |code: &str| code.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_');
    assert!(codes.iter().all(|code| plain(code.as_str()) && code.as_str().parse() == Ok(*code)));
    let said = all().iter().map(|reason| format!("{}: {reason}", reason.code())).collect::<Vec<_>>();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn what_is_stored_is_read_as_it_was() {
    for reason in all() {
        let stored = serde_json::to_value(&reason).unwrap();
        assert_eq!(stored["code"], reason.code().as_str());
        assert_eq!(serde_json::from_value::<Reason>(stored).unwrap(), reason);
    }
}

#[test]
fn a_sentence_from_before_has_the_code_that_it_would_have_today() {
    let former = Reason::Other { class: Some(Code::TakenBack), sentence: "its author took it back".to_owned() };
    assert_eq!((former.code(), former.to_string()), (Code::TakenBack, Reason::TakenBack.to_string()));
}
