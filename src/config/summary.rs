//! The summary of what moved that is for everybody.

use jiff::tz::TimeZone;

use super::file::SummaryTable;
use crate::channel::ChannelSettings;
use crate::destination::Destination;
use crate::rule::{Digest, parse_digest};
use crate::toml_file::{At, Field, Reader};

/// The summary of what moved for everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct SummarySettings {
    /// When it comes
    pub at: Digest,
    /// Where it goes
    pub to: Vec<Destination>,
    /// The time zone of `at`, and of the times in it
    pub zone: TimeZone,
}

/// Reads `[summary]`.
pub(super) fn read(
    field: Field<SummaryTable>,
    channels: &ChannelSettings,
    reader: &mut Reader<'_>,
) -> Option<SummarySettings> {
    let table = At::root().key("summary");
    let SummaryTable { at, to, timezone } = reader.document.take(field, &table)?;
    if at.is_absent() {
        let help = "write `at = \"weekly fri 15:00\"`".to_owned();
        reader.document.wrong(&table, "it doesn't say when it comes", help);
    }
    if to.is_absent() {
        let help = "write `to = [\"email:ADDRESS\"]`, or another destination".to_owned();
        reader.document.wrong(&table, "there is nowhere to send it to", help);
    }
    let time = reader.text(at, &table.key("at")).map(|(_, text)| parse_digest(&text));
    let time = time.and_then(|time| reader.parsed(time.map_err(|(wrong, help)| (wrong, Some(help))), &table.key("at")));
    let available = channels.available();
    let mut places = Vec::new();
    for (at, text) in reader.document.texts(to, &table.key("to")).unwrap_or_default() {
        let place = match available.read(&text) {
            Ok(Destination::Github | Destination::Jira) => {
                let help = "it is about many pages: name a place where people read messages".to_owned();
                Err((format!("`{text}` is a comment on the page of what a message is about"), Some(help)))
            }
            read => read,
        };
        places.extend(reader.parsed(place, &at));
    }
    let zone = reader.text(timezone, &table.key("timezone"));
    let zone = zone.and_then(|(_, name)| {
        let help = || Some("write a name such as \"Europe/Lisbon\"".to_owned());
        let zone = TimeZone::get(&name).map_err(|_| (format!("`{name}` isn't a time zone"), help()));
        reader.parsed(zone, &table.key("timezone"))
    });
    Some(SummarySettings { at: time?, to: places, zone: zone.unwrap_or(TimeZone::UTC) })
}
