//! Who owns a file: GitHub's CODEOWNERS, and CODENOTIFY, which names people who want to know and not to review.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// GitHub reads no larger CODEOWNERS
/// (<https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>).
const LARGEST: usize = 3_000_000;

/// Where a repository can have its CODEOWNERS: the first that exists counts.
pub const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// The name of the files that say who wants to know of changes in their folder.
pub const NOTIFY: &str = "CODENOTIFY";

/// A list of patterns, each with its owners.
#[derive(Debug, Clone, Default)]
struct Lines {
    patterns: GlobSet,
    /// The line of each pattern in the set
    line_of: Vec<usize>,
    /// By line: logins and teams such as `@ana` and `@acme/web`, or mail addresses, in lower case
    owners: Vec<Vec<String>>,
}

/// A repository's CODEOWNERS.
#[derive(Debug, Clone, Default)]
pub struct CodeOwners(Lines);

impl CodeOwners {
    /// Reads the file. Lines that GitHub doesn't understand are skipped, as they are there.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = if text.len() > LARGEST { "" } else { text };
        Self(Lines::read(text, code_owners_globs))
    }

    /// The owners of a file, from the last line that matches; a line without owners means nobody.
    #[must_use]
    pub fn of(&self, path: &str) -> &[String] {
        let last = self.0.fitting(path).into_iter().max();
        last.map_or(&[], |line| &self.0.owners[line])
    }
}

/// A folder's CODENOTIFY.
#[derive(Debug, Clone, Default)]
pub struct CodeNotify {
    /// The folder, without a slash at its end; empty for the repository itself
    folder: String,
    lines: Lines,
}

impl CodeNotify {
    /// Reads the file of a folder.
    #[must_use]
    pub fn parse(folder: &str, text: &str) -> Self {
        let folder = folder.trim_matches('/').to_owned();
        Self { folder, lines: Lines::read(text, |pattern| vec![literal_brackets(pattern)]) }
    }

    /// Who wants to know of a file: everybody on a line that matches.
    #[must_use]
    pub fn of(&self, path: &str) -> Vec<&str> {
        let below = match self.folder.as_str() {
            "" => Some(path),
            folder => path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
        };
        let lines = below.map(|path| self.lines.fitting(path)).unwrap_or_default();
        lines.into_iter().flat_map(|line| &self.lines.owners[line]).map(String::as_str).collect()
    }
}

impl Lines {
    fn read(text: &str, globs: impl Fn(&str) -> Vec<String>) -> Self {
        let (mut set, mut line_of, mut all) = (GlobSetBuilder::new(), Vec::new(), Vec::new());
        for line in text.lines() {
            let Some((pattern, owners)) = line_parts(line) else { continue };
            let globs = globs(&pattern)
                .into_iter()
                .map(|glob| GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build());
            let Ok(globs) = globs.collect::<Result<Vec<_>, _>>() else { continue };
            for glob in globs {
                set.add(glob);
                line_of.push(all.len());
            }
            all.push(owners);
        }
        // If there are too many patterns, or too large ones, nobody counts as an owner.
        let Ok(patterns) = set.build() else { return Self::default() };
        Self { patterns, line_of, owners: all }
    }

    fn fitting(&self, path: &str) -> Vec<usize> {
        let mut lines: Vec<usize> = self.patterns.matches(path).into_iter().map(|glob| self.line_of[glob]).collect();
        lines.dedup();
        lines
    }
}

/// The pattern and the owners of a line; `None` for comments, empty lines, and lines that GitHub skips because an owner
/// isn't valid.
fn line_parts(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    // Neither `\#` nor `!` has a meaning in CODEOWNERS, so such lines match nothing.
    if line.is_empty() || line.starts_with(['#', '!']) || line.starts_with("\\#") {
        return None;
    }
    let mut end = line.len();
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if c.is_whitespace() && !escaped {
            end = at;
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    let (pattern, rest) = line.split_at(end);
    let words = rest.split_whitespace().take_while(|word| !word.starts_with('#'));
    let owners = words.map(str::to_lowercase).collect::<Vec<_>>();
    owners.iter().all(|owner| is_owner(owner)).then(|| (pattern.to_owned(), owners))
}

fn is_owner(text: &str) -> bool {
    match text.strip_prefix('@') {
        Some(name) => name.split('/').count() <= 2 && name.split('/').all(|part| !part.is_empty()),
        None => text.parse::<lettre::Address>().is_ok(),
    }
}

/// The globs for a pattern of CODEOWNERS. As in `.gitignore`, a slash at the beginning or in the middle anchors it at
/// the root, and one at the end means everything in a folder; but a final `*` doesn't enter folders.
fn code_owners_globs(pattern: &str) -> Vec<String> {
    let folder = pattern.ends_with('/');
    let body = literal_brackets(pattern.trim_end_matches('/'));
    let root = body.contains('/');
    let body = body.trim_start_matches('/');
    if body.is_empty() {
        return if pattern.is_empty() { Vec::new() } else { vec!["**".to_owned()] };
    }
    let anywhere = if root || body == "**" { "" } else { "**/" };
    let last = body.rsplit('/').next().unwrap_or(body);
    let (itself, below) = (format!("{anywhere}{body}"), format!("{anywhere}{body}/**"));
    match (folder, last) {
        (true, _) => vec![below],
        (false, "*" | "**") => vec![itself],
        (false, _) => vec![itself, below],
    }
}

/// Escapes brackets and braces, since GitHub has neither ranges nor alternatives.
fn literal_brackets(pattern: &str) -> String {
    let mut literal = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if matches!(c, '[' | ']' | '{' | '}') {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(text: &str, path: &str) -> String {
        CodeOwners::parse(text).of(path).join(" ")
    }

    /// The situations of the example in GitHub's documentation, in other words.
    #[test]
    fn the_documented_example() {
        let text = "\
            # a comment\n\
            *       @everything-one @everything-two\n\
            *.js    @scripts #an inline comment\n\
            *.go go@example.com\n\
            *.txt @acme/writers\n\
            /build/logs/ @doctor\n\
            docs/* docs@example.com\n\
            apps/ @apps\n\
            /docs/ @doctor\n\
            /scripts/ @doctor @apps\n\
            **/logs @logs\n\
            /apps/ @apps\n\
            /apps/github\n\
            /apps/github/own @doctor\n";
        for (path, expected) in [
            ("README.md", "@everything-one @everything-two"),
            ("src/deep/er/file.rb", "@everything-one @everything-two"),
            ("src/app.js", "@scripts"),
            ("cmd/main.go", "go@example.com"),
            ("notes/a.txt", "@acme/writers"),
            ("build/logs/today/out", "@logs"),
            ("docs/getting-started.md", "@doctor"),
            ("docs/build-app/troubleshooting.md", "@doctor"),
            ("old/apps/x.md", "@apps"),
            ("scripts/run.sh", "@doctor @apps"),
            ("deploy/deeply/nested/logs/1.log", "@logs"),
            ("logs", "@logs"),
            ("apps/web/x", "@apps"),
            ("apps/github/x", ""),
            ("apps/github/own/x", "@doctor"),
        ] {
            assert_eq!(owners(text, path), expected, "{path}");
        }
    }

    /// Each: a pattern, paths that it fits, paths that it doesn't.
    #[test]
    fn patterns() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("*", &["a", "a/b", ".x", "a/.b/c"], &[]),
            ("**", &["a", "a/b/c"], &[]),
            ("/", &["a", "a/b"], &[]),
            ("/*", &["a", ".x"], &["a/b"]),
            ("/**", &["a", "a/b"], &[]),
            ("a", &["a", "a/b", "x/a", "x/a/b/c"], &["ab", "x/ab", "A"]),
            ("a/", &["a/b", "x/a/b", "a/b/c"], &["a", "x/a"]),
            ("/a", &["a", "a/b"], &["x/a", "x/a/b"]),
            ("/a/", &["a/b", "a/b/c"], &["a", "x/a/b"]),
            ("a/b", &["a/b", "a/b/c"], &["x/a/b", "a/bc"]),
            ("a/b/", &["a/b/c"], &["a/b", "x/a/b/c"]),
            ("a/*", &["a/b", "a/.b"], &["a/b/c", "x/a/b", "a"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "x/a/b"]),
            ("a/*/c", &["a/b/c", "a/b/c/d"], &["a/c", "a/b/b/c"]),
            ("a/**/c", &["a/c", "a/b/c", "a/b/b/c", "a/b/c/d"], &["x/a/c"]),
            ("**/a", &["a", "x/a", "x/y/a", "x/a/b"], &["xa"]),
            ("**/a/", &["a/b", "x/a/b"], &["a", "x/a"]),
            ("**/a/*", &["a/b", "x/a/b"], &["a/b/c"]),
            ("**/*.md", &["a.md", "x/y/a.md"], &["a.mdx"]),
            ("*.md", &["a.md", "x/a.md", "x.md/y"], &["a.mdx", "md"]),
            ("/*.md", &["a.md"], &["x/a.md"]),
            ("a*.md", &["a.md", "ab.md", "x/ab.md"], &["b.md"]),
            ("a?c", &["abc", "x/abc"], &["ac", "abbc", "a/c"]),
            ("/a?c", &["abc"], &["a/c", "x/abc"]),
            ("*.", &["a.", "x/a."], &["a"]),
            (".github/", &[".github/x", "x/.github/y"], &[".github"]),
            ("/.github/**", &[".github/x", ".github/x/y"], &["x/.github/y"]),
            ("a\\ b.txt", &["a b.txt", "x/a b.txt"], &["a", "b.txt"]),
            ("/a\\ b/", &["a b/c"], &["a/c"]),
            ("a[0-9].txt", &["a[0-9].txt"], &["a1.txt"]),
            ("a{b,c}.txt", &["a{b,c}.txt"], &["ab.txt"]),
            ("a\\*b", &["a*b"], &["axb"]),
            ("a#b", &["a#b"], &["a"]),
            ("@a/b.ts", &["@a/b.ts"], &["x/@a/b.ts"]),
            ("ä/ö.txt", &["ä/ö.txt"], &["a/o.txt"]),
            ("a//b", &[], &["a/b"]),
            ("./a", &[], &["a"]),
            ("../a", &[], &["a"]),
            ("A", &["A"], &["a"]),
            ("a.b", &["a.b"], &["axb"]),
            ("a+(b)", &["a+(b)"], &["aab"]),
            ("a^$|b", &["a^$|b"], &["a"]),
            ("a/b*", &["a/b", "a/bc", "a/bc/d"], &["a/c"]),
            ("a/*.js", &["a/b.js"], &["a/c/b.js"]),
            ("**/a/**", &["a/b", "x/a/b/c"], &["a"]),
        ];
        assert!(table.len() >= 40);
        for (pattern, fit, miss) in table {
            let file = format!("{pattern} @o");
            fit.iter().for_each(|path| assert_eq!(owners(&file, path), "@o", "{pattern} fits {path}"));
            miss.iter().for_each(|path| assert_eq!(owners(&file, path), "", "{pattern} does not fit {path}"));
        }
    }

    #[test]
    fn what_is_no_line_counts_for_nothing() {
        for line in ["# * @x", "\\#a @x", "!a @x", "a x", "a @", "a @x/", "a @x/y/z", "a @x b@", "", "   "] {
            assert_eq!(owners(&format!("* @all\n{line}\n"), "a"), "@all", "{line}");
        }
        assert_eq!(owners("* @A @Acme/Web B@Example.com # @c", "a"), "@a @acme/web b@example.com");
        assert_eq!(owners("*\t@a\t@b\r\n", "a"), "@a @b");
        assert_eq!(owners(&"* @a\n".repeat(700_000), "a"), "", "GitHub reads no file this large");
    }

    #[test]
    fn whoever_asks_to_be_told_is_told() {
        let root =
            CodeNotify::parse("", "file.go @ana @bo\nfile.go @li\n/file.go @nobody\n**/*.md @docs\n*.rs @here\n");
        assert_eq!(root.of("file.go"), ["@ana", "@bo", "@li"]);
        assert_eq!(root.of("a/b.md"), ["@docs"]);
        assert_eq!((root.of("x.rs").len(), root.of("a/x.rs").len()), (1, 0));
        let below = CodeNotify::parse("a/b", "* @ana\n../x @nobody\nsub/y @bo");
        assert_eq!((below.of("a/b/c"), below.of("a/b/sub/y")), (vec!["@ana"], vec!["@bo"]));
        for path in ["a/c", "a/b/c/d", "a/bc", "a/x", "x"] {
            assert_eq!(below.of(path), [""; 0], "{path}");
        }
    }
}
