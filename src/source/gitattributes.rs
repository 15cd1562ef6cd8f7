//! Which files are generated, as a repository says in `.gitattributes` (<https://git-scm.com/docs/gitattributes>).

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The name of the files. There can be one in each folder.
pub const NAME: &str = ".gitattributes";

/// By which GitHub leaves files out of differences and statistics
/// (<https://docs.github.com/repositories/working-with-files/managing-files/customizing-how-changed-files-appear-on-github>).
const ATTRIBUTE: &str = "linguist-generated";

/// No repository has a larger one. Much larger ones would take memory.
const LARGEST: usize = 1_000_000;

/// What one file says.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    /// The file's folder, without a slash at its end; empty for the repository itself
    folder: String,
    patterns: GlobSet,
    /// What each pattern's line says; `None` for nothing, whatever was said before
    says: Vec<Option<bool>>,
}

impl Attributes {
    /// Reads the file of a folder. Lines that git doesn't understand are skipped, as they are there.
    #[must_use]
    pub fn parse(folder: &str, text: &str) -> Self {
        let (mut set, mut says) = (GlobSetBuilder::new(), Vec::new());
        for line in text.get(..LARGEST.min(text.len())).unwrap_or_default().lines() {
            let Some((glob, said)) = read_line(line) else { continue };
            let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
            if let Ok(glob) = glob {
                set.add(glob);
                says.push(said);
            }
        }
        let folder = folder.trim_matches('/').to_owned();
        // If the patterns are too many, or too large, they say nothing.
        set.build().map_or_else(|_| Self::default(), |patterns| Self { folder, patterns, says })
    }

    /// What it says of a file, by the last line that matches.
    fn of(&self, path: &str) -> Option<Option<bool>> {
        let below = match self.folder.as_str() {
            "" => path,
            folder => path.strip_prefix(folder)?.strip_prefix('/')?,
        };
        self.patterns.matches(below).into_iter().max().map(|line| self.says[line])
    }
}

/// Whether files call another generated. One in a folder further down is heard after those above it.
#[must_use]
pub fn is_generated(files: &[Attributes], path: &str) -> bool {
    let mut said = files.iter().filter_map(|file| Some((file.folder.len(), file.of(path)?))).collect::<Vec<_>>();
    said.sort_by_key(|(depth, _)| *depth);
    said.last().is_some_and(|(_, said)| *said == Some(true))
}

/// The glob of a line's pattern, and what the line says; `None` if it says nothing of what is generated.
fn read_line(line: &str) -> Option<(String, Option<bool>)> {
    let line = line.trim();
    // Macros are not for files, and git forbids patterns that exclude.
    if line.starts_with(['#', '!']) || line.starts_with("[attr]") {
        return None;
    }
    let (pattern, rest) = if let Some(quoted) = line.strip_prefix('"') {
        unquoted(quoted)?
    } else {
        let end = line.find(char::is_whitespace)?;
        (line[..end].to_owned(), &line[end..])
    };
    let said = rest.split_whitespace().filter_map(said).next_back()?;
    Some((glob(&pattern)?, said))
}

/// A quoted text up to its end, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut plain, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return Some((plain, &text[at + 1..])),
            '\\' if !escaped => escaped = true,
            c => {
                plain.push(c);
                escaped = false;
            }
        }
    }
    None
}

/// What an attribute says of what is generated; `None` for another attribute.
fn said(attribute: &str) -> Option<Option<bool>> {
    match attribute.strip_prefix(['-', '!']) {
        Some(ATTRIBUTE) => Some(attribute.starts_with('-').then_some(false)),
        Some(_) => None,
        None => match attribute.split_once('=') {
            None => (attribute == ATTRIBUTE).then_some(Some(true)),
            Some((name, value)) => (name == ATTRIBUTE).then_some(Some(value != "false")),
        },
    }
}

/// As in `.gitignore`, a slash at the beginning or in the middle anchors a pattern at the folder; but a folder's name doesn't
/// stand for the files in it, and a pattern with a slash at its end matches nothing.
fn glob(pattern: &str) -> Option<String> {
    if pattern.ends_with('/') {
        return None;
    }
    let body = pattern.replace('{', "\\{").replace('}', "\\}");
    match body.strip_prefix('/') {
        Some(body) => Some(body.to_owned()),
        None if body.contains('/') => Some(body),
        None => Some(format!("**/{body}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(files: &[(&str, &str)], path: &str) -> bool {
        let files = files.iter().map(|(folder, text)| Attributes::parse(folder, text)).collect::<Vec<_>>();
        is_generated(&files, path)
    }

    #[test]
    fn which_files_a_pattern_is_for() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("*.pb.go", &["a.pb.go", "x/y/a.pb.go"], &["a.go"]),
            ("/*.lock", &["Cargo.lock"], &["x/Cargo.lock"]),
            ("gen/*.js", &["gen/a.js"], &["gen/x/a.js", "x/gen/a.js"]),
            ("gen/**", &["gen/a", "gen/x/a"], &["gen", "x/gen/a"]),
            ("**/gen/**", &["gen/a", "x/gen/y/a"], &["gen"]),
            ("gen", &["gen", "x/gen"], &["gen/a"]),
            ("gen/", &[], &["gen", "gen/a"]),
            ("a/**/b", &["a/b", "a/x/y/b"], &["b"]),
            ("[ab].txt", &["a.txt", "x/b.txt"], &["c.txt", "[ab].txt"]),
            ("{a,b}.txt", &["{a,b}.txt"], &["a.txt"]),
            ("\"a b\\\"c.txt\"", &["a b\"c.txt"], &["a"]),
            ("?.md", &["a.md"], &["ab.md", "a/.md"]),
        ];
        for (pattern, fit, miss) in table {
            let text = format!("{pattern} linguist-generated\n");
            fit.iter().for_each(|path| assert!(generated(&[("", &text)], path), "{pattern} fits {path}"));
            miss.iter().for_each(|path| assert!(!generated(&[("", &text)], path), "{pattern} does not fit {path}"));
        }
    }

    #[test]
    fn what_a_line_says() {
        for (line, expected) in [
            ("* linguist-generated", true),
            ("* linguist-generated=true", true),
            ("* linguist-generated=1", true),
            ("* text linguist-generated -diff", true),
            ("* linguist-generated -linguist-generated", false),
            ("* -linguist-generated", false),
            ("* linguist-generated=false", false),
            ("* !linguist-generated", false),
            ("* linguist-vendored", false),
            ("* linguist-generatedly", false),
            ("*", false),
            ("# * linguist-generated", false),
            ("!* linguist-generated", false),
            ("[attr]gen linguist-generated", false),
            ("\"* linguist-generated", false),
            ("[ linguist-generated", false),
        ] {
            assert_eq!(generated(&[("", line)], "a"), expected, "{line}");
        }
    }

    #[test]
    fn later_lines_and_deeper_files_are_heard_last() {
        let root = "gen/** linguist-generated\n*.md -linguist-generated\ngen/docs/x.md linguist-generated=true\n";
        let files = [("gen/hand", "* !linguist-generated\nb linguist-generated\n"), ("", root), ("gen/hand/c", "")];
        for (path, expected) in [
            ("gen/a", true),
            ("gen/a.md", false),
            ("gen/docs/x.md", true),
            ("gen/hand/a", false),
            ("gen/hand/b", true),
            ("gen/handy/a", true),
            ("gen/hand/c/a", false),
            ("src/a", false),
        ] {
            assert_eq!(generated(&files, path), expected, "{path}");
        }
    }
}
