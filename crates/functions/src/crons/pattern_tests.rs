//! What expressions match, and which are refused.

use jiff::civil::{Date, DateTime};

use super::*;

fn minute(text: &str) -> i64 {
    let at: DateTime = text.parse().unwrap();
    let days = (at.date() - Date::constant(1970, 1, 1)).get_days();
    i64::from(days) * MINUTES_PER_DAY + i64::from(at.hour()) * 60 + i64::from(at.minute())
}

/// The next times after one, as texts.
fn after(expression: &str, from: &str, count: usize) -> Vec<String> {
    let pattern = Pattern::parse(expression).unwrap_or_else(|why| panic!("{expression}: {why}"));
    let mut at = minute(from);
    let mut times = Vec::new();
    for _ in 0..count {
        at = pattern.next_minute(at).unwrap();
        let date = Date::constant(1970, 1, 1)
            .checked_add(jiff::Span::new().days(at.div_euclid(MINUTES_PER_DAY)))
            .unwrap();
        let minute = at.rem_euclid(MINUTES_PER_DAY);
        times.push(format!("{date} {:02}:{:02}", minute / 60, minute % 60));
    }
    times
}

#[test]
fn numbers_lists_ranges_and_steps() {
    let from = "2024-02-28T23:58:00";
    for (expression, times) in [
        ("* * * * *", ["2024-02-28 23:59", "2024-02-29 00:00"]),
        ("*/15 * * * *", ["2024-02-29 00:00", "2024-02-29 00:15"]),
        ("5/20 * * * *", ["2024-02-29 00:05", "2024-02-29 00:25"]),
        ("0 9,17 * * *", ["2024-02-29 09:00", "2024-02-29 17:00"]),
        ("30 22-2 * * *", ["2024-02-29 00:30", "2024-02-29 01:30"]),
        ("10-20/5 4 * * *", ["2024-02-29 04:10", "2024-02-29 04:15"]),
        ("0 0 29 2 *", ["2024-02-29 00:00", "2028-02-29 00:00"]),
        ("0 0 1 jan *", ["2025-01-01 00:00", "2026-01-01 00:00"]),
        ("0 0 31 * *", ["2024-03-31 00:00", "2024-05-31 00:00"]),
        ("0 0 * NOV-FEB *", ["2024-02-29 00:00", "2024-11-01 00:00"]),
    ] {
        assert_eq!(after(expression, from, 2), times, "{expression}");
    }
}

#[test]
fn days_of_the_week() {
    // The 29th of February 2024 is a Thursday.
    let from = "2024-02-29T00:00:00";
    for (expression, times) in [
        ("0 9 * * 0", ["2024-03-03 09:00", "2024-03-10 09:00"]),
        ("0 9 * * SUN", ["2024-03-03 09:00", "2024-03-10 09:00"]),
        ("0 0 * * FRI-MON", ["2024-03-01 00:00", "2024-03-02 00:00"]),
        ("0 0 * * 5L", ["2024-03-29 00:00", "2024-04-26 00:00"]),
        ("0 0 * * MON#1", ["2024-03-04 00:00", "2024-04-01 00:00"]),
        ("0 0 * * 4#5", ["2024-05-30 00:00", "2024-08-29 00:00"]),
        // Both restricted: either suffices.
        ("0 0 15 * MON", ["2024-03-04 00:00", "2024-03-11 00:00"]),
        ("0 0 2 * MON", ["2024-03-02 00:00", "2024-03-04 00:00"]),
    ] {
        assert_eq!(after(expression, from, 2), times, "{expression}");
    }
}

#[test]
fn last_days_and_workdays() {
    let from = "2024-03-01T00:00:00";
    for (expression, times) in [
        ("0 0 L * *", ["2024-03-31 00:00", "2024-04-30 00:00"]),
        ("0 0 L-3 * *", ["2024-03-28 00:00", "2024-04-27 00:00"]),
        // The 31st of March 2024 is a Sunday; so is the 30th of June.
        ("0 0 LW * *", ["2024-03-29 00:00", "2024-04-30 00:00"]),
        // The 1st of June 2024 is a Saturday.
        ("0 0 1W 6 *", ["2024-06-03 00:00", "2025-06-02 00:00"]),
        // The 16th of March 2024 is a Saturday, the 17th a Sunday.
        ("0 0 16W 3 *", ["2024-03-15 00:00", "2025-03-17 00:00"]),
        ("0 0 17W 3 *", ["2024-03-18 00:00", "2025-03-17 00:00"]),
        ("0 0 1,L * *", ["2024-03-31 00:00", "2024-04-01 00:00"]),
    ] {
        assert_eq!(after(expression, from, 2), times, "{expression}");
    }
}

#[test]
fn s067_what_is_no_expression_is_refused() {
    for (expression, says) in [
        (
            "* * * * 7",
            "\"7\" in the field day of the week must be a number from 0 to 6",
        ),
        ("* * * *", "it has 4 fields and must have 5"),
        ("* * * * * *", "it has 6 fields"),
        (
            "60 * * * *",
            "\"60\" in the field minute must be a number from 0 to 59",
        ),
        ("* 24 * * *", "from 0 to 23"),
        ("* * 0 * *", "from 1 to 31"),
        ("* * * 13 *", "from 1 to 12"),
        ("*/0 * * * *", "from 1 to 60"),
        ("*/61 * * * *", "from 1 to 60"),
        ("10-12/4 * * * *", "from 1 to 3"),
        ("a * * * *", "\"a\""),
        ("+1 * * * *", "\"+1\""),
        ("1,,2 * * * *", "\"\""),
        ("* * * * MON#6", "from 1 to 5"),
        ("0 0 31 2 *", "never matches"),
        ("0 0 30,31 FEB *", "never matches"),
        ("0 0 31W 4 *", "never matches"),
    ] {
        let why = Pattern::parse(expression).expect_err(expression);
        assert!(why.contains(says), "{expression}: {why}");
    }
}

#[test]
fn rare_days_are_found() {
    assert_eq!(
        after("0 0 * 2 MON#5", "2072-03-01T00:00:00", 1),
        ["2112-02-29 00:00"]
    );
}
