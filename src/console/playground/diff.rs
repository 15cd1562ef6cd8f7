//! What was changed, as a patch for the team's repository.

use std::time::Duration;

use similar::TextDiff;

use super::Texts;

/// Two texts that have nothing in common take long to compare; then the patch is larger than it could be.
const WITHIN: Duration = Duration::from_millis(300);

pub(super) fn unified(texts: &Texts) -> String {
    let (file, old, new) = &texts.file;
    let template = texts.template.as_ref().map(|(name, old, new)| of(&format!("templates/{name}.hbs"), old, new));
    format!("{}{}", of(file, old, new), template.unwrap_or_default())
}

fn of(file: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let before = if old.is_empty() { "/dev/null".to_owned() } else { format!("a/{file}") };
    let diff = TextDiff::configure().timeout(WITHIN).diff_lines(old, new);
    diff.unified_diff().header(&before, &format!("b/{file}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_patch() {
        let file = ("rules/web.toml".to_owned(), "a\nb\nc\n".to_owned(), "a\nB\nc\n".to_owned());
        let template = Some(("merged".to_owned(), String::new(), "New.\n".to_owned()));
        insta::assert_snapshot!(unified(&Texts { file: file.clone(), template }), @"
        --- a/rules/web.toml
        +++ b/rules/web.toml
        @@ -1,3 +1,3 @@
         a
        -b
        +B
         c
        --- /dev/null
        +++ b/templates/merged.hbs
        @@ -0,0 +1 @@
        +New.
        ");
        let same = (file.0, file.1.clone(), file.1);
        assert_eq!(unified(&Texts { file: same, template: None }), "");
    }
}
