//! What is not known is not taken for empty; and a list of many tickets is about none of them.

use super::*;

fn push(paths: &[&str], more_paths: bool) -> Event {
    let json = serde_json::json!({"kind": "push", "title": "x", "branch": "main"});
    let paths = Some(paths.iter().map(|path| (*path).to_owned()).collect());
    Event { paths, more_paths, ..event(About::Thing(serde_json::from_value(json).unwrap())) }
}

#[test]
fn files_of_which_not_all_are_known() {
    let (wanted, unless) = (r#"paths = ["schemas/**"]"#, r#"not = { paths = ["secret/**"] }"#);
    let unknown = "unknown: none of the known files matches, and not all files are known";
    let excludes = "miss: `not` excludes it: `paths` holds";
    let table = [
        (push(&["schemas/a.json"], true), wanted, ""),
        (push(&["README.md"], true), wanted, unknown),
        (push(&[], true), wanted, unknown),
        (push(&[], false), wanted, "miss: it changes no file"),
        (push(&["secret/key.pem"], true), unless, excludes),
        (push(&["README.md"], true), unless, unknown),
        (push(&[], true), unless, unknown),
        (push(&["README.md"], false), unless, ""),
        (push(&["secret/a"], true), r#"paths = ["!secret/**"]"#, unknown),
        // What else says no for good settles it.
        (push(&[], true), "paths = [\"schemas/**\"]\nworkflow = [\"CI\"]", "miss: a push has no workflow"),
        (push(&[], true), r#"not = { paths = ["secret/**"], branch = ["dev"] }"#, ""),
    ];
    for (event, rule, expected) in table {
        assert_eq!(verdict(&format!("on = [\"*\"]\n{rule}"), &event, EventKind::Push), expected, "{rule}");
    }
    let why = Event { gap: Some("the list was cut".to_owned()), ..push(&[], true) };
    conditions(&why, &[(wanted, &format!("{unknown}: the list was cut"))]);
}

#[test]
fn files_of_the_team_of_which_not_all_are_known() {
    let judged = |owns: &str, event: &Event| {
        let text = format!(
            "team = \"data\"\ngithub_team = \"acme/data\"\nto = [\"mailbox\"]\n{owns}\n[[rule]]\nname = \"r\"\n\
             on = [\"*\"]\ntouches_owned = true\n"
        );
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let team = check("team.toml", &text, known).unwrap();
        evaluate(&team.rules[0], &team, Input { event, kind: EventKind::Push, ticket: None })
    };
    let unknown = |verdict: &Verdict| matches!(verdict, Verdict::Miss { unknown: true, .. });
    let owned = |owners: &[&str], more: bool| Event {
        owners: Some(owners.iter().map(|owner| Owner { name: (*owner).to_owned(), files: None }).collect()),
        ..push(&["a"], more)
    };
    assert_eq!(judged("owns = \"codeowners\"", &owned(&["@acme/data"], true)), Verdict::Match);
    assert!(unknown(&judged("owns = \"codeowners\"", &owned(&["@acme/web"], true))));
    assert!(!unknown(&judged("owns = \"codeowners\"", &owned(&["@acme/web"], false))));
    assert!(unknown(&judged("owns = [\"schemas/**\"]", &push(&["a"], true))));
}

/// Each: what is asked, of which files the team's are how many, what isn't known, and the verdict.
#[test]
fn how_much_of_what_a_team_owns_is_changed() {
    let judged = |owns: &str, touches: &str, event: &Event| {
        let text = format!(
            "team = \"data\"\ngithub_team = \"acme/data\"\nto = [\"mailbox\"]\n{owns}\n[[rule]]\nname = \"r\"\n\
             on = [\"*\"]\ntouches_owned = {touches}\n"
        );
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let team = check("team.toml", &text, known).unwrap();
        match evaluate(&team.rules[0], &team, Input { event, kind: EventKind::Push, ticket: None }) {
            Verdict::Miss { because, unknown } => format!("{}: {because}", if unknown { "unknown" } else { "miss" }),
            verdict => format!("{verdict:?}"),
        }
    };
    let (codeowners, listed) = ("owns = \"codeowners\"", "owns = [\"own/**\"]");
    // Its own files come first; the last two are generated.
    let of = |own: u32, all: u32, change: &dyn Fn(&mut Event)| {
        let paths = (0..all).map(|n| if n < own { format!("own/{n}") } else { format!("x/{n}") }).collect::<Vec<_>>();
        let mut event = push(&paths.iter().map(String::as_str).collect::<Vec<_>>(), false);
        event.owners = Some(vec![Owner { name: "@acme/data".to_owned(), files: Some((0..own).collect()) }]);
        event.generated = Some(vec![all.saturating_sub(2), all.saturating_sub(1)]);
        change(&mut event);
        event
    };
    let same: &dyn Fn(&mut Event) = &|_| {};
    let cut: &dyn Fn(&mut Event) = &|event| event.more_paths = true;
    let old: &dyn Fn(&mut Event) = &|event| event.owners.iter_mut().flatten().for_each(|owner| owner.files = None);
    type Case<'a> = (&'a str, (u32, u32), &'a dyn Fn(&mut Event), &'a str);
    let table: &[Case<'_>] = &[
        ("true", (1, 9), same, "Match"),
        ("true", (1, 9), old, "Match"),
        (r#"{ files = ">1" }"#, (2, 9), same, "Match"),
        (r#"{ files = ">1" }"#, (1, 9), same, "miss: the team owns 1 of the 9 changed files (`own/0`), not >1"),
        (r#"{ files = "<3" }"#, (2, 9), same, "Match"),
        (r#"{ files = "<3" }"#, (0, 9), same, "miss: none of the 9 changed files is the team's"),
        (
            r#"{ files = "<3" }"#,
            (5, 9),
            same,
            "miss: the team owns 5 of the 9 changed files (`own/0`, `own/1`, `own/2` and 2 more), not <3",
        ),
        (r#"{ share = ">20%" }"#, (2, 9), same, "Match"),
        (r#"{ share = ">20%" }"#, (1, 5), same, "miss: the team owns 1 of the 5 changed files (`own/0`), not >20%"),
        (r#"{ share = "<=50%", files = ">1" }"#, (2, 4), same, "Match"),
        (r#"{ generated = false }"#, (1, 3), same, "Match"),
        (r#"{ generated = false }"#, (3, 3), same, "Match"),
        (
            r#"{ generated = false }"#,
            (2, 2),
            same,
            "miss: none of the 0 changed files that aren't generated is the team's",
        ),
        (r#"{ share = ">=100%", generated = false }"#, (1, 3), same, "Match"),
        (
            r#"{ generated = false }"#,
            (1, 3),
            &|event| event.generated = None,
            "unknown: it is not known which of the changed files are generated",
        ),
        (r#"{ files = ">1" }"#, (2, 9), cut, "Match"),
        (r#"{ files = "<2" }"#, (2, 9), cut, "miss: the team owns 2 of the 9 changed files (`own/0`, `own/1`), not <2"),
        (
            r#"{ files = ">1" }"#,
            (1, 9),
            cut,
            "unknown: the team owns 1 of the 9 changed files (`own/0`), and not all is known: the rule wants >1",
        ),
        (
            r#"{ share = "<99%" }"#,
            (1, 9),
            cut,
            "unknown: the team owns 1 of the 9 changed files (`own/0`), and not all is known: the rule wants <99%",
        ),
        (
            r#"{ files = ">1" }"#,
            (0, 9),
            cut,
            "unknown: none of the known files is the team's, and not all files are known",
        ),
    ];
    for (touches, (own, all), change, expected) in table {
        for owns in [codeowners, listed] {
            assert_eq!(judged(owns, touches, &of(*own, *all, change)), *expected, "{owns} {touches} {own}/{all}");
        }
    }
    let weight = r#"{ files = ">1" }"#;
    let unknown = "unknown: it is not known which of the changed files the team owns";
    assert_eq!(judged(codeowners, weight, &of(2, 9, old)), unknown);
    let unknown = "unknown: it is not known who owns the changed files";
    assert_eq!(judged(codeowners, weight, &of(2, 9, &|event| event.owners = None)), unknown);
    // More may own, but no more files are changed.
    let more: &dyn Fn(&mut Event) = &|event| event.more_owners = true;
    assert_eq!(judged(codeowners, r#"{ share = ">20%" }"#, &of(2, 9, more)), "Match");
    assert!(judged(codeowners, r#"{ share = ">50%" }"#, &of(2, 9, more)).starts_with("unknown: "));
    assert!(judged(listed, r#"{ share = ">50%" }"#, &of(2, 9, more)).starts_with("miss: "));
}

#[test]
fn a_list_of_many_tickets() {
    let listing = |own: &[&str], listed: &[&str]| Event {
        tickets: own.iter().map(|key| key.parse().unwrap()).collect(),
        listed: listed.iter().map(|key| key.parse().unwrap()).collect(),
        ..push(&[], false)
    };
    let release = listing(&[], &["DATA-1", "DATA-2", "WEB-3", "OPS-30"]);
    conditions(
        &release,
        &[
            (r#"ticket = ["DATA-*"]"#, ""),
            (r#"ticket = ["ops-3?"]"#, ""),
            (r#"ticket = ["DATA-1"]"#, "miss: it lists 4 tickets and is about none of them, and the rule wants DATA-1"),
            (
                r#"ticket = ["DATA-{1,2}"]"#,
                "miss: it lists 4 tickets and is about none of them, and the rule wants DATA-{1,2}",
            ),
            (r#"ticket = ["*", "!WEB-*"]"#, "miss: ticket `WEB-3` is excluded by !WEB-*"),
            (r#"ticket = ["!WEB-3"]"#, "miss: ticket `WEB-3` is excluded by !WEB-3"),
            (r#"ticket = ["!CORE-*"]"#, ""),
        ],
    );
    conditions(
        &listing(&["CORE-1"], &["DATA-1"]),
        &[(r#"ticket = ["CORE-1"]"#, ""), (r#"ticket = ["DATA-1"]"#, "miss: ticket is `CORE-1`, not DATA-1")],
    );
}
