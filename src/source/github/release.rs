//! Releases.

use crate::event::{
    About, Event, EventKind, OccurrenceId, Outcome, Renamed, SubjectKey, Thing, ThingKind, Undoes, Undone,
};
use crate::source::lenient::Id;
use crate::source::{Understood, not_news, summary};

use super::payload::Release;
use super::thing::thing;
use super::{Delivery, first, is_sha, missing, name, own_words, time, undoing};

/// `release`
pub fn changed(delivery: &Delivery<'_>) -> Understood {
    let kind = match delivery.action() {
        "published" | "edited" | "deleted" | "unpublished" => EventKind::ReleasePublished,
        // A release that was never a pre-release sends this too, and the payload doesn't say which it was.
        "released" => EventKind::ReleasePromoted,
        "created" => return Err(not_news("a release is reported when it is published")),
        "prereleased" => {
            return Err(not_news("a pre-release is reported as `release.published`, which comes with this"));
        }
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let release = delivery.body.release.as_ref().ok_or_else(|| missing("release"))?;
    let tag = release.tag_name.text().ok_or_else(|| missing("release.tag_name"))?;
    if matches!(delivery.action(), "edited" | "deleted") && *release.draft == Some(true) {
        return Err(not_news("the release is a draft, which nobody has heard of"));
    }
    let about = about(delivery, release, tag);
    let keys = delivery.keys(None, Some(&about.title), &[&own_words(&release.body)]);
    let mut event = delivery.event(kind, SubjectKey::release(delivery.scope, tag), About::Thing(about));
    event.actor = delivery.actor(release.author.as_ref());
    (event.tickets, event.listed) = (keys.tickets, keys.listed);
    event.once = match delivery.action() {
        "published" | "released" => once(release),
        action => release.id.as_ref().and_then(|id| {
            let time = time(&release.updated_at).or_else(|| time(&release.published_at));
            name::at(&["release", id.as_str(), action], time)
        }),
    };
    undo(delivery, release, &mut event);
    Ok(vec![event])
}

fn about(delivery: &Delivery<'_>, release: &Release, tag: &str) -> Thing {
    let page = || delivery.page(&["releases", "tag", tag]);
    let published = time(&release.published_at).or_else(|| time(&release.created_at));
    let (gone, at) = match delivery.action() {
        "published" | "released" => (None, published),
        "deleted" => (Some(Outcome::Deleted), time(&release.updated_at).max(published)),
        "unpublished" => (Some(Outcome::Unpublished), time(&release.updated_at).max(published)),
        _ => (None, time(&release.updated_at).max(published)),
    };
    let summary = release.body.as_deref().filter(|_| gone.is_none()).and_then(summary::of_markdown);
    Thing {
        branch: release.target_commitish.text().filter(|name| !is_sha(name)).map(str::to_owned),
        tag: Some(tag.to_owned()),
        // A promotion also causes an edit, which must not spoil the event for the promotion.
        prerelease: release.prerelease.filter(|prerelease| *prerelease || delivery.action() != "edited"),
        id: release.id.as_ref().map(|id| id.as_str().to_owned()),
        outcome: gone,
        body_summary: summary,
        ..thing(ThingKind::Release, release.name.text().unwrap_or(tag), first(&[&release.html_url]).or_else(page), at)
    }
}

/// Names its publication, as a release or pre-release. The same release can be published again later.
fn once(release: &Release) -> Option<OccurrenceId> {
    let what = if *release.prerelease == Some(true) { "prereleased" } else { "published" };
    name::at(&["release", release.id.as_ref().map(Id::as_str)?, what], time(&release.published_at))
}

/// Changes of a release after it was published.
fn undo(delivery: &Delivery<'_>, release: &Release, event: &mut Event) {
    let (undone, because) = match delivery.action() {
        "edited" => {
            event.undoing = delivery.brings_state("release");
            let tag = delivery.body.changes.as_ref().and_then(|changes| changes.tag_name.as_ref()?.from.text());
            let from = tag.map(|tag| SubjectKey::release(delivery.scope, tag)).filter(|from| *from != event.subject);
            event.renamed = from.map(|from| Renamed { from, to: event.subject.clone() });
            return;
        }
        "deleted" => (Undone::Deleted, "the release was deleted"),
        "unpublished" => (Undone::Unpublished, "the release is a draft again"),
        _ => return,
    };
    // A draft has no such time.
    let of = once(release).map_or(Undoes::Subject(undone), |once| Undoes::Occurrence(once, undone));
    event.undoing = undoing(of, because);
}
