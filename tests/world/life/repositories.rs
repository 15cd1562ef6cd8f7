//! What happens to repositories: releases, and what was public becomes private.

use std::time::Duration;

use jiff::Timestamp;
use microalign::event::Source;

use super::super::payload::{Release, privatized};
use super::super::traffic::Fact;
use super::{DAY, Plan, World, of_release};

impl World<'_> {
    /// Half of the public repositories become private some day.
    pub(super) fn become_private(&mut self, plan: &Plan) {
        let company = self.company;
        for repo in company.repos.iter().filter(|repo| !repo.private).step_by(2) {
            let at = plan.begin + Duration::from_secs(self.rng.u64(DAY..plan.days * DAY));
            let actor = self.member(repo.owner);
            self.privatized.push((&repo.name, at));
            let fact = Fact::new((&repo.name, repo.name.clone()), "privatized", actor, at);
            self.happens((Source::Github, "repository"), &privatized(&repo.name, actor), fact);
        }
    }

    /// A team publishes a release, now and then several times in a row, or takes it back.
    pub(super) fn release(&mut self, team: usize, week: u64, at: Timestamp) {
        let company = self.company;
        let own = company.repos.iter().filter(|repo| repo.owner == team).collect::<Vec<_>>();
        let repo = &own[self.rng.usize(..own.len())].name;
        let at = self.at_work(at, &company.teams[team].zone);
        let (actor, id) = (self.member(team), self.id());
        let private = self.is_private(repo, at);
        let tag = format!("v1.{week}.0");
        let mut release = Release { repo: repo.clone(), tag, id, published: at, updated: at, private, live: true };
        self.publish(&release, "published", actor);
        let tries = if self.chance(0.4) { self.rng.usize(1..8) } else { 0 };
        for _ in 0..tries {
            release.updated += Duration::from_secs(self.rng.u64(4..20));
            release.live = false;
            self.publish(&release, "deleted", actor);
            if self.chance(0.2) {
                return;
            }
            release.updated += Duration::from_secs(self.rng.u64(4..20));
            (release.id, release.published, release.live) = (self.id(), release.updated, true);
            self.publish(&release, "published", actor);
        }
    }

    fn publish(&mut self, release: &Release, action: &str, actor: &str) {
        let body = release.happened(action, actor);
        self.happens((Source::Github, "release"), &body, of_release(release, actor));
    }
}
