//! By what a rule matches.

use super::*;
use crate::rule::Rules;
use std::sync::Arc;

fn by(rule: &str, event: &Event) -> String {
    let text = format!(
        "team = \"data\"\ngithub_team = \"acme/data\"\nmembers = [\"dee\"]\nowns = \"codeowners\"\nto = [\"mailbox\"]\n\
         [[rule]]\nname = \"r\"\non = [\"*\"]\nown = true\n{rule}\n"
    );
    let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
    let rules = Rules::new(
        [text.as_str(), "team = \"web\"\n"].map(|text| Arc::new(check("team.toml", text, known).unwrap())).into(),
    );
    let (team, rule) = rules.find("data", "r").unwrap();
    let input = Input { event, kind: event.kind, ticket: None };
    assert_eq!(evaluate(rule, team, input), Verdict::Match, "{text}");
    matched_by(rule, input)[1..].join("; ")
}

#[test]
fn it_names_the_value_that_fits() {
    let pr = PullRequest {
        head: Some("feature/DATA-7".to_owned()),
        private: Some(true),
        additions: Some(7),
        deletions: Some(1),
        body: Some("BREAKING: ids".to_owned()),
        ..pr()
    };
    let event = Event {
        paths: Some(vec!["README.md".to_owned(), "schemas/a.json".to_owned()]),
        owners: Some(vec![Owner { name: "@acme/data".to_owned(), files: Some(vec![1]) }]),
        generated: Some(vec![0]),
        listed: vec!["OPS-3".parse().unwrap()],
        ..event(About::PullRequest(pr))
    };
    let table = [
        (r#"repo = ["acme/ingest-*"]"#, "repo `Acme/ingest-api` matches acme/ingest-*"),
        (r#"base = ["main", "develop"]"#, "base is `develop`"),
        (r#"paths = ["schemas/**", "!schemas/test/**"]"#, "file `schemas/a.json` matches schemas/**"),
        (r#"paths = ["!schemas/**"]"#, "file `README.md` is not excluded"),
        ("touches_owned = true", "the team owns 1 of the 2 changed files (`schemas/a.json`)"),
        (
            r#"touches_owned = { share = ">50%", generated = false }"#,
            "the team owns 1 of the 1 changed file that isn't generated (`schemas/a.json`)",
        ),
        (r#"labels = ["contract"]"#, "label is `Contract`"),
        (r#"labels = ["!bug"]"#, "no label is excluded"),
        (r#"labels_all = ["contract", "area*"]"#, "labels are `Contract`, `area: db`"),
        (r#"title = ["!*typo*"]"#, "title `Add the Migration of ids` is not excluded"),
        (r#"author = ["Dee"]"#, "author is `dee`"),
        (r#"author_team = ["data"]"#, "the author is a member of data"),
        (r#"author_team = ["!web"]"#, "none of the author's teams is excluded"),
        (r#"actor = ["c*"]"#, "actor `cy` matches c*"),
        (r#"assignee = ["!ana"]"#, "it has no assignee"),
        (r#"ticket = ["WEB-*"]"#, "ticket `WEB-1` matches WEB-*"),
        (r#"ticket = ["OPS-*"]"#, "ticket `OPS-3` in its list matches OPS-*"),
        ("private = true\ndraft = false\nsize = \"<50\"", "the repository is private; it is not a draft; size is <50"),
        (r#"body = "^BREAKING""#, "the description matches `^BREAKING`"),
        (
            r#"any = [{ base = ["main"] }, { base = ["develop"], draft = false }]"#,
            "alternative 2 of 2 holds (base is `develop`, it is not a draft)",
        ),
        (r#"all = [{ base = ["develop"] }, { draft = false }]"#, "base is `develop`, it is not a draft"),
        (r#"not = { base = ["main"] }"#, "`not` doesn't exclude it (base is `develop`, not main)"),
    ];
    for (rule, expected) in table {
        assert_eq!(by(rule, &event), expected, "{rule}");
    }
}
