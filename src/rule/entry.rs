//! Reads the entries of each list of a rule: what counts as equal, and which mistakes would match nothing.

use std::collections::BTreeSet;

use super::pattern::{Pattern, Syntax};
use crate::event::{EventKind, Kinds};
use crate::toml_file::{Wrong, did_you_mean, nearest};

/// How the entries of a condition's list are read, by its key.
pub(super) fn reader(key: &str) -> fn(&str) -> Result<Pattern, Wrong> {
    match key {
        "repo" => repo,
        "base" | "head" | "branch" => branch,
        "paths" => path,
        "author" | "actor" | "assignee" => login,
        "reviewer" => reviewer,
        "author_team" => team,
        "ticket" | "parent" => ticket,
        _ => text,
    }
}

/// Whether a condition takes logins, which people write with an `@` elsewhere.
pub(super) fn is_of_people(key: &str) -> bool {
    matches!(key, "author" | "actor" | "assignee" | "reviewer")
}

fn pattern(text: &str, syntax: Syntax) -> Result<Pattern, Wrong> {
    Pattern::new(text, syntax).map_err(|message| (message, None))
}

/// Labels, titles, ticket keys and other values of tickets, slugs, environments, workflows.
pub(super) fn text(text: &str) -> Result<Pattern, Wrong> {
    pattern(text, Syntax { separated: false, caseless: true })
}

/// Keys of tickets, in Jira or of issues.
fn ticket(key: &str) -> Result<Pattern, Wrong> {
    let name = key.trim_start_matches('!');
    if let Some((repository, number)) = name.split_once('#')
        && !repository.contains(['/', '*', '{'])
    {
        let not = &key[..key.len() - name.len()];
        let owner = if repository.is_empty() { "acme/api" } else { "acme/" };
        let help =
            format!("write \"{not}{owner}{repository}#{number}\", with the owner and the repository of the issue");
        return Err((format!("`{name}` isn't an issue: its repository is missing"), Some(help)));
    }
    text(key)
}

/// Case matters in git's branches.
fn branch(text: &str) -> Result<Pattern, Wrong> {
    pattern(text, Syntax { separated: true, caseless: false })
}

/// Files, from the top of the repository.
pub(super) fn path(text: &str) -> Result<Pattern, Wrong> {
    let path = text.trim_start_matches('!');
    let not = &text[..text.len() - path.len()];
    let told = |why: &str, right: &str| {
        Err((format!("`{path}` matches no file: {why}"), Some(format!("write \"{not}{right}\""))))
    };
    if let Some(right) = path.strip_prefix("./").or_else(|| path.strip_prefix('/')) {
        return told("paths start at the top of the repository", right);
    }
    if path.ends_with('/') {
        return told("it names a folder", &format!("{path}**"));
    }
    pattern(text, Syntax { separated: true, caseless: false })
}

/// Teams, by the names that they have in their files.
pub(super) fn team(text: &str) -> Result<Pattern, Wrong> {
    pattern(text, Syntax { separated: false, caseless: false })
}

/// Case doesn't matter in GitHub's names of repositories.
pub(super) fn repo(text: &str) -> Result<Pattern, Wrong> {
    let name = text.trim_start_matches('!');
    if !name.is_empty() && !name.contains('/') && !name.contains("**") {
        let not = &text[..text.len() - name.len()];
        return Err((
            format!("`{name}` isn't a repository: the owner is missing"),
            Some(format!("write \"{not}*/{name}\", or an owner instead of `*`")),
        ));
    }
    if !can_exist(name) {
        let help = "write the owner and the name, such as \"acme/api\"; before them, there can be a server";
        return Err((format!("`{name}` isn't a repository"), Some(help.to_owned())));
    }
    pattern(text, Syntax { separated: true, caseless: true })
}

/// Whether a repository can have a name that this pattern matches: an owner and a name of its own, or a server before them.
fn can_exist(pattern: &str) -> bool {
    let mut words = pattern.split(['/', '{', ',', '}']);
    let parts = || pattern.split('/').filter(|part| *part != "**");
    let slashes_are_plain = !pattern.contains('{');
    words.all(|word| word != "." && word != "..")
        && (!slashes_are_plain || parts().count() <= 3 && parts().all(|part| !part.is_empty()))
}

/// Logins and names of people.
fn login(name: &str) -> Result<Pattern, Wrong> {
    plain_login(name.trim_start_matches('!'))?;
    text(name)
}

/// Logins, and teams by their slugs, which GitHub shows after the organisation's name.
fn reviewer(name: &str) -> Result<Pattern, Wrong> {
    let plain = name.trim_start_matches('!');
    match plain.trim_start_matches('@').split_once('/') {
        Some((_, slug)) => {
            let not = &name[..name.len() - plain.len()];
            let help = format!("write \"{not}{slug}\", without the organisation");
            Err((format!("`{plain}` is neither a login nor a team's slug"), Some(help)))
        }
        None => login(name),
    }
}

/// A login without the `@` with which people are mentioned.
pub(super) fn plain_login(name: &str) -> Result<(), Wrong> {
    match name.strip_prefix('@') {
        Some(login) => Err((format!("`{name}` isn't a login"), Some(format!("write \"{login}\", without the `@`")))),
        None => Ok(()),
    }
}

/// Kinds of events. An entry that matches none is a mistake.
pub(super) fn event(text: &str) -> Result<Pattern, Wrong> {
    let pattern = pattern(text, Syntax { separated: false, caseless: false })?;
    if EventKind::ALL.iter().any(|kind| pattern.fits(kind.as_str())) {
        return Ok(pattern);
    }
    let name = text.trim_start_matches('!');
    Err((format!("`{name}` isn't an event"), Some(event_meant(name))))
}

/// The kinds that an entry such as `pull_request.*` stands for.
///
/// # Errors
/// Why it stands for none.
pub fn kinds(text: &str) -> Result<Kinds, Wrong> {
    let pattern = event(text)?;
    Ok(EventKind::ALL.iter().copied().filter(|kind| pattern.fits(kind.as_str())).collect())
}

/// Suggests the event that was probably meant: one with a similar name, the events with such a name in any family, or
/// the families.
fn event_meant(name: &str) -> String {
    let names = || EventKind::ALL.iter().map(|kind| kind.as_str());
    if let Some(help) = did_you_mean(name, names()) {
        return help;
    }
    let parts = |known: &'static str| known.split_once('.');
    let (family, last) = name.split_once('.').unwrap_or(("", name));
    if let Some(last) = nearest(last, names().filter_map(parts).map(|(_, last)| last)) {
        let alike: Vec<_> = names().filter(|known| parts(known).is_some_and(|(_, other)| other == last)).collect();
        return format!("did you mean `{}`?", alike.join("` or `"));
    }
    let families: BTreeSet<_> = names().filter_map(parts).map(|(family, _)| family).collect();
    match nearest(family, families.iter().copied()) {
        Some(family) => format!("did you mean `{family}.*`?"),
        None => format!("the kinds are `{}.*`", families.into_iter().collect::<Vec<_>>().join(".*`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_an_owner_a_name_and_perhaps_a_server() {
        for right in [
            "acme/api",
            "git.example.com/acme/api",
            "*/*",
            "!*/api",
            "**",
            "acme/**",
            "**/api",
            "{acme,other}/api",
            "{acme/a,other/b,third/c}",
            "acme/.github",
            "acme/a..b",
        ] {
            assert!(repo(right).is_ok(), "{right}");
        }
        for wrong in [
            "api",
            "!api",
            "../../etc/passwd",
            "a/b/c/d",
            "acme/",
            "/api",
            "acme//api",
            "acme/..",
            "acme/.",
            "a/b/c/d/**",
            "!a/../b",
            "acme/{..,api}",
        ] {
            assert!(repo(wrong).is_err(), "{wrong}");
        }
    }
}
