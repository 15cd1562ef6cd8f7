//! The names of occurrences, by which the same one is known whichever deliveries tell of it.

use jiff::Timestamp;

/// The name made of these parts. Each tells where it comes from, and an `@` begins something else in a name.
pub fn name(parts: &[&str]) -> String {
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
    name
}

/// The name of something that can happen to one subject again and again: its time tells one from the next.
pub fn at(parts: &[&str], time: Option<Timestamp>) -> Option<String> {
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
