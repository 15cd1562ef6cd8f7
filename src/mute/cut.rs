//! Cuts our links and addresses out of words that others will read: whoever has a link may use it.

use super::{LinkAction, Linker};

impl Linker {
    /// A text without the words that contain one of our links, or an address for replies, however a mail program or a filter has
    /// changed what is around it.
    #[must_use]
    pub fn cut_from(&self, text: &str) -> String {
        let kept = text.split_inclusive(char::is_whitespace).map(|word| {
            let end = word.trim_end().len();
            if self.is_in(&word[..end]) { &word[end..] } else { word }
        });
        kept.collect()
    }

    fn is_in(&self, word: &str) -> bool {
        // Filters put a link into the query of their own.
        let word =
            word.replace("%2F", "/").replace("%2f", "/").replace("%40", "@").replace("%2B", "+").replace("%2b", "+");
        // Of one that was broken into lines, the rest is of no use without the beginning.
        let begins = |base: &String| LinkAction::ROUTES.iter().any(|route| word.contains(&format!("{base}/{route}/")));
        let parts = |kept: &'static str| {
            word.split(move |c: char| !c.is_ascii_alphanumeric() && !kept.contains(c))
                .map(|part| part.trim_matches('.'))
        };
        self.base().is_some_and(begins)
            || parts("-_.").any(|part| self.is_ours(part))
            || parts("-_.+@").any(|part| self.answered(part).is_some())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use jiff::Timestamp;

    use super::super::{LinkAction, Linker, Quiet};

    const BASE: &str = "https://microalign.example.com";

    #[test]
    fn what_somebody_could_use_is_cut() {
        let linker = |base: &str| Linker::new(Some(base.to_owned()), vec![7; 32].into());
        let ours = linker(BASE);
        let mute = LinkAction::Quiet(Quiet::Mute { team: "web".to_owned(), thread: "acme/x#4".to_owned() });
        let object = LinkAction::Object { line: "12.3".to_owned() };
        let unsubscribe = Quiet::Unsubscribe { team: "web".to_owned(), to: "email:a@example.com".parse().unwrap() };
        for asked in [mute, object, LinkAction::Quiet(unsubscribe)] {
            // Also one that ended, and one of before the service was moved.
            for (base, at) in
                [(BASE, Timestamp::now()), (BASE, Timestamp::UNIX_EPOCH), ("http://old", Timestamp::now())]
            {
                let link = linker(base).link(&asked, at).unwrap();
                let escaped = link.replace(':', "%3A").replace('/', "%2F");
                for text in [
                    format!("No. {link}"),
                    format!("No. <{link}>."),
                    format!("No. ({link}.)"),
                    format!("No. Mute<{link}>"),
                    format!("No. https://filter.example/?url={escaped}&data=x"),
                    format!("No. {}", link.rsplit_once('/').unwrap().1),
                ] {
                    assert_eq!(ours.cut_from(&text), "No. ", "{text}");
                }
                assert_eq!(ours.cut_from(&format!("> Mute:\n> {link}\nNo.")), "> Mute:\n> \nNo.");
            }
            let link = ours.link(&asked, Timestamp::now()).unwrap();
            let broken = format!("{}=\n{}", &link[..60], &link[60..]);
            assert_eq!(ours.cut_from(&broken), format!("\n{}", &link[60..]), "half of a token opens nothing");
        }
        let tag = ours.reply_tag("41.2").unwrap();
        assert_eq!(ours.cut_from(&format!("To: <updates+{tag}@example.com>, bo@example.com")), "To:  bo@example.com");
    }

    #[test]
    fn other_words_stay() {
        let linker = Linker::new(Some(BASE.to_owned()), vec![7; 32].into());
        let other = Linker::new(Some("https://other.example.com".to_owned()), vec![8; 32].into());
        let theirs = other.link(&LinkAction::Object { line: "12.3".to_owned() }, Timestamp::now()).unwrap();
        for text in ["", " a\n\n b. ", "https://microalign.example.com/events/4", "See 1.2, a@b.c and a+b@c.d", &theirs]
        {
            assert_eq!(linker.cut_from(text), text);
        }
    }
}
