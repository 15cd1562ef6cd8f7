//! Draws the map as SVG: parties in a column, and an arc from each to whom it is told, the wider the more updates.
//!
//! The picture is as wide as a phone, and grows with the window. It has no style of its own: the stylesheet knows its classes,
//! for light and dark.

use maud::{Markup, html};

use super::gather::{Edge, Party};
use super::{Period, Volume};

/// So many parties fit into a picture that one can still read.
pub(super) const PARTIES: usize = 16;
/// The picture's width, in its own units.
const WIDTH: u32 = 400;
/// From one party to the next.
const ROW: u32 = 30;
/// Where the parties stand; their names are left of it.
const COLUMN: u32 = 150;
/// So many characters of a name fit, and of one in two lines, which is smaller.
const NAME: (usize, usize) = (18, 22);

/// The picture of the parties with most updates.
pub(super) fn picture(volumes: &[Volume], edges: &[Edge], period: Period) -> Markup {
    let shown = &volumes[..volumes.len().min(PARTIES)];
    let row = |party: &Party| shown.iter().position(|volume| volume.party == *party);
    let arcs = edges.iter().filter_map(|edge| {
        let (from, to) = (row(&edge.from)?, row(&Party::Team(edge.to.clone()))?);
        (from != to).then_some((edge, from, to))
    });
    let arcs = arcs.collect::<Vec<_>>();
    let most = arcs.iter().map(|(edge, ..)| edge.updates).max().unwrap_or(1);
    let longest = arcs.iter().map(|(_, from, to)| middle(*from).abs_diff(middle(*to)) + 10).max().unwrap_or(0);
    let height = ROW * u32::try_from(shown.len()).unwrap_or(0) + 10;
    html! {
        svg.map viewBox=(format!("0 0 {WIDTH} {height}")) role="group" aria-label="Who was told of whom" {
            // The widest are at the bottom, so that all of them can be pointed at.
            @for (edge, from, to) in &arcs { (arc(edge, (*from, *to), (most, longest))) }
            @for (row, volume) in shown.iter().enumerate() { (node(volume, row, period)) }
        }
    }
}

fn middle(row: usize) -> u32 {
    ROW * u32::try_from(row).unwrap_or(0) + ROW / 2 + 5
}

fn arc(edge: &Edge, (from, to): (usize, usize), (most, longest): (u64, u32)) -> Markup {
    // What goes out begins above the middle, and what comes in ends below it: so both directions of a pair can be told apart.
    let (begin, end) = (middle(from) - 5, middle(to) + 5);
    let tip = COLUMN + 8;
    // The longest reaches the right edge: a curve comes three quarters of the way to the points that bend it.
    let bulge = tip + (WIDTH - 10 - tip) * 4 / 3 * (begin.abs_diff(end) + 15) / (longest + 15);
    let path = format!("M{tip} {begin}C{bulge} {begin} {bulge} {end} {} {end}", tip + 7);
    let head = format!("{tip},{end} {0},{1} {0},{2}", tip + 8, end - 5, end + 5);
    let words = format!("{} was told of {}: {}", edge.to, edge.from.label(), updates(edge.updates));
    html! {
        a.edge.up[to < from] href=(format!("/?team={}", encoded(&edge.to))) aria-label=(words) {
            title { (words) }
            path d=(path) stroke-width=(width(edge.updates, most)) {}
            polygon points=(head) {}
        }
    }
}

/// From 1.2 to 6: a team with few updates can still be seen beside one with many.
fn width(updates: u64, most: u64) -> String {
    let share = updates.min(most).saturating_mul(48).checked_div(most).unwrap_or(0);
    let tenths = 12 + share;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn node(volume: &Volume, row: usize, period: Period) -> Markup {
    let (y, x, name) = (middle(row), COLUMN - 8, volume.party.label());
    let (first, second) = lines(name);
    // What is read out begins with what is shown.
    let shown = [first.as_str(), second.as_str()].concat();
    let called = if shown == name { shown } else { format!("{shown}: {name}") };
    let words = format!("{called}: {} about it, told {}", updates(volume.about), volume.told);
    let drawn = html! {
        title { (words) }
        rect x="0" y=(y - 13) width=(COLUMN + 8) height="26" rx="6" {}
        @if second.is_empty() {
            text x=(x) y=(y + 4) text-anchor="end" { (first) }
        } @else {
            text.small text-anchor="end" { tspan x=(x) y=(y - 2) { (first) } tspan x=(x) y=(y + 10) { (second) } }
        }
        circle cx=(COLUMN) cy=(y) r="5" {}
    };
    html! {
        @if let Party::Team(team) = &volume.party {
            a.node href=(format!("/map?days={}&team={}", period.days(), encoded(team))) aria-label=(words) { (drawn) }
        } @else {
            g.node.others { (drawn) }
        }
    }
}

fn updates(count: u64) -> String {
    format!("{count} update{}", if count == 1 { "" } else { "s" })
}

/// A name in one line or in two. One that is too long for that is cut.
pub(super) fn lines(name: &str) -> (String, String) {
    let characters = name.chars().collect::<Vec<_>>();
    if characters.len() <= NAME.0 {
        return (name.to_owned(), String::new());
    }
    // Behind the last sign between two words, if the rest fits.
    let between = |place: &usize| !characters[place - 1].is_alphanumeric() && characters.len() - place <= NAME.1;
    let end = (1..=NAME.1.min(characters.len() - 1)).rev().find(between).unwrap_or(NAME.1.min(characters.len()));
    let (first, rest) = characters.split_at(end);
    let is_cut = rest.len() > NAME.1;
    let rest = if is_cut { rest.iter().take(NAME.1 - 1).chain(&['…']).collect() } else { rest.iter().collect() };
    (first.iter().collect(), rest)
}

/// A value in the query of an address.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
