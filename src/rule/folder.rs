//! Reads the folder of team files. A broken file affects no other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::Team;
use super::check::{Among, Known, check_among};
use super::file::TeamFile;
use crate::toml_file::{At, Document, Problem, read_inside};

/// What a folder of team files holds.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The teams whose files are right, in the order of the file names
    pub teams: Vec<(PathBuf, Team)>,
    /// The problems of all the other files
    pub problems: Vec<Problem>,
}

/// Reads every `*.toml` in a folder. Hidden files and folders are passed over.
#[must_use]
pub fn load_folder(folder: &Path, known: Known<'_>) -> Loaded {
    let files = match team_files(folder) {
        Ok(files) => files,
        Err(error) => {
            let name = folder.display().to_string();
            let help = "`rules` in the configuration names the folder of team files".to_owned();
            let problem = Problem::of_file(&name, format!("this folder can't be read: {error}"), Some(help));
            return Loaded { teams: Vec::new(), problems: vec![problem] };
        }
    };
    let mut loaded = Loaded::default();
    let texts: Vec<_> = files.into_iter().map(|path| (read_inside(folder, &path), path)).collect();
    let names: BTreeSet<_> = texts.iter().filter_map(|(text, _)| team_name(text.as_ref().ok()?)).collect();
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let mut lists = HashMap::new();
    for (text, path) in texts {
        let name = path.display().to_string();
        let text = match text {
            Ok(text) => text,
            Err((message, help)) => {
                loaded.problems.push(Problem::of_file(&name, message, help));
                continue;
            }
        };
        match check_among(&name, &text, known, Among { teams: Some(&names), lists: &mut lists }) {
            Err(problems) => loaded.problems.extend(problems),
            Ok(team) => match taken.get(&team.name) {
                Some(other) => loaded.problems.extend(name_taken(&name, &text, other)),
                None => {
                    taken.insert(team.name.clone(), name);
                    loaded.teams.push((path, team));
                }
            },
        }
    }
    loaded
}

/// The name that a file gives its team, which other files may mention even while this one is broken. It stands before
/// the first table, so the rest need not be read for it.
fn team_name(text: &str) -> Option<String> {
    let end = text.find("\n[").unwrap_or(text.len());
    let (table, _) = DeTable::parse_recoverable(&text[..end]);
    table.get_ref().get("team")?.get_ref().as_str().map(str::to_owned)
}

fn team_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let toml = path.extension().is_some_and(|extension| extension == "toml");
        if toml && !hidden && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn name_taken(file: &str, text: &str, other: &str) -> Vec<Problem> {
    match Document::read::<TeamFile>(file, text) {
        Ok((mut document, _)) => {
            let help = "give this team another name, or put its rules into that file".to_owned();
            document.wrong(&At::root().key("team"), format!("{other} has a team of this name already"), help);
            document.finish(()).err().unwrap_or_default()
        }
        Err(problems) => problems,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::destination::Available;

    const GOOD: &str = "to = [\"mailbox\"]\n[[rule]]\nname = \"all\"\non = [\"*\"]\n";

    fn load(files: &[(&str, &[u8])]) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::create_dir(folder.path().join("sub.toml")).unwrap();
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let loaded = load_folder(folder.path(), known);
        let root = format!("{}/", folder.path().display());
        let problems = loaded.problems.iter().map(|problem| problem.to_string().replace(&root, "")).collect();
        (loaded.teams.into_iter().map(|(_, team)| team.name).collect(), problems)
    }

    #[test]
    fn a_broken_file_loses_only_itself() {
        let team = |name: &str| format!("team = \"{name}\"\n{GOOD}");
        let (teams, problems) = load(&[
            ("b.toml", team("b").as_bytes()),
            ("a.toml", team("a").as_bytes()),
            ("c.toml", b"team = 3\n"),
            ("d.toml", team("a").as_bytes()),
            ("e.toml", b"team = \"e\"\n# \xff\n"),
            ("f.toml", "#".repeat(1024 * 1024 + 1).as_bytes()),
            (".hidden.toml", b"broken"),
            ("README.md", b"broken"),
        ]);
        assert_eq!(teams, ["a", "b"]);
        insta::assert_snapshot!(problems.join("\n"), @r#"
        c.toml:1:8: expected a string, found a number (write "3")
        d.toml:1:8: a.toml has a team of this name already (give this team another name, or put its rules into that file)
        e.toml: this file is not UTF-8: line 2 has a byte that is none
        f.toml: this file is larger than 1 MiB, the most that is read
        "#);
    }

    #[test]
    fn a_team_that_a_rule_names_has_a_file() {
        let asks = |teams: &str| format!("team = \"a\"\n{GOOD}author_team = [{teams}]\n");
        let (teams, problems) = load(&[
            ("a.toml", asks("\"data\", \"!broken\"").as_bytes()),
            ("b.toml", format!("team = \"data\"\n{GOOD}").as_bytes()),
            ("c.toml", b"team = \"broken\"\nto = 1\n"),
        ]);
        assert_eq!((teams.len(), problems.len()), (2, 1), "a broken file doesn't break those that name its team");
        let (_, problems) = load(&[
            ("a.toml", asks("\"dta\", \"!xyz\"").as_bytes()),
            ("b.toml", format!("team = \"data\"\n{GOOD}").as_bytes()),
        ]);
        insta::assert_snapshot!(problems.join("\n"), @r"
        a.toml:6:16: there is no team `dta` (did you mean `data`?)
        a.toml:6:23: there is no team `xyz` (the teams are a, data)
        ");
    }

    #[test]
    fn a_missing_folder_is_a_problem() {
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let loaded = load_folder(Path::new("no/such/folder"), known);
        assert!(loaded.teams.is_empty());
        assert!(loaded.problems[0].to_string().starts_with("no/such/folder: this folder can't be read"));
    }

    #[test]
    fn the_examples_are_right() {
        let templates = BTreeSet::from(["heads-up".to_owned()]);
        let known = Known { templates: &templates, channels: &Available::default() };
        let loaded = load_folder(Path::new("rules"), known);
        assert_eq!(loaded.problems, []);
        assert_eq!(loaded.teams.len(), 2);
    }
}
