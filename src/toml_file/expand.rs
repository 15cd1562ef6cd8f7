//! `${NAME}` and `${file:PATH}` in the strings of the configuration.

use std::fs;
use std::path::Path;

use super::Wrong;

/// Replaces the references by what they name. `$${` is `${` itself. References within what they name are left as they are.
///
/// # Errors
/// What is wrong, and what would be right, without any value.
pub(super) fn expand(
    text: &str,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, (String, String)> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = reference;
            continue;
        }
        expanded.push_str(before);
        let Some((name, after)) = reference.split_once('}') else {
            return Err(("a `${` has no `}`".to_owned(), "write `$${` for the text itself".to_owned()));
        };
        expanded.push_str(&resolve(name, folder, env)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The same, for a text that is in no document.
///
/// # Errors
/// As above
pub fn expanded(text: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Wrong> {
    expand(text, folder, env).map_err(|(wrong, help)| (wrong, Some(help)))
}

/// Whether anything in a text would have to be looked up.
pub(super) fn has_reference(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| !text[..at].ends_with('$'))
}

fn resolve(name: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<String, (String, String)> {
    if let Some(path) = name.strip_prefix("file:") {
        // Editors and `echo` end a file with a line break that isn't part of the secret.
        return match fs::read_to_string(folder.join(path)) {
            Ok(content) => Ok(content.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                let help = "the path starts at the configuration's folder".to_owned();
                Err((format!("the file `{path}` can't be read: {error}"), help))
            }
        };
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let help = "write `${NAME}`, `${file:PATH}`, or `$${` for the text itself".to_owned();
        return Err(("this `${…}` doesn't name an environment variable".to_owned(), help));
    }
    env(name).ok_or_else(|| {
        let help = format!("set it, or write `${{file:PATH}}` to read a file, or `$${{{name}}}` for the text itself");
        (format!("the environment variable `{name}` isn't set"), help)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn references() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "a ${NAME}\r\n\n").unwrap();
        let env = |name: &str| (name == "NAME").then(|| "b".to_owned());
        let table = [
            ("plain $ $$ } {", "plain $ $$ } {"),
            ("x${NAME}y${NAME}", "xbyb"),
            ("$${NAME}", "${NAME}"),
            ("$$${NAME}", "$${NAME}"),
            ("${file:token}", "a ${NAME}"),
        ];
        for (text, expected) in table {
            assert_eq!(expand(text, folder.path(), &env).unwrap(), expected, "{text}");
        }
        for (text, expected) in [("a$${B}", false), ("a${B}", true), ("$${A}${B}", true), ("$", false)] {
            assert_eq!(has_reference(text), expected, "{text}");
        }
        for bad in ["${", "${}", "${NAME", "${OTHER}", "${A B}", "${file:none}"] {
            assert!(expand(bad, folder.path(), &env).is_err(), "{bad}");
        }
    }
}
