//! Stops mail to addresses that don't exist, because servers that get much of it soon take no mail from us at all.

use std::time::Duration;

use jiff::Timestamp;

use crate::store::Refusals;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// So many refusals in a row,
const REFUSALS: i64 = 3;
/// the last so long after the first, since a server that is set up wrongly for an hour refuses everybody,
const SPAN: Duration = DAY;
/// keep mail from an address for so long. One more is tried then; if it is refused too, the time begins anew.
const REST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why mail is not tried now.
pub(super) fn suppressed(refusals: &Refusals, now: Timestamp) -> Option<String> {
    let Refusals { count, since, last, error } = refusals;
    let until = *last + REST;
    if *count < REFUSALS || *last < *since + SPAN || now >= until {
        return None;
    }
    let (since, until) = (since.strftime("%Y-%m-%d"), until.strftime("%Y-%m-%d"));
    Some(format!(
        "suppressed: it refused {count} mails since {since} ({error}); \
         none is tried before {until}, unless `microalign send-test` reaches it"
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn when_an_address_is_given_a_rest() {
        let first: Timestamp = "2026-11-02T10:00:00Z".parse().unwrap();
        let refused = |count, over: Duration| {
            let (since, last) = (first, first + over);
            Refusals { count, since, last, error: "mx: 550 5.1.1 nobody".to_owned() }
        };
        let hour = Duration::from_secs(3600);
        let table = [
            (1, Duration::ZERO, hour, false),
            (2, 2 * DAY, hour, false),
            (3, 23 * hour, hour, false),
            (3, DAY, Duration::ZERO, true),
            (7, 2 * DAY, 30 * DAY - hour, true),
            (7, 2 * DAY, 30 * DAY, false),
        ];
        for (count, over, later, expected) in table {
            let refusals = refused(count, over);
            assert_eq!(suppressed(&refusals, refusals.last + later).is_some(), expected, "{count} {over:?} {later:?}");
        }
        assert_eq!(
            suppressed(&refused(3, DAY), first + 2 * DAY).unwrap(),
            "suppressed: it refused 3 mails since 2026-11-02 (mx: 550 5.1.1 nobody); none is tried before 2026-12-03, \
             unless `microalign send-test` reaches it"
        );
    }
}
