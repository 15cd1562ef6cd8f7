//! Reads the folder of team files, the defaults for all teams in it, and the files that repositories have. A broken file
//! affects no other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::Team;
use super::check::{Among, Bounds, Defaults, Known, check_among, check_defaults};
use super::file::TeamFile;
use super::repository::{RepositoryFile, Revision, TeamsAllowed};
use crate::toml_file::{At, Document, Problem, read_inside};

/// The file with what holds for all teams.
const DEFAULTS: &str = "_defaults.toml";

/// What a folder of team files holds.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What holds for all teams: what `_defaults.toml` says, or said before it was broken
    pub defaults: Arc<Defaults>,
    /// The teams whose files are right, in the order of the file names
    pub teams: Vec<(PathBuf, Team)>,
    /// The problems of all the other files
    pub problems: Vec<Problem>,
}

/// The files that repositories have, in the order in which they came in force, and what they may do.
#[derive(Debug, Clone, Copy)]
pub struct Repositories<'a> {
    /// The files
    pub files: &'a [RepositoryFile],
    /// What the operator allows
    pub allowed: &'a TeamsAllowed,
}

/// Reads every `*.toml` in a folder, and then the files of repositories. Hidden files and folders are passed over. While
/// `_defaults.toml` is broken, what it said `before` holds; if that isn't known, as much of it as can be read.
#[must_use]
pub fn load_folder(
    folder: &Path,
    repositories: Repositories<'_>,
    known: Known<'_>,
    before: Option<&Arc<Defaults>>,
) -> Loaded {
    let files = match team_files(folder) {
        Ok(files) => files,
        Err(error) => {
            let name = folder.display().to_string();
            let help = "name the folder of team files, as `rules` in the configuration does".to_owned();
            let problem = Problem::of_file(&name, format!("this folder can't be read: {error}"), Some(help));
            return Loaded {
                problems: vec![problem],
                defaults: before.cloned().unwrap_or_default(),
                ..Loaded::default()
            };
        }
    };
    let texts: Vec<_> = files.into_iter().map(|path| (read_inside(folder, &path), path)).collect();
    let of_repositories = repositories.files.iter().filter_map(|file| team_name(file.latest.text.as_ref().ok()?));
    let names: BTreeSet<_> =
        texts.iter().filter_map(|(text, _)| team_name(text.as_ref().ok()?)).chain(of_repositories).collect();
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let mut patterns = HashMap::new();
    let none = Defaults::default();
    let among = Among { teams: Some(&names), defaults: &none, bounds: None, patterns: &mut patterns };
    let (defaults, problems) = load_defaults(folder, known, among);
    let kept = before.filter(|_| !problems.is_empty()).cloned();
    let defaults = kept.unwrap_or_else(|| Arc::new(defaults));
    let mut broken = Vec::new();
    let mut loaded = Loaded { defaults: Arc::clone(&defaults), teams: Vec::new(), problems };
    for (text, path) in texts {
        let name = path.display().to_string();
        let text = match text {
            Ok(text) => text,
            Err((message, help)) => {
                loaded.problems.push(Problem::of_file(&name, message, help));
                continue;
            }
        };
        let among = Among { teams: Some(&names), defaults: &defaults, bounds: None, patterns: &mut patterns };
        match check_among(&name, &text, known, among) {
            Err(problems) => {
                loaded.problems.extend(problems);
                broken.extend(team_name(&text).map(|team| (team, name)));
            }
            Ok(team) => match taken.get(&team.name) {
                Some(other) => loaded.problems.extend(name_taken(&name, &text, other)),
                None => {
                    taken.insert(team.name.clone(), name);
                    loaded.teams.push((path, team));
                }
            },
        }
    }
    // A mistake in the operator's file gives the team to nobody else.
    for (team, name) in broken {
        taken.entry(team).or_insert(name);
    }
    for file in repositories.files {
        let name = file.name();
        let mut read = |revision: &Revision| {
            let text = revision.text.as_ref().map_err(|wrong| vec![Problem::of_file(&name, wrong, None)])?;
            let bounds = Some(Bounds { repo: &file.repo, allowed: repositories.allowed });
            let among = Among { teams: Some(&names), defaults: &defaults, bounds, patterns: &mut patterns };
            let team = check_among(&name, text, known, among)?;
            match taken.get(&team.name) {
                Some(other) => Err(name_taken(&name, text, other)),
                None => Ok(team),
            }
        };
        let team = read(&file.latest).map_err(|problems| loaded.problems.extend(problems)).ok();
        // What was in force stays in force, unless the operator no longer allows it.
        if let Some(team) = team.or_else(|| read(file.good.as_ref().filter(|good| **good != file.latest)?).ok()) {
            taken.insert(team.name.clone(), name);
            loaded.teams.push((file.path(), team));
        }
    }
    loaded
}

/// Reads a team file as it would be read beside others: those of `teams`, to which `defaults` apply. `home` is the repository
/// that it is in, if it is in one.
///
/// # Errors
/// All the problems in it.
pub fn check_beside(
    (file, text): (&str, &str),
    home: Option<(&str, &TeamsAllowed)>,
    known: Known<'_>,
    (defaults, teams): (&Defaults, &BTreeSet<String>),
) -> Result<Team, Vec<Problem>> {
    let bounds = home.map(|(repo, allowed)| Bounds { repo, allowed });
    check_among(file, text, known, Among { teams: Some(teams), defaults, bounds, patterns: &mut HashMap::new() })
}

fn load_defaults(folder: &Path, known: Known<'_>, among: Among<'_>) -> (Defaults, Vec<Problem>) {
    let path = folder.join(DEFAULTS);
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return (Defaults::default(), Vec::new());
    }
    let name = path.display().to_string();
    match read_inside(folder, &path) {
        Ok(text) => check_defaults(&name, &text, known, among),
        Err((message, help)) => (Defaults::unread(), vec![Problem::of_file(&name, message, help)]),
    }
}

/// The name that a file gives its team, which other files may mention even while this one is broken. It stands before
/// the first table, so the rest need not be read for it.
#[must_use]
pub fn team_name(text: &str) -> Option<String> {
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
        let shared = path.file_name().is_some_and(|name| name == DEFAULTS);
        if toml && !hidden && !shared && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// That another file, which came first, has the team of this one.
#[must_use]
pub fn name_taken(file: &str, text: &str, other: &str) -> Vec<Problem> {
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
    use crate::rule::{Audience, Quiet};

    const GOOD: &str = "to = [\"mailbox\"]\n[[rule]]\nname = \"all\"\non = [\"*\"]\n";

    /// Without those of repositories.
    fn load_folder(folder: &Path, known: Known<'_>, before: Option<&Arc<Defaults>>) -> Loaded {
        let allowed = TeamsAllowed::default();
        super::load_folder(folder, Repositories { files: &[], allowed: &allowed }, known, before)
    }

    fn load(files: &[(&str, &[u8])]) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::create_dir(folder.path().join("sub.toml")).unwrap();
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let loaded = load_folder(folder.path(), known, None);
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

    /// What a team with this file gets from `_defaults.toml`, and the problems.
    fn with_defaults(defaults: &str, team: &str, before: Option<&Arc<Defaults>>) -> (Loaded, String) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(DEFAULTS), defaults).unwrap();
        fs::write(folder.path().join("a.toml"), format!("team = \"a\"\n{team}")).unwrap();
        let templates = BTreeSet::from(["heads-up".to_owned(), "on-track".to_owned()]);
        let loaded =
            load_folder(folder.path(), Known { templates: &templates, channels: &Available::default() }, before);
        let root = format!("{}/", folder.path().display());
        let problems = loaded.problems.iter().map(|problem| problem.to_string().replace(&root, ""));
        let problems = problems.collect::<Vec<_>>().join("\n");
        (loaded, problems)
    }

    const DEFAULTS_OF_ALL: &str = r#"
        timezone = "Europe/Lisbon"
        audience = "outside"
        quiet = ["sat"]
        budget = "5/day"
        settle = "2m"
        settle_max = "5m"
        every = "1d"
        digest = "daily 09:00"
        own = true
        bots = true
        template = "heads-up"
        opened = "post"
        updated = "edit"
        merged = "reply+broadcast"
        mention = []
        reply_to = "author"
    "#;

    #[test]
    fn a_team_says_it_better_than_the_defaults_and_a_rule_better_than_its_team() {
        let shown = |team: &str| {
            let (loaded, problems) = with_defaults(DEFAULTS_OF_ALL, team, None);
            assert_eq!(problems, "");
            let (_, team) = &loaded.teams[0];
            let rule = &team.rules[0];
            let seconds = [Some(rule.settle), Some(rule.settle_max), rule.every].map(|time| time.map(|t| t.as_secs()));
            format!(
                "{} {:?} {:?} {:?} {seconds:?} {:?} {} {} {:?} {:?} {:?}",
                team.timezone.iana_name().unwrap(),
                team.audience,
                team.quiet == Quiet::default(),
                team.budget,
                rule.digest,
                rule.own,
                rule.bots,
                rule.template,
                rule.manners,
                rule.reply_to
            )
        };
        let own = "timezone = \"UTC\"\naudience = \"inside\"\nquiet = []\nbudget = \"9/week\"\n";
        let sending = "settle = \"1m\"\nsettle_max = \"3m\"\nevery = \"2d\"\ndigest = \"weekly mon 10:00\"\nown = false\n\
                       bots = false\ntemplate = \"on-track\"\nopened = \"reply\"\nupdated = \"reply\"\nmerged = \"reply\"\n\
                       reply_to = \"list\"\n";
        insta::assert_snapshot!([shown(GOOD), shown(&format!("{own}{sending}{GOOD}")), shown(&format!("{GOOD}{sending}"))].join("\n"), @r#"
        Europe/Lisbon Outside false Some(Budget { most: 5, per: Day }) [Some(120), Some(300), Some(86400)] Some(Digest { day: None, time: 09:00:00 }) true true Some("heads-up") Manners { opened: Post, updated: Edit, merged: Broadcast } Author
        UTC Inside true Some(Budget { most: 9, per: Week }) [Some(60), Some(180), Some(172800)] Some(Digest { day: Some(Monday), time: 10:00:00 }) false false Some("on-track") Manners { opened: Reply, updated: Reply, merged: Reply } List
        Europe/Lisbon Outside false Some(Budget { most: 5, per: Day }) [Some(60), Some(180), Some(172800)] Some(Digest { day: Some(Monday), time: 10:00:00 }) false false Some("on-track") Manners { opened: Reply, updated: Reply, merged: Reply } List
        "#);
    }

    #[test]
    fn defaults_are_checked_like_a_team_file() {
        let wrong = "to = [\"mailbox\"]\nsetle = \"1m\"\nsettle = \"10m\"\nsettle_max = \"1m\"\ntemplate = \"headsup\"\n\
                     [lists.a]\nrepo = [\"ingest\"]\nauthor_team = [\"b\"]\n[lists.b]\nlables = []\n";
        let team = format!("{GOOD}repo = [\"@a\"]\n[lists.a]\nrepo = [\"acme/a\"]\n");
        let (loaded, problems) = with_defaults(wrong, &team, None);
        insta::assert_snapshot!(problems, @r#"
        _defaults.toml:1:1: unknown key `to` (each team has its own: write it in the team's file)
        _defaults.toml:2:1: unknown key `setle` (did you mean `settle`?)
        _defaults.toml:4:14: `settle_max` is shorter than `settle`, which is 600s (write at least "600s", or leave it out: then it is three times `settle`)
        _defaults.toml:5:12: there is no template `headsup` (did you mean `heads-up`?)
        _defaults.toml:7:9: `ingest` isn't a repository: the owner is missing (write "*/ingest", or an owner instead of `*`)
        _defaults.toml:8:16: there is no team `b` (did you mean `a`?)
        _defaults.toml:10:1: unknown key `lables` (did you mean `labels`?)
        a.toml:7:1: `_defaults.toml` has a list `a`, too (give this one another name, or leave it out to use the one for all teams)
        "#);
        assert!(loaded.teams.is_empty(), "its list has the name of a shared one");
        let late =
            "settle_max = \"1m\"\n[[rule]]\nname = \"r\"\non = [\"push\"]\nto = [\"mailbox\"]\nsettle = \"3m\"\n";
        insta::assert_snapshot!(with_defaults(DEFAULTS_OF_ALL, late, None).1, @r#"
        a.toml:2:14: `settle_max` is shorter than `settle`, which is 120s (write at least "120s", or leave it out: then it is three times `settle`)
        a.toml:7:10: `settle` is longer than the `settle_max` that holds here, which is 60s (write `settle_max = "180s"` or more here)
        "#);
    }

    #[test]
    fn broken_defaults_leave_those_before_in_force() {
        let team = format!("{GOOD}repo = [\"@a\"]\n");
        let list = "audience = \"inside\"\nsettle = \"0s\"\n[lists.a]\nrepo = [\"acme/a\"]\n";
        let (good, problems) = with_defaults(list, &team, None);
        assert_eq!((problems.as_str(), good.teams[0].1.rules[0].settle.as_secs()), ("", 0));
        for (broken, audience, in_force) in [
            ("settle = \"soon\"\n[lists.a]\nrepo = [\"acme/a\"]\n", Audience::Inside, true),
            ("audience = \"all\"\n[lists.a]\nrepo = [\"acme/a\"]\n", Audience::Outside, true),
            ("settle", Audience::Outside, false),
        ] {
            let (loaded, problems) = with_defaults(broken, &team, Some(&good.defaults));
            let (_, kept) = &loaded.teams[0];
            assert!(problems.starts_with(DEFAULTS), "{problems}");
            assert_eq!((kept.rules[0].settle.as_secs(), kept.audience), (0, Audience::Inside), "{broken}");
            // With nothing before, what can be read of it counts, and what can't tells least.
            let (first, _) = with_defaults(broken, &team, None);
            assert_eq!(first.teams.len(), usize::from(in_force), "{broken}");
            let (first, _) = with_defaults(broken, GOOD, None);
            assert_eq!(first.teams[0].1.audience, audience, "{broken}");
        }
    }

    #[test]
    fn a_missing_folder_is_a_problem() {
        let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
        let loaded = load_folder(Path::new("no/such/folder"), known, None);
        assert!(loaded.teams.is_empty());
        assert!(loaded.problems[0].to_string().starts_with("no/such/folder: this folder can't be read"));
    }

    #[test]
    fn the_examples_are_right() {
        let templates = BTreeSet::from(["heads-up".to_owned()]);
        let known = Known { templates: &templates, channels: &Available::default() };
        let loaded = load_folder(Path::new("rules"), known, None);
        assert_eq!(loaded.problems, []);
        assert_eq!(loaded.teams.len(), 2);
    }
}
