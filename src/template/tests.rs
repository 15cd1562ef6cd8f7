#![expect(clippy::unwrap_used, reason = "tests")]

mod said;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::fixture::{EVIL, actor, context_of, event, ticket, told};
use super::*;
use crate::event::{About, Event, Ticket};

fn built_in() -> &'static Templates {
    static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
        let (templates, problems) = Templates::load([]);
        assert_eq!(problems, []);
        templates
    });
    &TEMPLATES
}

fn write(event: &Event, ticket: Option<&Ticket>) -> String {
    let message = built_in().render(for_kind(event.kind), &context_of(event, ticket)).unwrap();
    format!("Subject: {}\n\n{}", message.subject, text(&message.body))
}

#[test]
fn every_kind_in_full() {
    let ticket = ticket();
    let mut page = String::new();
    for kind in EventKind::ALL {
        let event = event(*kind);
        let known = (!event.tickets.is_empty()).then_some(&ticket);
        writeln!(page, "=== {kind} ({})\n{}\n", for_kind(*kind), write(&event, known)).unwrap();
    }
    insta::assert_snapshot!(page);
}

#[test]
fn an_edited_note_says_so() {
    let mut event = event(EventKind::NoteDecided);
    assert!(!write(&event, None).contains("(edited)"));
    event.note.as_mut().unwrap().edited = true;
    assert!(write(&event, None).contains("Ana Sá decided (edited):\n\n> the id"), "{}", write(&event, None));
}

#[test]
fn every_kind_with_as_little_as_possible() {
    let mut page = String::new();
    for kind in EventKind::ALL {
        let mut event = event(*kind);
        event.actor = None;
        event.change = None;
        event.comment = None;
        event.url = None;
        event.tickets.clear();
        if let Some(note) = &mut event.note {
            note.author = None;
        }
        match &mut event.about {
            About::PullRequest(pr) => {
                (pr.author, pr.base, pr.head, pr.body_summary) = (None, None, None, None);
            }
            About::Issue(issue) => issue.author = None,
            About::Ticket(ticket) => {
                (ticket.url, ticket.summary, ticket.status, ticket.previous_status) = (None, None, None, None);
                (ticket.assignee, ticket.due) = (None, None);
            }
            About::Thing(thing) => {
                (thing.url, thing.body_summary, thing.environment) = (None, None, None);
                (thing.branch, thing.tag, thing.commit) = (None, None, None);
            }
        }
        writeln!(page, "=== {kind} ({})\n{}\n", for_kind(*kind), write(&event, None)).unwrap();
    }
    insta::assert_snapshot!(page);
}

#[test]
fn the_heads_up() {
    let event = event(EventKind::PullRequestMerged);
    let message = built_in().render("heads-up", &context_of(&event, None)).unwrap();
    insta::assert_snapshot!(format!("Subject: {}\n\n{}", message.subject, message.text()), @"
    Subject: DATA-123: Switch ids to UUIDv7

    Heads up: Bo Ek merged “Switch ids to UUIDv7” (https://github.example/acme/ingest/pull/45) into `main` for DATA-123.

    > New rows get a UUIDv7; old ones keep their number.

    Let us know how it works for you.

    data-platform gets this because its rule “schema-merged” asks for pull_request.merged.
    ");
}

#[test]
fn every_built_in_is_used() {
    let used: BTreeSet<&str> = EventKind::ALL
        .iter()
        .map(|kind| for_kind(*kind))
        .chain(["agreed", "answer", "heads-up", "objected", "outside", "restricted"])
        .chain(["default-thing", "default-pull-request", "default-issue", "default-ticket"])
        .collect();
    assert_eq!(built_in().names(), used.into_iter().collect::<Vec<_>>());
}

/// What the template itself yields, when every value is a plain word.
fn form(blocks: &[Block]) -> String {
    let inlines = |inlines: &[Inline]| inlines.iter().map(inline_form).collect::<String>();
    let one = |block: &Block| match block {
        Block::Paragraph(inner) => format!("P({})", inlines(inner)),
        Block::Quote(inner) => format!("Q({})", form(inner)),
        Block::List { items, .. } => format!("L({})", items.iter().map(|item| form(item)).collect::<String>()),
        Block::Code(_) => "C".to_owned(),
    };
    blocks.iter().map(one).collect()
}

fn inline_form(inline: &Inline) -> String {
    let inner = |inner: &[Inline]| inner.iter().map(inline_form).collect::<String>();
    match inline {
        Inline::Text(_) => "t".to_owned(),
        Inline::Code(_) => "c".to_owned(),
        Inline::Strong(text) => format!("S({})", inner(text)),
        Inline::Emphasis(text) => format!("E({})", inner(text)),
        Inline::Link { text, url } => format!("[{}]({url})", inner(text)),
        Inline::Break => "b".to_owned(),
    }
}

#[test]
fn an_evil_title_is_only_text() {
    let event = told(EventKind::PullRequestMerged, EVIL);
    let message = built_in().render("heads-up", &context_of(&event, None)).unwrap();
    let evil = "<!channel> [x](http://evil) **hi** Bcc: a@b";
    assert_eq!(message.subject, format!("DATA-123: {evil}"));
    let custom =
        Templates::load([("t", "+++\nsubject = \"{{pr.title}}\"\n+++\n[{{pr.title}}]({{pr.url}}) `{{pr.title}}`")]);
    assert_eq!(custom.1, []);
    let message = custom.0.render("t", &context_of(&event, None)).unwrap();
    assert_eq!(message.subject, evil);
    assert_eq!(
        message.body,
        [Block::Paragraph(vec![
            Inline::Link {
                text: vec![Inline::Text(evil.to_owned())],
                url: "https://github.example/acme/ingest/pull/45".to_owned()
            },
            Inline::Text(" ".to_owned()),
            Inline::Code(evil.to_owned()),
        ])]
    );
}

#[test]
fn what_stays_of_a_link_to_nowhere_is_one_text_with_what_is_beside_it() {
    let templates = Templates::load([("t", "+++\nsubject = \"x\"\n+++\na [b](javascript:c)-1")]).0;
    let message = templates.render("t", &context_of(&event(EventKind::PullRequestMerged), None)).unwrap();
    assert_eq!(message.body, [Block::Paragraph(vec![Inline::Text("a b-1".to_owned())])]);
}

proptest! {
    #[test]
    fn no_value_changes_the_form_of_a_message(
        value in prop_oneof![any::<String>(), "[\\[\\]()`*_~<>#!&\\\\{}|:/@+a“” \n\t-]{1,40}", "\\PC{1,20}"],
        index in 0..EventKind::ALL.len(),
    ) {
        prop_assume!(!clean(&value).is_empty());
        let kind = EventKind::ALL[index];
        let (templates, name) = (built_in(), for_kind(kind));
        let tame = templates.render(name, &context_of(&told(kind, "word"), Some(&ticket()))).unwrap();
        let wild = templates.render(name, &context_of(&told(kind, &value), Some(&ticket()))).unwrap();
        prop_assert_eq!(form(&tame.body), form(&wild.body));
        prop_assert!(!wild.subject.chars().any(char::is_control));
        prop_assert!(wild.subject.chars().count() <= MAX_SUBJECT);
    }
}

proptest! {
    #[test]
    fn no_file_makes_loading_or_rendering_panic(
        text in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,4}",
                "[-#>*`_ \n\\[\\]()<!+0-9.]{1,3}",
                prop::sample::select(vec![
                    "{{", "}}", "{{{", "}}}", "{{#if pr}}", "{{/if}}", "{{else}}", "{{else if ticket}}", "{{#each pr.labels}}",
                    "{{/each}}", "{{this}}", "{{pr.title}}", "{{~", "~}}", "{{!--", "--}}", "{{> draft}}", "{{#with ticket}}",
                    "{{/with}}", "{{key}}", "{{../repo}}", "{{@index}}", "+++\n", "subject = \"", "as |x|", "(", ")", "\"",
                    "\\", "{{date ticket.due}}", "{{{{", "}}}}", "{{^}}", "{{&", "[", "]",
                ]).prop_map(str::to_owned),
            ],
            0..30,
        ),
    ) {
        let text = text.concat();
        if Source::read("t", &text).is_ok() {
            let (templates, problems) = Templates::load([("t", text.as_str())]);
            prop_assert_eq!(templates.has("t"), problems.is_empty());
            // An error is fine: the text may yield nothing, or be nested too deep.
            if let Ok(message) = templates.render("t", &context_of(&event(EventKind::PullRequestDraft), Some(&ticket()))) {
                prop_assert!(!message.subject.is_empty() && !message.body.is_empty());
            }
        }
    }
}

/// What loading a folder's one file says.
fn problems(text: &str) -> Vec<String> {
    Templates::load([("t", text)]).1.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let files = [
        "Hello {{pr.titel}}",
        "+++\nsubject = \"{{thread.lable}}\"\n+++\nHello",
        "+++\nsubject = \"a\"\nfrom = \"b\"\n+++\nHello",
        "+++\nsubject = 3\n+++\nHello",
        "+++\nsubject = \"a\"\nHello",
        "{{title}}\n{{nonsense}}\n{{pr.title.short}}\n{{pr}}\n{{pr.labels}}\n{{pr.labels.[0]}}",
        "{{#if pr}}\n{{#with ticket}}{{pr.title}} {{ ../pr.title }}{{key}}{{/with}}\n{{/if}}",
        "{{#each pr.labels as |label i|}}{{label}}{{i}}{{this}}{{@index}}{{../repo}}{{@root.repo}}{{x}}{{/each}}{{@index}}",
        "{{#each pr}}a{{/each}}{{#with pr.title}}a{{/with}}{{#each (join pr.labels)}}a{{/each}}{{join pr.title}}",
        "{{dat ticket.due}}{{date}}{{date ticket.due 3}}{{#date ticket.due}}{{/date}}{{if pr}}{{(date ticket.due)}}",
        "{{#if (dat ticket.due)}}a{{/if}}{{#if pr.x}}a{{else if pr.y}}b{{/if}}{{date ticket.due as=1}}{{lookup pr 1}}",
        "{{{pr.title}}} {{&pr.title}}",
        "{{#if pr}}a",
        "{{#if pr}}a{{/each}}",
        "Hello {{> footre}}{{> footer pr}}{{#each pr.labels}}{{> draft}}{{/each}}",
        "{{#*inline \"x\"}}a{{/inline}}{{#> draft}}a{{/draft}}{{{{raw}}}}a{{{{/raw}}}}",
        "A <b>{{pr.title}}</b>\n\n![x](http://x.example)\n\n---\n\n<div>\n</div>",
        "A \u{E041}",
        "+++\nsubject = \"\\ue041\"\n+++\nA",
        "é{{pr.x}}",
    ];
    let mut page = String::new();
    for file in files {
        let said = problems(file);
        assert!(!said.is_empty(), "{file}");
        writeln!(page, "{}\n    {}\n", file.escape_default(), said.join("\n    ")).unwrap();
    }
    insta::assert_snapshot!(page);
}

#[test]
fn a_broken_file_does_not_replace_the_good_one() {
    let (templates, problems) = Templates::load([("draft", "{{pr.titel}}"), ("mine", "{{nope}}"), ("ready", "Mine")]);
    assert_eq!(problems.len(), 2);
    let context = context_of(&event(EventKind::PullRequestDraft), None);
    assert!(text(&templates.render("draft", &context).unwrap().body).contains("opened a draft PR"));
    assert_eq!(text(&templates.render("ready", &context).unwrap().body), "Mine");
    assert!(!templates.has("mine"));
    assert!(matches!(templates.render("mine", &context), Err(RenderError::Unknown(_))));
}

#[test]
fn comments_are_joined_where_a_template_has_words_for_several() {
    let (templates, _) =
        Templates::load([("mine", "{{comment.summary}}"), ("ticket-commented", "{{comment.summary}}")]);
    for (name, expected) in [("commented", true), ("ticket-commented", false), ("mine", false), ("approved", false)] {
        assert_eq!(templates.joins_comments(name), expected, "{name}");
    }
    assert!(built_in().joins_comments("ticket-commented"));
}

#[test]
fn templates_include_each_other() {
    let (templates, problems) = Templates::load([
        ("a", "One\n\n{{> b}}\n\n{{#if pr}}{{> footer}}{{/if}}"),
        ("b", "- {{pr.title}}\n{{> c}}"),
        ("c", "- [{{pr.base}}]({{pr.url}})"),
        ("footer", "Bye, {{team}}"),
    ]);
    assert_eq!(problems, []);
    let message = templates.render("a", &context_of(&event(EventKind::PullRequestDraft), None)).unwrap();
    assert_eq!(
        text(&message.body),
        "One\n\n- Switch ids to UUIDv7\n- main (https://github.example/acme/ingest/pull/45)\n\nBye, data-platform"
    );
}

#[test]
fn every_built_in_can_be_included() {
    for (name, _) in BUILT_IN {
        assert_eq!(problems(&format!("{{{{#if pr}}}}{{{{> {name}}}}}{{{{/if}}}}")), [""; 0], "{name}");
    }
}

#[test]
fn circles_and_towers_of_includes_are_refused() {
    let names: Vec<String> = (0..60).map(|n| format!("n{n:02}")).collect();
    let mut files: Vec<(String, String)> = names
        .iter()
        .zip(names.iter().skip(1))
        .map(|(name, next)| (name.clone(), format!("{{{{> {next}}}}}")))
        .collect();
    files.push(("n59".to_owned(), "end".to_owned()));
    files.extend([
        ("self".to_owned(), "{{> self}}".to_owned()),
        ("left".to_owned(), "{{> right}}".to_owned()),
        ("right".to_owned(), "{{> left}}".to_owned()),
        ("aside".to_owned(), "{{> left}}".to_owned()),
    ]);
    // Each includes the next one three times: 3^9 in all.
    files.extend((0..9).map(|n| (format!("x{n}"), format!("{{{{> x{}}}}}", n + 1).repeat(3))));
    files.push(("x9".to_owned(), "end".to_owned()));
    let (templates, problems) = Templates::load(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    for gone in ["self", "left", "n00", "x0"] {
        assert!(!templates.has(gone), "{gone}");
        assert!(problems.iter().any(|problem| problem.name == gone), "{gone}");
    }
    let context = context_of(&event(EventKind::PullRequestDraft), None);
    for name in templates.names() {
        templates.render(name, &context).unwrap();
    }
}

#[test]
fn a_template_cannot_overflow_the_stack() {
    let deep = |open: &str, close: &str, times: usize| format!("{}a{}", open.repeat(times), close.repeat(times));
    for times in [40, 120, 20_000] {
        for text in [
            deep("{{#if pr}}", "{{/if}}", times),
            deep("{{#if pr}}", "", times),
            format!("{{{{#if pr}}}}a{}{{{{/if}}}}", "{{else if pr}}b".repeat(times)),
            format!("{{{{#if {}}}}}a{{{{/if}}}}", deep("(not ", ")", times).replace('a', "pr")),
            format!("{{{{#if {}}}}}a{{{{/if}}}}", deep("(", ")", times).replace('a', "pr")),
            format!("{{{{#if (eq pr.title {})}}}}a{{{{/if}}}}", deep("[", "]", times).replace('a', "1")),
            deep("> ", "", times),
        ] {
            let (_, problems) = Templates::load([("t", text.as_str())]);
            assert!(
                !problems.is_empty() || text.contains("[1]"),
                "{} × {times}",
                text.chars().take(20).collect::<String>()
            );
        }
    }
}

#[test]
fn the_deepest_template_that_loads_can_be_rendered() {
    let blocks = check::MAX_DEPTH - 1;
    let text = format!("{}{{{{> leaf}}}}{}", "{{#if pr}}".repeat(blocks), "{{/if}}".repeat(blocks));
    let (templates, problems) = Templates::load([("t", text.as_str()), ("leaf", "Hello")]);
    assert_eq!(problems, []);
    let message = templates.render("t", &context_of(&event(EventKind::PullRequestDraft), None)).unwrap();
    assert_eq!(super::text(&message.body), "Hello");
}

#[test]
fn output_is_bounded() {
    let mut event = event(EventKind::PullRequestDraft);
    if let About::PullRequest(pr) = &mut event.about {
        pr.labels = Some(vec!["a label".to_owned(); 300]);
    }
    let (templates, problems) =
        Templates::load([("t", "{{#each pr.labels}}{{#each @root.pr.labels}}{{this}}{{/each}}{{/each}}")]);
    assert_eq!(problems, []);
    let error = templates.render("t", &context_of(&event, None)).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn what_is_absent_is_left_out() {
    let mut event = event(EventKind::PullRequestDraft);
    event.actor = Some(actor("", ""));
    let (templates, problems) = Templates::load([
        (
            "t",
            "{{#if actor.name}}by {{actor.name}}{{else}}by nobody{{/if}}{{change.from}}, {{plural pr.changed_files \"file\"}}",
        ),
        ("empty", "{{change.from}}"),
    ]);
    assert_eq!(problems, []);
    assert_eq!(text(&templates.render("t", &context_of(&event, None)).unwrap().body), "by nobody, 3 files");
    assert!(templates.render("empty", &context_of(&event, None)).is_err());
}

#[test]
fn windows_files_are_read() {
    let (templates, problems) =
        Templates::load([("t", "\u{FEFF}+++\r\nsubject = \"S\"\r\n+++\r\nA\r\n\r\n{{team}}\r\n")]);
    assert_eq!(problems, []);
    let message = templates.render("t", &context_of(&event(EventKind::Push), None)).unwrap();
    assert_eq!((message.subject.as_str(), text(&message.body).as_str()), ("S", "A\n\ndata-platform"));
}
