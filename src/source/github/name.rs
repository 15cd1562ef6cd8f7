//! The names of occurrences, which are the same in all deliveries that report an occurrence.

use crate::event::OccurrenceId;
use jiff::Timestamp;

/// A name of these parts. An `@` in them is replaced, since it has a special meaning in a name.
pub fn name(parts: &[&str]) -> OccurrenceId {
    let mut name = "github".to_owned();
    for part in parts {
        name.push(':');
        for c in part.chars() {
            match c {
                '@' => name.push_str("%40"),
                '%' => name.push_str("%25"),
                c => name.push(c),
            }
        }
    }
    name.into()
}

/// Names something that can happen to a subject repeatedly, and includes its time.
pub fn at(parts: &[&str], time: Option<Timestamp>) -> Option<OccurrenceId> {
    let time = time?.as_millisecond().to_string();
    Some(name(&[parts, &[time.as_str()]].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_can_pretend_to_be_the_time_of_an_edit() {
        assert_eq!(name(&["acme/api#1", "labeled", "a@5 100%"]), "github:acme/api#1:labeled:a%405 100%25");
        assert_eq!(at(&["x"], Some(Timestamp::UNIX_EPOCH)).as_deref(), Some("github:x:0"));
        assert_eq!(at(&["x"], None), None);
    }
}
