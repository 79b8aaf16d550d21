//! Cron expressions: which minutes they match (function-runtime 6.6).
//!
//! Five fields, `minute hour day-of-month month day-of-week`, in UTC. Besides numbers, names,
//! lists, ranges and steps there are `L`, `L-n`, `LW`, `nW` for days of the month and `nL`, `n#k`
//! for days of the week. Sunday is 0 and Saturday is 6.

use std::ops::RangeInclusive;

use jiff::civil::Date;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// Days that are searched for a match. No pattern that ever matches leaves out more than 40 years
/// (the 29th of February on a given weekday, around 2100).
const SEARCH_DAYS: usize = 41 * 366;
const MINUTES_PER_DAY: i64 = 24 * 60;

/// Which minutes a cron job runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Bits of minutes, hours, months.
    minutes: u64,
    hours: u64,
    months: u64,
    /// `None` if every day of the month will do.
    days: Option<Vec<Day>>,
    /// `None` if every day of the week will do.
    weekdays: Option<Vec<Weekday>>,
}

/// A day of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// Bits of numbers.
    Numbers(u64),
    /// So many days before the last one.
    FromLast(i8),
    /// The last day from Monday to Friday.
    LastWorkday,
    /// The day from Monday to Friday of the same month that is nearest to this one.
    Workday(i8),
}

/// Days of a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weekday {
    /// Bits of numbers.
    Numbers(u64),
    /// The last of its kind in a month.
    Last(u8),
    /// The first to fifth of its kind in a month.
    Nth(u8, u8),
}

/// One field's name, numbers and words for them.
struct Field {
    name: &'static str,
    range: RangeInclusive<u8>,
    words: &'static [&'static str],
    /// The number of the first word.
    first_word: u8,
}

const MINUTE: Field = Field::of("minute", 0..=59);
const HOUR: Field = Field::of("hour", 0..=23);
const DAY: Field = Field::of("day of the month", 1..=31);
const MONTH: Field = Field {
    words: &MONTHS,
    first_word: 1,
    ..Field::of("month", 1..=12)
};
const WEEKDAY: Field = Field {
    words: &WEEKDAYS,
    ..Field::of("day of the week", 0..=6)
};

impl Pattern {
    /// Reads an expression; refuses one that never matches.
    pub(crate) fn parse(text: &str) -> Result<Pattern, String> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(format!(
                "it has {} fields and must have 5: minute, hour, day of the month, month, day of the week",
                fields.len()
            ));
        };
        let pattern = Pattern {
            minutes: MINUTE.bits(minute)?,
            hours: HOUR.bits(hour)?,
            days: unless_any(day, day_of_month)?,
            months: MONTH.bits(month)?,
            weekdays: unless_any(weekday, day_of_week)?,
        };
        // Any date will do: the search is longer than every gap.
        if pattern.next_minute(0).is_none() {
            return Err("it never matches: no month that it names has such a day".to_owned());
        }
        Ok(pattern)
    }

    /// The first minute that matches after `minute`; minutes are counted from the epoch.
    pub(crate) fn next_minute(&self, minute: i64) -> Option<i64> {
        let from = minute + 1;
        let (mut day, mut least) = (
            from.div_euclid(MINUTES_PER_DAY),
            from.rem_euclid(MINUTES_PER_DAY),
        );
        let mut date = Date::constant(1970, 1, 1)
            .checked_add(jiff::Span::new().try_days(day).ok()?)
            .ok()?;
        for _ in 0..SEARCH_DAYS {
            if self.matches_day(date)
                && let Some(minute) = self.first_of_day(least)
            {
                return Some(day * MINUTES_PER_DAY + minute);
            }
            (day, least) = (day + 1, 0);
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The first matching minute of a day from `least` on.
    fn first_of_day(&self, least: i64) -> Option<i64> {
        let first = |bits: u64, from: i64| {
            let rest = bits.checked_shr(u32::try_from(from).ok()?)?;
            (rest != 0).then(|| from + i64::from(rest.trailing_zeros()))
        };
        let (hour, minute) = (least / 60, least % 60);
        if has(self.hours, hour)
            && let Some(minute) = first(self.minutes, minute)
        {
            return Some(hour * 60 + minute);
        }
        let hour = first(self.hours, hour + 1)?;
        Some(hour * 60 + first(self.minutes, 0)?)
    }

    fn matches_day(&self, date: Date) -> bool {
        if !has(self.months, i64::from(date.month())) {
            return false;
        }
        let days = self.days.as_ref();
        let weekdays = self.weekdays.as_ref();
        let by_day = days.map(|days| days.iter().any(|day| day.matches(date)));
        let by_weekday = weekdays.map(|days| days.iter().any(|day| day.matches(date)));
        match (by_day, by_weekday) {
            (None, None) => true,
            (Some(one), None) | (None, Some(one)) => one,
            // As in every cron: if both are restricted, either suffices.
            (Some(one), Some(other)) => one || other,
        }
    }
}

impl Day {
    fn matches(self, date: Date) -> bool {
        let last = date.days_in_month();
        match self {
            Day::Numbers(bits) => has(bits, i64::from(date.day())),
            Day::FromLast(days) => date.day() == last - days,
            Day::LastWorkday => Some(date.day()) == nearest_workday(date, last),
            Day::Workday(day) => day <= last && Some(date.day()) == nearest_workday(date, day),
        }
    }
}

impl Weekday {
    fn matches(self, date: Date) -> bool {
        let number = date.weekday().to_sunday_zero_offset();
        match self {
            Weekday::Numbers(bits) => has(bits, i64::from(number)),
            Weekday::Last(day) => {
                i64::from(number) == i64::from(day) && date.day() + 7 > date.days_in_month()
            }
            Weekday::Nth(day, nth) => {
                i64::from(number) == i64::from(day)
                    && i64::from((date.day() - 1) / 7 + 1) == i64::from(nth)
            }
        }
    }
}

/// The day from Monday to Friday of the date's month that is nearest to `day`.
fn nearest_workday(date: Date, day: i8) -> Option<i8> {
    let last = date.days_in_month();
    let wanted = Date::new(date.year(), date.month(), day).ok()?;
    Some(match wanted.weekday().to_sunday_zero_offset() {
        6 if day == 1 => 3,
        6 => day - 1,
        0 if day == last => day - 2,
        0 => day + 1,
        _ => day,
    })
}

fn has(bits: u64, number: i64) -> bool {
    (0..64).contains(&number) && bits >> number & 1 == 1
}

fn unless_any<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, String> {
    if text == "*" {
        return Ok(None);
    }
    text.split(',')
        .map(parse)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn day_of_month(item: &str) -> Result<Day, String> {
    let upper = item.to_ascii_uppercase();
    if upper == "L" {
        return Ok(Day::FromLast(0));
    }
    if upper == "LW" {
        return Ok(Day::LastWorkday);
    }
    if let Some(days) = upper.strip_prefix("L-") {
        let days = DAY.whole(days, 1..=30)?;
        return Ok(Day::FromLast(days as i8));
    }
    if let Some(day) = upper.strip_suffix('W') {
        return Ok(Day::Workday(DAY.number(day)? as i8));
    }
    DAY.item(item).map(Day::Numbers)
}

fn day_of_week(item: &str) -> Result<Weekday, String> {
    let upper = item.to_ascii_uppercase();
    if let Some((day, nth)) = upper.split_once('#') {
        return Ok(Weekday::Nth(
            WEEKDAY.number(day)?,
            WEEKDAY.whole(nth, 1..=5)?,
        ));
    }
    if let Some(day) = upper.strip_suffix('L') {
        return Ok(Weekday::Last(WEEKDAY.number(day)?));
    }
    WEEKDAY.item(item).map(Weekday::Numbers)
}

impl Field {
    const fn of(name: &'static str, range: RangeInclusive<u8>) -> Field {
        Field {
            name,
            range,
            words: &[],
            first_word: 0,
        }
    }

    /// Bits of a list.
    fn bits(&self, text: &str) -> Result<u64, String> {
        text.split(',')
            .map(|item| self.item(item))
            .try_fold(0, |bits, item| Ok(bits | item?))
    }

    /// Bits of `*`, `a`, `a-b`, each perhaps with `/step`. A range that ends before it begins goes
    /// on from the field's first number.
    fn item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (least, most) = (*self.range.start(), *self.range.end());
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            None if range == "*" => (least, most),
            None => {
                let number = self.number(range)?;
                (number, if step.is_some() { most } else { number })
            }
        };
        let size = most - least + 1;
        let span = (last + size - first) % size + 1;
        let step = match step {
            Some(step) => self.whole(step, 1..=span)?,
            None => 1,
        };
        let numbers = (0..span).step_by(usize::from(step));
        Ok(numbers.fold(0, |bits, at| {
            bits | 1 << (least + (first - least + at) % size)
        }))
    }

    fn number(&self, text: &str) -> Result<u8, String> {
        let word = self
            .words
            .iter()
            .position(|word| word.eq_ignore_ascii_case(text));
        match word.and_then(|at| u8::try_from(at).ok()) {
            Some(at) => Ok(self.first_word + at),
            None => self.whole(text, self.range.clone()),
        }
    }

    fn whole(&self, text: &str, range: RangeInclusive<u8>) -> Result<u8, String> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (name, least, most) = (self.name, range.start(), range.end());
                let sunday = if name == WEEKDAY.name {
                    ", Sunday is 0"
                } else {
                    ""
                };
                format!(
                    "{text:?} in the field {name} must be a number from {least} to {most}{sunday}"
                )
            })
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
