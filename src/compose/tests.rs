//! What messages may say to whom, whatever their templates ask for.

#![expect(clippy::unwrap_used, reason = "tests")]

use tempfile::TempDir;

use super::*;
use crate::config;
use crate::event::{Change, Note};
use crate::template::fixture;

const SECRET: &str = "hunter2";

struct Book {
    rulebook: Rulebook,
    _folder: TempDir,
}

/// A rulebook with a team of one rule, and the template `mine`: some words of its writer's own, and every name.
fn book(team: &str, rule: &str) -> Book {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    let config = "[github]\nsecrets = [\"sixteen-letters-or-more\"]\n[jira]\nsecrets = [\"sixteen-letters-or-more\"]\nbase_url = \"https://jira.example\"\n";
    file("microalign.toml", config);
    file(
        "rules/web.toml",
        &format!("team = \"web\"\nto = [\"mailbox\"]\n{team}\n[[rule]]\nname = \"all\"\non = [\"*\"]\n{rule}\n"),
    );
    let mine = format!(
        "+++\nsubject = \"{{{{thread.label}}}} {{{{pr.title}}}}{{{{thing.title}}}}\"\n+++\nOnce a week. {}",
        fixture::every_name()
    );
    file("templates/mine.hbs", &mine);
    file("templates/names.hbs", "{{pr.title}}{{ticket.summary}}");
    let config = config::load(&folder.path().join("microalign.toml"), &|_| None).unwrap();
    let rulebook = Rulebook::load(&config, None);
    let rulebook = Rulebook { rules: rules(&rulebook.files, &rulebook.members, &rulebook.subscribed), ..rulebook };
    assert_eq!(rulebook.problems(), []);
    Book { rulebook, _folder: folder }
}

impl Book {
    fn message(&self, event: &Event, ticket: Option<&Ticket>) -> Result<Message, RenderError> {
        self.with(event, ticket, false)
    }

    fn with(&self, event: &Event, ticket: Option<&Ticket>, restricted: bool) -> Result<Message, RenderError> {
        let (_, team) = self.rulebook.files().next().unwrap();
        let rule = Rule { restricted, ..team.rules[0].clone() };
        self.rulebook.compose(&Telling { event, ticket, team, rule: &rule, line: Some("1.1"), now: event.at })
    }
}

fn said(message: &Message) -> String {
    serde_json::to_string(message).unwrap() + &message.text()
}

fn on_github(kind: EventKind) -> Event {
    Event { private: Some(true), ..fixture::told(kind, SECRET) }
}

fn is_jira(kind: EventKind) -> bool {
    fixture::event(kind).source == crate::event::Source::Jira
}

fn restricted(value: &str) -> Ticket {
    let mut event = fixture::told(EventKind::TicketUpdated, value);
    match &mut event.about {
        About::Ticket(ticket) => {
            Ticket { restricted: Some(true), resolution: Some(value.to_owned()), ..ticket.clone() }
        }
        _ => unreachable!(),
    }
}

/// An event on a restricted ticket, in which every word is secret.
fn own(kind: EventKind) -> Event {
    let change =
        Change { field: SECRET.to_owned(), from: Some(SECRET.to_owned()), to: Some(SECRET.to_owned()), name: None };
    Event {
        source: crate::event::Source::Jira,
        scope: "DATA".to_owned(),
        subject: "DATA-123".into(),
        about: About::Ticket(restricted(SECRET)),
        tickets: vec!["DATA-123".parse().unwrap()],
        change: Some(change),
        url: Some("https://jira.example/browse/DATA-123?focusedCommentId=7".to_owned()),
        ..fixture::told(kind, SECRET)
    }
}

fn own_kinds() -> impl Iterator<Item = EventKind> {
    EventKind::ALL.iter().copied().filter(|kind| kind.is_note() || kind.as_str().starts_with("ticket."))
}

#[test]
fn readers_outside_see_the_writers_words_and_no_name() {
    let book = book("audience = \"outside\"", "template = \"mine\"");
    for kind in EventKind::ALL.iter().copied().filter(|kind| !is_jira(*kind)) {
        let message = book.message(&on_github(kind), Some(&restricted(SECRET))).unwrap();
        assert!(message.text().starts_with("Once a week."), "{kind}: {}", message.text());
        assert!(message.private && !said(&message).contains(SECRET), "{kind}: {}", said(&message));
        assert!(!said(&message).contains("DATA-123"), "{kind}: {}", said(&message));
    }
}

#[test]
fn a_template_of_names_alone_or_a_built_in_says_nothing_outside() {
    let plain = book("audience = \"outside\"", "").message(&on_github(EventKind::PullRequestMerged), None).unwrap();
    let expected = "A PR was merged (https://github.example/acme/ingest/pull/45) in a private repository.";
    assert!(plain.text().starts_with(expected), "{}", plain.text());
    for template in ["names", "heads-up", "merged"] {
        let book = book("audience = \"outside\"", &format!("template = \"{template}\""));
        assert_eq!(book.message(&on_github(EventKind::PullRequestMerged), None).unwrap(), plain, "{template}");
    }
}

#[test]
fn a_note_to_readers_outside_has_its_words_and_no_name() {
    let book = book("audience = \"outside\"", "");
    let note = |to: &[&str]| {
        let mut event = on_github(EventKind::NoteHeadsUp);
        let to = to.iter().map(|to| (*to).to_owned()).collect();
        event.note = event.note.map(|note| Note { text: "The API moves on Friday.".to_owned(), to, ..note });
        book.message(&event, None).unwrap()
    };
    for to in [&["Web"][..], &["data", "web"], &["@web"]] {
        let message = note(to);
        assert!(message.text().contains("> The API moves on Friday."), "{}", message.text());
        assert!(!said(&message).contains(SECRET), "{}", said(&message));
    }
    for to in [&[][..], &["data"], &["webs"]] {
        assert!(!said(&note(to)).contains("Friday"), "{to:?}");
    }
}

#[test]
fn of_a_restricted_ticket_only_the_key_is_said() {
    for template in ["", "template = \"mine\"", "template = \"ticket-done\""] {
        let book = book("reply_to = \"author\"", template);
        let mut before = None;
        for kind in own_kinds() {
            let message = book.message(&own(kind), None).unwrap();
            assert!(!said(&message).contains(SECRET), "{kind}: {}", said(&message));
            let expected = "There's news on DATA-123 (https://jira.example/browse/DATA-123). It's restricted, so see the ticket \
                            for details.\n\nweb gets this because of its rule “all”.\n";
            assert_eq!((message.subject.as_str(), message.text().as_str()), ("DATA-123", expected), "{kind}");
            // Nothing tells one kind from another.
            let told = Message { manner: crate::destination::Manner::default(), ..message };
            assert_eq!(*before.get_or_insert_with(|| told.clone()), told, "{kind}");
        }
    }
}

#[test]
fn what_belongs_to_a_restricted_ticket_says_its_key_alone() {
    for template in ["", "template = \"mine\"", "template = \"heads-up\""] {
        let book = book("", template);
        for kind in EventKind::ALL.iter().copied().filter(|kind| !kind.as_str().starts_with("ticket.")) {
            let event =
                Event { tickets: vec!["DATA-123".parse().unwrap()], private: Some(false), ..fixture::event(kind) };
            let message = book.message(&event, Some(&restricted(SECRET))).unwrap();
            assert!(!said(&message).contains(SECRET), "{kind}: {}", said(&message));
            assert!(message.own_subject, "{kind}");
            if template.is_empty() {
                assert_eq!(message.subject, "DATA-123", "{kind}");
            }
        }
    }
}

#[test]
fn a_rule_may_ask_for_the_words() {
    let book = book("", "");
    for kind in own_kinds().filter(|kind| !kind.is_note()) {
        let message = book.with(&own(kind), None, true).unwrap();
        assert!(said(&message).contains(SECRET), "{kind}: {}", said(&message));
        assert!(!message.restricted);
    }
    let event = Event { private: Some(false), ..fixture::event(EventKind::PullRequestDraft) };
    assert!(book.with(&event, Some(&restricted(SECRET)), true).unwrap().subject.contains(SECRET));
}

#[test]
fn readers_outside_hear_nothing_of_a_restricted_ticket() {
    let outside = book("audience = \"outside\"", "template = \"mine\"");
    for kind in own_kinds() {
        for asks in [false, true] {
            assert!(matches!(outside.with(&own(kind), None, asks), Err(RenderError::Withheld(_))), "{kind}");
        }
    }
    // Whoever knew it when the payload left the level out.
    let mut unsure = own(EventKind::TicketCommented);
    if let About::Ticket(ticket) = &mut unsure.about {
        ticket.restricted = None;
    }
    assert!(matches!(outside.message(&unsure, Some(&restricted(SECRET))), Err(RenderError::Withheld(_))));
    let open = fixture::event(EventKind::TicketDone);
    assert!(outside.message(&open, None).is_ok());
}

/// A rulebook whose built-in template `name` is replaced by one with every name in it.
fn replaced(team: &str, rule: &str, name: &str) -> Book {
    let Book { mut rulebook, _folder } = book(team, rule);
    let mine = rulebook.sources["mine"].clone();
    let (templates, problems) = Templates::load([(name, mine.as_str())]);
    assert_eq!(problems, []);
    rulebook.templates = Arc::new(templates);
    let linker = Linker::new(Some("https://microalign.example".to_owned()), vec![7; 32].into());
    Book { rulebook: rulebook.with_links(Arc::new(linker)), _folder }
}

/// An operator may replace the built-in words, and no name comes with it.
#[test]
fn other_words_for_what_is_restricted_or_private_hold_no_more() {
    let restricted = replaced("", "", "restricted");
    let outside = replaced("audience = \"outside\"", "", "outside");
    let of_github = EventKind::ALL.iter().copied().filter(|kind| !is_jira(*kind)).map(on_github);
    let messages = of_github.map(|event| (event.kind, outside.message(&event, None)));
    for (kind, message) in messages.chain(own_kinds().map(|kind| (kind, restricted.message(&own(kind), None)))) {
        let message = message.unwrap();
        assert!(message.text().starts_with("Once a week."), "{kind}: {}", message.text());
        assert!(!said(&message).contains(SECRET), "{kind}: {}", said(&message));
    }
}

/// A link to object would tell that it is a note.
#[test]
fn a_restricted_assumption_has_no_link_to_object() {
    let objects = |message: &Message| said(message).contains("/object/");
    let open = replaced("", "", "note").message(&fixture::event(EventKind::NoteAssumed), None).unwrap();
    assert!(objects(&open), "{}", said(&open));
    let restricted = replaced("", "", "restricted").message(&own(EventKind::NoteAssumed), None).unwrap();
    assert!(!objects(&restricted) && said(&restricted).contains("/mute/"), "{}", said(&restricted));
}
