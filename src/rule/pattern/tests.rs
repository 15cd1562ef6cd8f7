#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const PATH: Syntax = Syntax { separated: true, caseless: true };
const TEXT: Syntax = Syntax { separated: false, caseless: true };

#[test]
fn one_pattern() {
    let exact = Syntax { separated: true, caseless: false };
    let table = [
        ("acme/ingest-*", PATH, "Acme/Ingest-api", true),
        ("acme/ingest-*", PATH, "acme/ingest-a/b", false),
        ("*/web", PATH, "acme/web", true),
        ("**", PATH, "acme/web", true),
        ("release/*", exact, "release/1", true),
        ("release/*", exact, "release/1/2", false),
        ("release/**", exact, "release/1/2", true),
        ("main", exact, "Main", false),
        ("*migration*", TEXT, "Add the MIGRATION/of x", true),
        ("grösse *", TEXT, "GRÖSSE ändern", true),
        ("renovate[bot]", TEXT, "Renovate[bot]", true),
        ("*[bot]", TEXT, "renovate[bot]", true),
        ("*[bot]", TEXT, "robot", false),
        ("{ci,docs}: *", TEXT, "ci: faster", true),
        ("v1.?", TEXT, "v1.2", true),
        ("v1.?", TEXT, "v1x2", false),
        ("*\\[bot\\]", TEXT, "renovate[bot]", true),
        ("\\*", TEXT, "*", true),
        ("\\*", TEXT, "x", false),
    ];
    for (pattern, syntax, value, fits) in table {
        assert_eq!(Pattern::new(pattern, syntax).unwrap().fits(value), fits, "{pattern} {value}");
    }
}

#[test]
fn what_is_no_pattern() {
    for bad in ["", "!", "! ", "{a,b", "a}", "a\\", &"x".repeat(301), &"{".repeat(300)] {
        assert!(Pattern::new(bad, TEXT).is_err(), "{bad}");
    }
    assert!(Pattern::new(&format!("{}{}", "{".repeat(150), "}".repeat(150)), TEXT).is_ok());
}

#[test]
fn only_an_exact_entry_names() {
    let list = |entries: &[&str]| Patterns::new(entries.iter().map(|e| Pattern::new(e, TEXT).unwrap()).collect());
    assert!(list(&["ana", "renovate[bot]"]).names("Renovate[bot]"));
    assert!(!list(&["*[bot]", "!renovate[bot]"]).names("renovate[bot]"));
}

#[test]
fn what_is_written_alike_is_not_always_read_alike() {
    let list = |syntax| Patterns::new(vec![Pattern::new("main", syntax).unwrap()]).written();
    assert_eq!(list(TEXT), list(TEXT));
    assert_ne!(list(TEXT), list(PATH));
    assert_ne!(list(PATH), list(Syntax { separated: true, caseless: false }));
}

#[test]
fn how_a_list_begins() {
    let anchors = |entries: &[&str]| {
        Patterns::new(entries.iter().map(|entry| Pattern::new(entry, PATH).unwrap()).collect()).anchors()
    };
    let exactly = |text: &str| Anchor::Exactly(text.to_owned());
    let from = |text: &str| Anchor::From(text.to_owned());
    let both = anchors(&["Acme/web", "acme/ingest-*", "!acme/*"]);
    assert_eq!(both, Some(vec![exactly("acme/web"), from("acme/ingest-")]));
    assert_eq!(anchors(&["a/{b,c}"]), Some(vec![from("a/")]));
    for unbounded in [&["*/web"][..], &["acme/web", "**"], &["{a,b}/c"], &["!acme/*"]] {
        assert_eq!(anchors(unbounded), None, "{unbounded:?}");
    }
}

proptest! {
    /// The short ways mean what the automaton does.
    #[test]
    fn stars_are_a_glob(
        pattern in "[ab/*\\[]{1,6}(/\\*\\*)?",
        value in "[ab/\\[]{0,8}",
        separated: bool,
    ) {
        let syntax = Syntax { separated, caseless: false };
        let automaton = GlobBuilder::new(&pattern.replace('[', "[[]")).literal_separator(separated).build();
        let expected = automaton.unwrap().compile_matcher().is_match(&value);
        prop_assert_eq!(Pattern::new(&pattern, syntax).unwrap().fits(&value), expected);
    }

    /// The naive reading: some value is let in (or nothing has to be), and no value is kept out.
    #[test]
    fn a_list_means_what_it_says(
        entries in prop::collection::vec("!?[ab*]{1,2}", 1..5),
        values in prop::collection::vec("[ab]{1,2}", 0..4),
    ) {
        let glob = |pattern: &str, value: &str| match pattern.as_bytes() {
            [b'*'] | [b'*', b'*'] => true,
            [b'*', end] => value.ends_with(char::from(*end)),
            [start, b'*'] => value.starts_with(char::from(*start)),
            _ => pattern == value,
        };
        let list = Patterns::new(entries.iter().map(|entry| Pattern::new(entry, TEXT).unwrap()).collect());
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let (mut wanted, mut included, mut excluded) = (false, false, false);
        for entry in &entries {
            match entry.strip_prefix('!') {
                Some(pattern) => excluded |= values.iter().any(|value| glob(pattern, value)),
                None => {
                    wanted = true;
                    included |= values.iter().any(|value| glob(entry, value));
                }
            }
        }
        prop_assert_eq!(list.test(&values).is_ok(), (included || !wanted) && !excluded);
    }
}
