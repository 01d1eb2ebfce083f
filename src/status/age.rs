//! How long ago something was, as kubectl says it.

use k8s_openapi::jiff::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// Two units at most, and the smaller one only where it says something. Clocks differ: what is yet to come was just
/// now.
pub fn age(since: Timestamp, at: Timestamp) -> String {
    let seconds = u64::try_from(at.as_second().saturating_sub(since.as_second())).unwrap_or(0);
    let (unit, letter, smaller) = match seconds {
        seconds if seconds < 2 * MINUTE => return format!("{seconds}s"),
        seconds if seconds < 10 * MINUTE => (MINUTE, 'm', Some((1, 's'))),
        seconds if seconds < 3 * HOUR => (MINUTE, 'm', None),
        seconds if seconds < 8 * HOUR => (HOUR, 'h', Some((MINUTE, 'm'))),
        seconds if seconds < 2 * DAY => (HOUR, 'h', None),
        seconds if seconds < 8 * DAY => (DAY, 'd', Some((HOUR, 'h'))),
        seconds if seconds < 2 * YEAR => (DAY, 'd', None),
        seconds if seconds < 8 * YEAR => (YEAR, 'y', Some((DAY, 'd'))),
        _ => (YEAR, 'y', None),
    };
    let (whole, rest) = divided(seconds, unit);
    match smaller.map(|(smaller, letter)| (divided(rest, smaller).0, letter)) {
        Some((few, of)) if few > 0 => format!("{whole}{letter}{few}{of}"),
        Some(_) | None => format!("{whole}{letter}"),
    }
}

/// How many units, and what is left. No unit is nothing.
fn divided(seconds: u64, unit: u64) -> (u64, u64) {
    (seconds.checked_div(unit).unwrap_or_default(), seconds.checked_rem(unit).unwrap_or_default())
}
