//! Takes a person's words and names out of what is known.

use crate::event::Person;

use super::Known;

impl Known {
    /// Takes a person's words and names out of what is known of the subject that is called `key`.
    pub fn forget(&mut self, person: &Person, key: &str) {
        let Self { about, tickets: _, milestone: _, updated_at: _, reviews, gone: _, host: _ } = self;
        about.forget(person, key, false);
        reviews.forget(person);
    }
}
