//! What messages say beyond the usual case of their kinds, for a person to read.

use super::*;
use crate::event::Comment;
use crate::template::fixture;

#[test]
fn what_a_kind_can_be() {
    let mut page = String::new();
    for (what, event, ticket) in fixture::variants() {
        writeln!(page, "=== {what} ({})\n{}\n", event.kind, write(&event, ticket.as_ref())).unwrap();
    }
    insta::assert_snapshot!(page);
}

/// The comments of a burst, and what stands for each kind beside others.
#[test]
fn in_company() {
    let mut page = String::new();
    let words = |text: &str| Some(Comment { summary: text.to_owned(), url: None });
    let many = (1..=7).map(|n| words(&format!("Line {n} could be shorter."))).collect::<Vec<_>>();
    let three = [words("Why not a view?"), None, words("And a test, please.")];
    for (what, kind, comments) in [
        ("three comments, one without words", EventKind::PullRequestCommented, &three[..]),
        ("seven comments", EventKind::IssueCommented, &many),
        ("on a ticket", EventKind::TicketCommented, &three),
        ("none with words", EventKind::PullRequestCommented, &[None, None]),
    ] {
        let company = Company { brief: false, comments };
        let context = fixture::in_company(&event(kind), Some(&ticket()), company);
        let message = built_in().render(for_kind(kind), &context).unwrap();
        writeln!(page, "=== {what}\n{}\n", text(&message.body)).unwrap();
    }
    for kind in EventKind::ALL.iter().filter(|kind| !event(**kind).tickets.is_empty()) {
        let company = Company { brief: true, comments: &[] };
        let context = fixture::in_company(&event(*kind), Some(&ticket()), company);
        let message = built_in().render(for_kind(*kind), &context).unwrap();
        let first = text(&message.body[..1]);
        assert!(!first.contains("for DATA-123"), "{first}");
        writeln!(page, "=== {kind}\n{first}\n").unwrap();
    }
    insta::assert_snapshot!(page);
}

#[test]
fn a_heads_up_says_what_its_kind_says() {
    use EventKind as Kind;
    let mut page = String::new();
    for kind in EventKind::ALL {
        let context = context_of(&event(*kind), Some(&ticket()));
        let own = text(&built_in().render(for_kind(*kind), &context).unwrap().body);
        let said = text(&built_in().render("heads-up", &context).unwrap().body);
        let prefix = if *kind == Kind::NoteHeadsUp { "" } else { "Heads up: " };
        let rest = said.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(own.as_str()));
        let rest = rest.unwrap_or_else(|| panic!("{said}\n\nis not\n\n{prefix}{own}"));
        let asks = rest.ends_with("\n\nLet us know how it works for you.");
        let works = [
            Kind::PullRequestMerged,
            Kind::ReleasePublished,
            Kind::ReleasePromoted,
            Kind::DeploymentSucceeded,
            Kind::TicketDone,
        ];
        assert_eq!(asks, works.contains(kind), "{said}");
        writeln!(page, "=== {kind}\n{said}\n").unwrap();
    }
    insta::assert_snapshot!(page);
}

#[test]
fn nothing_is_claimed_that_nobody_said() {
    let ticket = ticket();
    let all = EventKind::ALL.iter().map(|kind| (event(*kind), Some(ticket.clone())));
    for (event, ticket) in all.chain(fixture::variants().into_iter().map(|(_, event, ticket)| (event, ticket))) {
        let said = write(&event, ticket.as_ref()).to_lowercase();
        let words = said.split(|c: char| !c.is_alphanumeric() && c != '\'').collect::<Vec<_>>();
        for word in ["we", "we're", "we've", "us", "our"] {
            assert!(!words.contains(&word), "{}: {said}", event.kind);
        }
        for claim in ["should land", "soon", "thanks to", "works for you", "deployment of deployment", "re data-"] {
            assert!(!said.contains(claim), "{}: {said}", event.kind);
        }
    }
}
