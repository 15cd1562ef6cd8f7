//! What one person does to many things within a minute.

use std::time::Duration;

use jiff::Timestamp;

use super::super::payload::Status;
use super::World;

impl World<'_> {
    /// Somebody closes what a sprint has left.
    pub(super) fn many_tickets_done(&mut self, team: usize, week: u64, at: Timestamp) {
        let begun = self.at_work(at, &self.company.teams[team].zone);
        let assignee = self.member(team).to_owned();
        self.bulk = Some(self.id());
        for index in 0..self.rng.u64(12..30) {
            let (mut ticket, _) =
                self.new_ticket(team, 10_000 + 100 * week + index, begun + Duration::from_secs(index));
            ticket.assignee.clone_from(&assignee);
            ticket.status = Status::InReview;
            self.moves(&mut ticket, Status::Done);
        }
        self.bulk = None;
    }

    /// A script opens the same change again and again.
    pub(super) fn many_pull_requests(&mut self, team: usize, at: Timestamp) {
        let begun = self.at_work(at, &self.company.teams[team].zone);
        let author = self.member(team).to_owned();
        self.bulk = Some(self.id());
        for index in 0..self.rng.u64(12..24) {
            let mut pr = self.open(team, None, begun + Duration::from_secs(2 * index));
            pr.author.clone_from(&author);
            pr.draft = false;
            self.act(&pr, "opened", &author, serde_json::json!({}));
        }
        self.bulk = None;
    }
}
