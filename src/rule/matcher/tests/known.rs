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
        owners: Some(owners.iter().map(|owner| (*owner).to_owned()).collect()),
        ..push(&["a"], more)
    };
    assert_eq!(judged("owns = \"codeowners\"", &owned(&["@acme/data"], true)), Verdict::Match);
    assert!(unknown(&judged("owns = \"codeowners\"", &owned(&["@acme/web"], true))));
    assert!(!unknown(&judged("owns = \"codeowners\"", &owned(&["@acme/web"], false))));
    assert!(unknown(&judged("owns = [\"schemas/**\"]", &push(&["a"], true))));
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
