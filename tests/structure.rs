//! Which part of the program may know of which: the order in `src/lib.rs`, checked over the sources.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A module may import those of the lines above its own, and none beside it.
const LAYERS: &[&[&str]] = &[
    &["event", "toml_file"],
    &["destination"],
    &["mute"],
    &["reason"],
    &["source", "rule", "template"],
    &["track", "hold"],
    &["plan", "api"],
    &["store", "channel", "metrics"],
    &["config"],
    &["compose"],
    &["intake", "dispatch", "reply", "console"],
    &["http", "recover", "rehearsal"],
    &["app"],
    &["cli"],
    &["main"],
];

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for (module, file, text) in sources() {
        for (line, other) in imports(&text) {
            if other != module && layer(&other) >= layer(&module) {
                wrong.push(format!("{}:{line}: `{module}` must not know of `{other}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_layers_are_those_of_the_source() {
    let found = sources().into_iter().map(|(module, ..)| module).filter(|module| module != "lib");
    let listed = LAYERS.concat().into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(found.collect::<BTreeSet<_>>(), listed);
}

#[test]
fn imports_are_found_in_every_form() {
    let text = r#"
        //! Told by [`crate::doc`].
        use crate::plain::Thing;
        use crate::{grouped::{A, B}, other as another, nested::deep::{self}};
        pub(crate) use crate::exported;
        fn f(x: crate::typed::T) -> bool { /* crate::hidden */ crate::called::f("crate::quoted", '"') } // crate::told
        use crate::{
            lines,
            apart::{C, D},
        };
        use not_a_crate::x; use super::near;
    "#;
    let found = imports(text);
    let names = found.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>();
    let expected = ["plain", "grouped", "other", "nested", "exported", "typed", "called", "lines", "apart"];
    assert_eq!(names, expected);
    assert_eq!((found[0].0, found[7].0), (3, 7));
}

/// Every file of `src`: its module, its path, its text.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let module = Path::new(inside.iter().next().unwrap()).file_stem().unwrap().to_str().unwrap();
                sources.push((module.to_owned(), path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 20, "the sources are gone");
    sources.sort();
    sources
}

fn layer(module: &str) -> usize {
    LAYERS.iter().position(|layer| layer.contains(&module)).unwrap_or_else(|| panic!("`{module}` is in no layer"))
}

/// The modules that a text names after `crate::` or `microalign::` (the program's own name, in `main.rs`), each with
/// its line: in `use` lines, and wherever a path stands in the code.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code = code(text);
    let mut found = Vec::new();
    for root in ["crate::", "microalign::"] {
        for (at, _) in code.match_indices(root) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            found.extend(heads(&code[at + root.len()..]).into_iter().map(|name| (line, name)));
        }
    }
    found
}

/// The first name of a path, or of each path in braces.
fn heads(path: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim_start().split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap().to_owned();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut start, mut heads) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                heads.push(name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// The text without comments, and with nothing in its strings.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            string(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
            rest.find("\"'").unwrap() + 2
        } else {
            0
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

/// How long a string literal is, quotes and all.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}
