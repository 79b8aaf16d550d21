//! The schedules of cron jobs, as `crons.ts` exports them and as they are kept, and when they
//! come round (function-runtime 2.4, cli-and-deploy 5.2). All times are UTC.

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::pattern::Pattern;

const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
/// The longest interval, seconds: it must be a time.
const INTERVAL_MAX: u64 = 100 * 366 * 86_400;
/// Occurrences that are counted as skipped one by one.
const SKIPPED_MAX: u64 = 100_000;

/// When a cron job runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Schedule {
    /// Every so many seconds.
    Interval {
        /// How many.
        seconds: u64,
    },
    /// In minutes of the calendar.
    Clock {
        /// Which.
        pattern: Pattern,
        /// Seconds after such a minute begins within which the job's own moment lies.
        spread: u64,
        /// The form in which it is kept.
        stored: Json,
    },
}

/// The occurrence after one that has been.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Next {
    /// Ms since the epoch.
    pub(crate) at_ms: f64,
    /// Those before it whose time is over.
    pub(crate) skipped: u64,
}

impl Schedule {
    /// Reads what the SDK exports.
    pub(crate) fn exported(json: &Json) -> Result<Schedule, String> {
        let members = json.as_object().ok_or("its schedule is no object")?;
        match members.get("type").and_then(Json::as_str) {
            Some("interval") => interval(members),
            Some("weekly") => {
                let name = members.get("dayOfWeek").and_then(Json::as_str);
                let day = name.and_then(|name| WEEKDAYS.iter().position(|day| *day == name));
                let day = day.ok_or_else(|| {
                    format!("\"dayOfWeek\" must be one of {}", WEEKDAYS.join(", "))
                })?;
                clock(members, Some(json!(day)))
            }
            Some("cron") => clock(members, members.get("cron").cloned()),
            _ => clock(members, None),
        }
    }

    /// Reads the stored form.
    pub(crate) fn stored(json: &Json) -> Result<Schedule, String> {
        let members = json.as_object().ok_or("its schedule is no object")?;
        let own = match members.get("type").and_then(Json::as_str) {
            Some("interval") => return interval(members),
            Some("weekly") => members.get("dayOfWeek"),
            Some("cron") => members.get("cronExpr"),
            _ => None,
        };
        clock(members, own.cloned())
    }

    /// The stored form.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Schedule::Interval { seconds } => json!({ "type": "interval", "seconds": seconds }),
            Schedule::Clock { stored, .. } => stored.clone(),
        }
    }

    /// The first run of a job that is pushed now.
    pub(crate) fn first(&self, name: &str, now_ms: f64) -> f64 {
        match self {
            Schedule::Interval { .. } => now_ms,
            Schedule::Clock { .. } => self.following(name, now_ms),
        }
    }

    /// The first occurrence after `last_ms` that is not over.
    pub(crate) fn next(&self, name: &str, last_ms: f64, now_ms: f64) -> Next {
        if let Schedule::Interval { seconds } = self {
            let period = *seconds as f64 * 1e3;
            // A run that began at its time and takes less than the period skips none.
            let skipped = ((now_ms - last_ms) / period).floor().max(0.0);
            return Next {
                at_ms: last_ms + period * (skipped + 1.0),
                skipped: skipped as u64,
            };
        }
        let (mut at_ms, mut skipped) = (self.following(name, last_ms), 0);
        while at_ms <= now_ms {
            if skipped == SKIPPED_MAX {
                at_ms = self.following(name, now_ms);
                break;
            }
            at_ms = self.following(name, at_ms);
            skipped += 1;
        }
        Next { at_ms, skipped }
    }

    /// The latest moment at which the next run can be, for schedules that have one: later ones
    /// come from a clock that was set back.
    pub(crate) fn latest_from(&self, now_ms: f64) -> Option<f64> {
        match self {
            Schedule::Interval { seconds } => Some(now_ms + *seconds as f64 * 1e3),
            Schedule::Clock { .. } => None,
        }
    }

    /// The first occurrence after a time.
    fn following(&self, name: &str, after_ms: f64) -> f64 {
        match self {
            Schedule::Interval { seconds } => after_ms + *seconds as f64 * 1e3,
            Schedule::Clock {
                pattern, spread, ..
            } => {
                let offset_ms = (moment(name, *spread) * 1_000) as f64;
                let minute = ((after_ms - offset_ms) / 60_000.0).floor() as i64;
                // A pattern that never matches was refused; one that is over does not run again.
                let next = pattern.next_minute(minute);
                next.map_or(f64::MAX, |next| next as f64 * 60_000.0 + offset_ms)
            }
        }
    }
}

/// A job's own moment within its spread: the same in every run, and not the same for all jobs.
fn moment(name: &str, spread: u64) -> u64 {
    let hash = Sha256::digest(name.as_bytes());
    let mut head = [0; 8];
    head.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(head) % spread
}

fn interval(members: &Map<String, Json>) -> Result<Schedule, String> {
    const UNITS: [(&str, u64); 3] = [("seconds", 1), ("minutes", 60), ("hours", 3_600)];
    let given: Vec<_> = UNITS
        .into_iter()
        .filter_map(|(unit, seconds)| members.get(unit).map(|number| (unit, number, seconds)))
        .collect();
    let [(unit, number, seconds)] = given[..] else {
        return Err("an interval has exactly one of seconds, minutes and hours".to_owned());
    };
    let whole = whole(number).filter(|number| *number > 0);
    let total = whole.and_then(|number| number.checked_mul(seconds));
    let seconds = total
        .filter(|seconds| *seconds <= INTERVAL_MAX)
        .ok_or_else(|| format!("{unit:?} must be a positive whole number, not {number}"))?;
    Ok(Schedule::Interval { seconds })
}

/// `own` is what the type has of its own: a weekday's number, a cron expression.
fn clock(members: &Map<String, Json>, own: Option<Json>) -> Result<Schedule, String> {
    let kind = members.get("type").and_then(Json::as_str);
    let minute = optional(members, "minuteUTC", 0, 59)?;
    let hour = || {
        optional(members, "hourUTC", 0, 23)?
            .ok_or_else(|| "\"hourUTC\" must be given, a number from 0 to 23".to_owned())
    };
    let at = minute.unwrap_or(0);
    let mut stored = Map::new();
    stored.insert("type".to_owned(), json!(kind));
    let expression = match kind {
        Some("hourly") => format!("{at} * * * *"),
        Some("daily") => format!("{at} {} * * *", hour()?),
        Some("weekly") => {
            let day = own.as_ref().and_then(whole).filter(|day| *day < 7);
            let day = day.ok_or("\"dayOfWeek\" must be a number from 0 to 6")?;
            stored.insert("dayOfWeek".to_owned(), json!(day));
            format!("{at} {} * * {day}", hour()?)
        }
        Some("monthly") => {
            let day = optional(members, "day", 1, 31)?;
            let day = day.ok_or("\"day\" must be given, a number from 1 to 31")?;
            stored.insert("day".to_owned(), json!(day));
            format!("{at} {} {day} * *", hour()?)
        }
        Some("cron") => {
            let text = own.as_ref().and_then(Json::as_str);
            let text = text.ok_or("its cron expression is no text")?;
            stored.insert("cronExpr".to_owned(), json!(text));
            text.to_owned()
        }
        other => {
            return Err(format!(
                "there is no schedule type {}; there are interval, hourly, daily, weekly, monthly and cron",
                json!(other)
            ));
        }
    };
    let pattern = Pattern::parse(&expression)
        .map_err(|why| format!("cron expression {expression:?}: {why}"))?;
    let pinned = minute.is_some() || kind == Some("cron");
    if kind != Some("cron") {
        if kind != Some("hourly") {
            stored.insert("hourUTC".to_owned(), json!(hour()?));
        }
        if let Some(minute) = minute {
            stored.insert("minuteUTC".to_owned(), json!(minute));
        }
    }
    Ok(Schedule::Clock {
        pattern,
        spread: if pinned { 60 } else { 3_600 },
        stored: Json::Object(stored),
    })
}

/// A member that may be missing and must otherwise be a whole number in a range.
fn optional(
    members: &Map<String, Json>,
    name: &str,
    least: u64,
    most: u64,
) -> Result<Option<u64>, String> {
    let Some(json) = members.get(name).filter(|json| !json.is_null()) else {
        return Ok(None);
    };
    let number = whole(json).filter(|number| (least..=most).contains(number));
    number.map(Some).ok_or_else(|| {
        format!("{name:?} must be a whole number from {least} to {most}, not {json}")
    })
}

/// A whole number, however JSON writes it.
fn whole(json: &Json) -> Option<u64> {
    let number = json.as_f64()?;
    (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: f64 = 3_600_000.0;
    const DAY: f64 = 24.0 * HOUR;

    fn schedule(json: Json) -> Schedule {
        let schedule = Schedule::exported(&json).unwrap_or_else(|why| panic!("{json}: {why}"));
        let kept = schedule.to_json();
        assert_eq!(Schedule::stored(&kept).as_ref(), Ok(&schedule), "{kept}");
        schedule
    }

    #[test]
    fn intervals_keep_their_cadence() {
        let every = schedule(json!({ "type": "interval", "minutes": 1 }));
        assert_eq!(
            every.to_json(),
            json!({ "type": "interval", "seconds": 60 })
        );
        assert_eq!(every.first("a", 5_000.0), 5_000.0);
        let next = |now_ms| every.next("a", 5_000.0, now_ms);
        let expect = |at_ms, skipped| Next { at_ms, skipped };
        assert_eq!(next(5_040.0), expect(65_000.0, 0));
        assert_eq!(next(64_999.0), expect(65_000.0, 0));
        assert_eq!(next(65_000.0), expect(125_000.0, 1));
        assert_eq!(next(605_001.0), expect(665_000.0, 10));
        // A clock that was set back: the next run is not before the last.
        assert_eq!(next(-HOUR), expect(65_000.0, 0));
        assert_eq!(every.latest_from(0.0), Some(60_000.0));
    }

    #[test]
    fn clocks_have_a_moment_of_their_own() {
        let daily = schedule(json!({ "type": "daily", "hourUTC": 9, "minuteUTC": 30 }));
        let at = daily.first("a", 0.0);
        let begin = 9.5 * HOUR;
        assert!((begin..begin + 60_000.0).contains(&at), "{at}");
        assert_eq!(daily.first("a", 1_000.0), at);
        assert_eq!(
            daily.next("a", at, at + 1.0),
            Next {
                at_ms: at + DAY,
                skipped: 0
            }
        );
        assert_eq!(
            daily.next("a", at, at + 3.0 * DAY),
            Next {
                at_ms: at + 4.0 * DAY,
                skipped: 3
            }
        );
        let hourly = schedule(json!({ "type": "hourly" }));
        let moments: Vec<f64> = (0..50)
            .map(|n| hourly.first(&format!("job {n}"), 0.0))
            .collect();
        assert!(
            moments.iter().all(|at| (1.0..=HOUR).contains(at)),
            "{moments:?}"
        );
        assert!(moments.iter().any(|at| *at > 600_000.0), "{moments:?}");
    }

    #[test]
    fn s067_sunday_is_day_zero() {
        // 1970-01-01 is a Thursday.
        let weekly =
            json!({ "type": "weekly", "dayOfWeek": "sunday", "hourUTC": 9, "minuteUTC": 0 });
        let weekly = schedule(weekly);
        assert_eq!(weekly.to_json()["dayOfWeek"], 0);
        let cron = schedule(json!({ "type": "cron", "cron": "0 9 * * 0" }));
        assert_eq!(cron.to_json()["cronExpr"], "0 9 * * 0");
        let sunday = 3.0 * DAY + 9.0 * HOUR;
        for schedule in [weekly, cron] {
            let at = schedule.first("a", 0.0);
            assert!((sunday..sunday + 60_000.0).contains(&at), "{at}");
        }
    }

    #[test]
    fn months_without_the_day_are_left_out() {
        let monthly = json!({ "type": "monthly", "day": 31, "hourUTC": 0, "minuteUTC": 0 });
        let monthly = schedule(monthly);
        let january = monthly.first("a", 0.0);
        let next = monthly.next("a", january, january);
        assert_eq!(next.at_ms, january + 59.0 * DAY, "March, not February");
    }

    #[test]
    fn schedules_that_are_none_say_why() {
        for (json, says) in [
            (json!(null), "no object"),
            (
                json!({ "type": "yearly" }),
                "there is no schedule type \"yearly\"",
            ),
            (json!({ "type": "interval" }), "exactly one of"),
            (
                json!({ "type": "interval", "seconds": 1, "hours": 1 }),
                "exactly one of",
            ),
            (
                json!({ "type": "interval", "seconds": 0 }),
                "positive whole number",
            ),
            (
                json!({ "type": "interval", "seconds": 1.5 }),
                "positive whole number",
            ),
            (
                json!({ "type": "interval", "hours": 1e14 }),
                "positive whole number",
            ),
            (json!({ "type": "hourly", "minuteUTC": 60 }), "from 0 to 59"),
            (json!({ "type": "daily" }), "\"hourUTC\" must be given"),
            (json!({ "type": "daily", "hourUTC": 24 }), "from 0 to 23"),
            (
                json!({ "type": "weekly", "dayOfWeek": "Sunday", "hourUTC": 1 }),
                "one of sunday, monday",
            ),
            (
                json!({ "type": "monthly", "day": 0, "hourUTC": 1 }),
                "from 1 to 31",
            ),
            (
                json!({ "type": "monthly", "hourUTC": 1 }),
                "\"day\" must be given",
            ),
            (json!({ "type": "cron", "cron": 5 }), "no text"),
            (
                json!({ "type": "cron", "cron": "0 0 31 2 *" }),
                "never matches",
            ),
        ] {
            let why = Schedule::exported(&json).expect_err("it is no schedule");
            assert!(why.contains(says), "{json}: {why}");
        }
    }
}
