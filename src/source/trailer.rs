//! Notes as trailers of a commit's message, by git's rules: <https://git-scm.com/docs/git-interpret-trailers>

use crate::event::EventKind;

use super::note::Said;

/// The notes in a commit's message, in their order.
pub fn notes(message: &str) -> Vec<Said> {
    trailers(message).into_iter().filter_map(|(key, value)| Said::read(kind(key)?, &value)).collect()
}

fn kind(key: &str) -> Option<EventKind> {
    Some(match key.to_ascii_lowercase().as_str() {
        "microalign-assumed" => EventKind::NoteAssumed,
        "microalign-decided" => EventKind::NoteDecided,
        "microalign-heads-up" | "microalign-headsup" => EventKind::NoteHeadsUp,
        "microalign-delayed" => EventKind::NoteDelayed,
        "microalign-blocked" => EventKind::NoteBlocked,
        _ => return None,
    })
}

/// The trailers: the last paragraph, unless it is the only one, and unless more than three quarters of it are others'
/// lines.
fn trailers(message: &str) -> Vec<(&str, String)> {
    let lines: Vec<&str> = message.trim().lines().collect();
    let Some(blank) = lines.iter().rposition(|line| line.trim().is_empty()) else { return Vec::new() };
    let mut trailers: Vec<(&str, String)> = Vec::new();
    let (mut others, mut in_trailer) = (0, false);
    for line in &lines[blank + 1..] {
        let further = line.starts_with([' ', '\t']);
        match (trailers.last_mut(), key_and_value(line)) {
            (Some((_, value)), _) if further && in_trailer => {
                value.push(' ');
                value.push_str(line);
            }
            (_, Some((key, value))) if !further => {
                trailers.push((key, value.to_owned()));
                in_trailer = true;
            }
            _ => {
                others += 1;
                in_trailer = false;
            }
        }
    }
    if others > 3 * trailers.len() { Vec::new() } else { trailers }
}

fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim_end();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_key.then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_end_a_message() {
        let assumed = |words: &str| Vec::from_iter(Said::read(EventKind::NoteAssumed, words));
        for (message, expected) in [
            ("Add ids\n\nMicroalign-Assumed: ids are stable", assumed("ids are stable")),
            (
                "Add ids\n\nWhy.\n\nMICROALIGN-assumed : ids\n  are\n\tstable\nSigned-off-by: Ana\n",
                assumed("ids are stable"),
            ),
            ("Add ids\r\n\r\nMicroalign-Assumed: x\r\n", assumed("x")),
            ("Add ids\n\nMicroalign-Assumed: @web  @acme/data x", assumed("@web @acme/data x")),
            ("Add ids\n\nMicroalign-Assumed: @web", Vec::new()),
            ("Add ids\n\nSee the plan\nMicroalign-Assumed: x", assumed("x")),
            ("Microalign-Assumed: the subject isn't a trailer", Vec::new()),
            ("Add ids\n\nMicroalign-Assumed: x\n\nMore words.", Vec::new()),
            ("Add ids\n\none\ntwo\nthree\nfour\nMicroalign-Assumed: prose", Vec::new()),
            ("Add ids\n\n  Microalign-Assumed: indented", Vec::new()),
            ("Add ids\n\nMicroalign-Assumed:\nMicroalign-Guessed: x", Vec::new()),
            ("", Vec::new()),
        ] {
            assert_eq!(notes(message), expected, "{message}");
        }
        let all = "x\n\nMicroalign-Decided: a\nMicroalign-Heads-Up: b\nMicroalign-Headsup: c\nMicroalign-Delayed: d\nMicroalign-Blocked: e";
        let kinds: Vec<_> = notes(all).into_iter().map(|said| format!("{} {}", said.kind, said.words)).collect();
        assert_eq!(kinds, ["note.decided a", "note.heads_up b", "note.heads_up c", "note.delayed d", "note.blocked e"]);
    }
}
