//! What becomes of messages when a place has changed: for every channel and every change, what its server says then, or why
//! it says nothing.

use super::*;
use crate::destination::Manner;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Archived,
    /// Deleted, or renamed where a name is what it is known by
    Missing,
    /// We may not write there
    NotAMember,
    /// Replaced by another
    Upgraded,
    /// The conversation's first message was deleted
    RootDeleted,
    /// The webhook was removed, or the token is good no more
    Revoked,
}

use Change::{Archived, Missing, NotAMember, Revoked, RootDeleted, Upgraded};

const CHANGES: [Change; 6] = [Archived, Missing, NotAMember, Upgraded, RootDeleted, Revoked];

enum Cell {
    /// A message, in the conversation that began with this, gets these answers
    Says(Option<&'static str>, &'static [(u16, &'static str)]),
    /// There is no answer by which it could be told
    Silent(&'static str),
}

use Cell::{Says, Silent};

const NO_THREADS: Cell = Silent("a webhook has no threads");
const NOT_UPGRADED: Cell = Silent("its places keep their ids");
const IN_RUN_HISTORY: Cell = Silent("the workflow says 202, and its run history alone shows that it failed");
const FORBIDDEN: (u16, &str) = (403, r#"{"errcode":"M_FORBIDDEN","error":"User not in room"}"#);

fn slack(change: Change) -> Cell {
    match change {
        Archived => Says(None, &[(200, r#"{"ok":false,"error":"is_archived"}"#)]),
        Missing => Says(None, &[(200, r#"{"ok":false,"error":"channel_not_found"}"#)]),
        NotAMember => Says(None, &[(200, r#"{"ok":false,"error":"not_in_channel"}"#)]),
        Upgraded => NOT_UPGRADED,
        RootDeleted => {
            Says(Some("C1/1.1"), &[(200, r#"{"ok":true,"channel":"C1","ts":"2.2","message":{"text":"x","ts":"2.2"}}"#)])
        }
        Revoked => Says(None, &[(200, r#"{"ok":false,"error":"token_revoked"}"#)]),
    }
}

fn slack_webhook(change: Change) -> Cell {
    match change {
        Archived => Says(None, &[(410, "channel_is_archived")]),
        Missing => Says(None, &[(404, "channel_not_found")]),
        NotAMember => Says(None, &[(403, "action_prohibited")]),
        Upgraded => NOT_UPGRADED,
        RootDeleted => NO_THREADS,
        Revoked => Says(None, &[(404, "no_service")]),
    }
}

fn teams(change: Change) -> Cell {
    match change {
        Archived | Missing | NotAMember => IN_RUN_HISTORY,
        Upgraded => NOT_UPGRADED,
        RootDeleted => NO_THREADS,
        Revoked => Says(None, &[(404, r#"{"error":{"code":"WorkflowNotFound","message":"The workflow ..."}}"#)]),
    }
}

/// Discord takes a channel's webhooks away with it, so that what is missing is a thread.
fn discord(change: Change) -> Cell {
    match change {
        Archived => Silent("a message brings an archived thread back, and a channel is never archived"),
        Missing => Says(None, &[(404, r#"{"code":10003,"message":"Unknown Channel"}"#)]),
        NotAMember => Says(None, &[(403, r#"{"code":50013,"message":"Missing Permissions"}"#)]),
        Upgraded => NOT_UPGRADED,
        RootDeleted => Says(
            Some("900/1100"),
            &[(404, r#"{"code":10003,"message":"Unknown Channel"}"#), (200, r#"{"id":"1200","channel_id":"901"}"#)],
        ),
        Revoked => Says(None, &[(404, r#"{"code":10015,"message":"Unknown Webhook"}"#)]),
    }
}

fn google_chat(change: Change) -> Cell {
    match change {
        Archived => Silent("no space is archived"),
        Missing => Says(None, &[(404, r#"{"error":{"status":"NOT_FOUND"}}"#)]),
        NotAMember => Says(None, &[(403, r#"{"error":{"status":"PERMISSION_DENIED"}}"#)]),
        Upgraded => NOT_UPGRADED,
        RootDeleted => Says(
            Some("spaces/AAA/threads/1"),
            &[(200, r#"{"name":"spaces/AAA/messages/2.2","thread":{"name":"spaces/AAA/threads/2"}}"#)],
        ),
        Revoked => Says(None, &[(401, r#"{"error":{"status":"UNAUTHENTICATED"}}"#)]),
    }
}

fn mattermost(change: Change) -> Cell {
    match change {
        Archived => Says(None, &[(200, r#"{"id":"ch1","delete_at":1764000000000}"#)]),
        Missing => Says(None, &[(404, r#"{"id":"app.channel.get_by_name.missing.app_error"}"#)]),
        NotAMember => Says(
            None,
            &[(200, r#"{"id":"ch1"}"#), (403, r#"{"id":"api.context.permissions.app_error","message":"x"}"#)],
        ),
        Upgraded => NOT_UPGRADED,
        RootDeleted => Says(
            Some("ch1/p1"),
            &[
                (400, r#"{"id":"api.post.create_post.root_id.app_error","message":"x"}"#),
                (200, r#"{"id":"ch1","delete_at":0}"#),
                (201, r#"{"id":"p2","channel_id":"ch1","root_id":""}"#),
            ],
        ),
        Revoked => Says(None, &[(401, r#"{"id":"api.context.session_expired.app_error"}"#)]),
    }
}

fn mattermost_webhook(change: Change) -> Cell {
    match change {
        Archived => Says(None, &[(400, r#"{"id":"api.post.create_post.can_not_post_to_deleted.error"}"#)]),
        Missing => Says(None, &[(404, r#"{"id":"web.incoming_webhook.channel.app_error"}"#)]),
        NotAMember => Says(None, &[(403, r#"{"id":"web.incoming_webhook.permissions.app_error"}"#)]),
        Upgraded => NOT_UPGRADED,
        RootDeleted => NO_THREADS,
        Revoked => Says(None, &[(400, r#"{"id":"web.incoming_webhook.invalid.app_error"}"#)]),
    }
}

fn matrix(change: Change) -> Cell {
    match change {
        Archived => Silent("no room is archived: what is closed is upgraded, or left by all"),
        Missing => Says(None, &[FORBIDDEN, FORBIDDEN, (404, r#"{"errcode":"M_UNKNOWN","error":"No known servers"}"#)]),
        NotAMember => Says(None, &[FORBIDDEN; 4]),
        Upgraded => Says(None, &[(200, r#"{"body":"x","replacement_room":"!new:example.com"}"#)]),
        RootDeleted => Says(
            Some("$root"),
            &[NO_TOMBSTONE, (200, r#"{"type":"m.room.message","content":{}}"#), (200, r#"{"event_id":"$new"}"#)],
        ),
        Revoked => Says(None, &[(401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#); 2]),
    }
}

fn zulip(change: Change) -> Cell {
    match change {
        Archived | NotAMember => Says(
            None,
            &[(400, r#"{"result":"error","code":"BAD_REQUEST","msg":"Not authorized to send to channel 'data'"}"#)],
        ),
        Missing => Says(None, &[(400, r#"{"result":"error","code":"STREAM_DOES_NOT_EXIST","msg":"x"}"#)]),
        Upgraded => NOT_UPGRADED,
        RootDeleted => Silent("the topic is the conversation, and goes on"),
        Revoked => Says(None, &[(401, r#"{"result":"error","code":"INVALID_API_KEY","msg":"Invalid API key"}"#)]),
    }
}

fn rocket_chat(change: Change) -> Cell {
    match change {
        Archived => Says(None, &[(400, r#"{"success":false,"error":"room_is_archived"}"#)]),
        Missing => Says(None, &[(400, r#"{"success":false,"error":"x","errorType":"invalid-channel"}"#)]),
        NotAMember => Says(None, &[(400, r#"{"success":false,"error":"x","errorType":"error-not-allowed"}"#)]),
        Upgraded => NOT_UPGRADED,
        RootDeleted => Says(
            Some("r1/m1"),
            &[(400, r#"{"success":false}"#), (200, r#"{"success":true,"message":{"_id":"m2","rid":"r1"}}"#)],
        ),
        Revoked => Says(None, &[(401, r#"{"status":"error","message":"You must be logged in to do this."}"#)]),
    }
}

fn github(change: Change) -> Cell {
    match change {
        Archived => Says(None, &[(403, r#"{"message":"Repository was archived so is read-only."}"#)]),
        Missing => Says(None, &[(404, r#"{"message":"Not Found"}"#)]),
        NotAMember => Says(None, &[(403, r#"{"message":"Resource not accessible by personal access token"}"#)]),
        Upgraded => Says(None, &[(301, r#"{"message":"Moved Permanently"}"#)]),
        RootDeleted => Says(Some("1"), &[(404, r#"{"message":"Not Found"}"#), (201, r#"{"id":2}"#)]),
        Revoked => Says(None, &[(401, r#"{"message":"Bad credentials"}"#)]),
    }
}

fn jira(change: Change) -> Cell {
    match change {
        Archived => Says(None, &[(400, r#"{"errorMessages":["The project is archived."]}"#)]),
        Missing => Says(None, &[(404, r#"{"errorMessages":["Issue does not exist"]}"#)]),
        NotAMember => Says(None, &[(403, r#"{"errorMessages":[]}"#)]),
        Upgraded => Silent("Jira finds a ticket that moved by its old key"),
        RootDeleted => {
            Says(Some("1"), &[(404, r#"{"errorMessages":["Can not find a comment"]}"#), (201, r#"{"id":"2"}"#)])
        }
        Revoked => Says(None, &[(401, "")]),
    }
}

fn webhook(change: Change) -> Cell {
    match change {
        Archived | Missing | NotAMember | Upgraded => Silent("what is behind the webhook is not known"),
        RootDeleted => NO_THREADS,
        Revoked => Says(None, &[(410, "gone")]),
    }
}

/// What the server says there. Mail isn't sent to a place, and the mailbox is a folder.
fn cell(to: &Destination, change: Change) -> Cell {
    match to.channel() {
        "slack" => slack(change),
        "slack-webhook" => slack_webhook(change),
        "teams" => teams(change),
        "discord" => discord(change),
        "google-chat" => google_chat(change),
        "mattermost" => mattermost(change),
        "mattermost-webhook" => mattermost_webhook(change),
        "matrix" => matrix(change),
        "zulip" => zulip(change),
        "rocket-chat" => rocket_chat(change),
        "github" => github(change),
        "jira" => jira(change),
        "webhook" => webhook(change),
        channel => panic!("nobody says what becomes of {channel}"),
    }
}

const PLACES: [&str; 13] = [
    "slack:#data",
    "slack-webhook:ops",
    "teams:web",
    "discord:forum",
    "google-chat:web",
    "mattermost:acme/data",
    "mattermost-webhook:ops",
    "matrix:!abc:example.com",
    "zulip:data",
    "rocket-chat:#data",
    "github",
    "jira",
    "webhook:hub",
];

#[tokio::test]
async fn what_becomes_of_messages_where_a_place_changed() {
    let of = |to: &str| destination(to).channel().to_owned();
    let places = PLACES.map(of);
    assert!(CHANNELS.iter().all(|spec| places.iter().any(|place| place == spec.name)), "a channel is missing here");
    let mut page = String::new();
    for to in PLACES {
        for change in CHANGES {
            let said = match cell(&destination(to), change) {
                Silent(why) => format!("no sign: {why}"),
                Says(root, answers) => {
                    let outcome = became(to, root, answers).await;
                    let expected = match change {
                        RootDeleted => outcome.starts_with("Sent anew "),
                        // A token that somebody has to renew is waited for.
                        Revoked => outcome.starts_with("Permanent") || outcome.starts_with("Transient"),
                        _ => outcome.starts_with("Permanent"),
                    };
                    assert!(expected, "{to} {change:?}: {outcome}");
                    // Where, and what to do, is not left out at the end of a long line.
                    assert!(!outcome.ends_with('…') && !outcome.contains("hunter2"), "{outcome}");
                    outcome
                }
            };
            page += &format!("{to} {change:?}: {said}\n");
        }
    }
    insta::assert_snapshot!("places", page);
}

async fn became(to: &str, root: Option<&str>, answers: &[(u16, &str)]) -> String {
    let comment = matches!(to, "github" | "jira");
    let manner = if comment { Manner::Edit } else { Manner::Reply };
    let thread = if to == "github" { "acme/ingest-api#45" } else { "DATA-123" };
    let message = Message { manner, ..message(EventKind::PullRequestMerged) };
    let (requests, outcome) = asked(to, &Post { root, thread, ..post(&message) }, answers).await;
    assert_eq!(requests.len(), answers.len(), "{to}: {outcome}");
    match to {
        // Its words are those of `jira_outcomes`.
        "jira" => outcome.split(": ").next().map(str::to_owned).unwrap_or_default(),
        _ => outcome,
    }
}
