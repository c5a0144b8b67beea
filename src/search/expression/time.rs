//! Functions of time, in UTC and seconds since 1970.
//!
//! Patterns are those of C's strftime and strptime in the C locale. Their treatment of padding, of unknown conversions and of
//! text after a match is part of the language, and the calendar crates differ there.

use super::text::string;
use crate::search::error::Error;
use crate::search::number::parse_number;
use crate::search::value::Value;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
/// The last second of the year 9999.
const LAST: f64 = 253_402_300_799.0;
/// Bytes that a formatted time may have.
const MAX_FORMATTED: usize = 4096;

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    seconds: i64,
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
}

/// Days since 1970 of a date; Howard Hinnant's `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl Moment {
    /// The inverse of [`days`]: `civil_from_days`.
    fn new(seconds: i64) -> Moment {
        let shifted = seconds.div_euclid(DAY) + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted - era * 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Moment { seconds, year, month, day: day_of_year - (153 * shifted_month + 2) / 5 + 1 }
    }

    fn day_of_year(&self) -> i64 {
        self.seconds.div_euclid(DAY) - days(self.year, 1, 1)
    }

    /// 0 is Sunday.
    fn day_of_week(&self) -> i64 {
        (self.seconds.div_euclid(DAY) + 4).rem_euclid(7)
    }

    fn second_of_day(&self) -> i64 {
        self.seconds.rem_euclid(DAY)
    }

    /// A week's number when the year's first week begins with its first such day (0 is Sunday).
    fn week(&self, first: i64) -> i64 {
        (self.day_of_year() + 7 - (self.day_of_week() - first).rem_euclid(7)) / 7
    }

    /// Year and week of ISO 8601.
    fn iso_week(&self) -> (i64, i64) {
        let weekday = (self.day_of_week() + 6) % 7;
        let thursday = Moment::new(self.seconds + (3 - weekday) * DAY);
        (thursday.year, thursday.day_of_year() / 7 + 1)
    }
}

/// The moment that a value names, if it is one that has a date.
fn moment(value: &Value) -> Option<Moment> {
    let seconds = match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => parse_number(text),
        _ => None,
    };
    seconds.filter(|seconds| (0.0..=LAST).contains(seconds)).map(|seconds| Moment::new(seconds as i64))
}

fn part(arguments: &[Value], part: impl Fn(Moment) -> i64) -> Result<Value, Error> {
    Ok(moment(&arguments[0]).map_or(Value::Null, |moment| Value::Number(part(moment) as f64)))
}

pub(super) fn minute(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.seconds - moment.seconds % MINUTE)
}

pub(super) fn hour(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.seconds - moment.seconds % HOUR)
}

pub(super) fn day(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.seconds - moment.seconds % DAY)
}

pub(super) fn month(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| days(moment.year, moment.month, 1) * DAY)
}

pub(super) fn month_of_year(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.month - 1)
}

pub(super) fn year(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.year)
}

pub(super) fn day_of_month(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.day)
}

pub(super) fn day_of_week(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.day_of_week())
}

pub(super) fn day_of_year(arguments: &[Value]) -> Result<Value, Error> {
    part(arguments, |moment| moment.day_of_year())
}

/// A time by a pattern, `%FT%TZ` by default; null if it is not a time.
pub(super) fn timefmt(arguments: &[Value]) -> Result<Value, Error> {
    let pattern = match arguments.len() {
        1 => b"%FT%TZ",
        _ => string(arguments, 1, "timefmt")?,
    };
    let Some(moment) = moment(&arguments[0]) else { return Ok(Value::Null) };
    let mut text = Vec::new();
    write(&mut text, pattern, &moment);
    Ok(if text.len() <= MAX_FORMATTED { Value::Text(text.into()) } else { Value::Null })
}

fn write(text: &mut Vec<u8>, pattern: &[u8], moment: &Moment) {
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        if text.len() > MAX_FORMATTED {
            return;
        }
        match (byte, bytes.as_slice().first()) {
            (b'%', Some(conversion)) => {
                bytes.next();
                convert(text, *conversion, moment);
            }
            _ => text.push(*byte),
        }
    }
}

fn convert(text: &mut Vec<u8>, conversion: u8, moment: &Moment) {
    let second = moment.second_of_day();
    let (hour, minute) = (second / HOUR, second / MINUTE % 60);
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let (weekday, month) = (WEEKDAYS[moment.day_of_week() as usize], MONTHS[moment.month as usize - 1]);
    let two = |number: i64| format!("{number:02}");
    let composed: Option<&[u8]> = match conversion {
        b'F' => Some(b"%Y-%m-%d"),
        b'T' | b'X' => Some(b"%H:%M:%S"),
        b'D' | b'x' => Some(b"%m/%d/%y"),
        b'R' => Some(b"%H:%M"),
        b'r' => Some(b"%I:%M:%S %p"),
        b'c' => Some(b"%a %b %e %H:%M:%S %Y"),
        _ => None,
    };
    if let Some(pattern) = composed {
        return write(text, pattern, moment);
    }
    let written = match conversion {
        b'Y' => moment.year.to_string(),
        b'C' => two(moment.year / 100),
        b'y' => two(moment.year % 100),
        b'G' => moment.iso_week().0.to_string(),
        b'g' => two(moment.iso_week().0 % 100),
        b'V' => two(moment.iso_week().1),
        b'U' => two(moment.week(0)),
        b'W' => two(moment.week(1)),
        b'm' => two(moment.month),
        b'd' => two(moment.day),
        b'e' => format!("{:2}", moment.day),
        b'j' => format!("{:03}", moment.day_of_year() + 1),
        b'H' => two(hour),
        b'k' => format!("{hour:2}"),
        b'I' => two(twelve),
        b'l' => format!("{twelve:2}"),
        b'M' => two(minute),
        b'S' => two(second % 60),
        b'p' => (if hour < 12 { "AM" } else { "PM" }).into(),
        b'P' => (if hour < 12 { "am" } else { "pm" }).into(),
        b's' => moment.seconds.to_string(),
        b'w' => moment.day_of_week().to_string(),
        b'u' => ((moment.day_of_week() + 6) % 7 + 1).to_string(),
        b'a' => weekday[..3].into(),
        b'A' => weekday.into(),
        b'b' | b'h' => month[..3].into(),
        b'B' => month.into(),
        b'Z' => "UTC".into(),
        b'z' => "+0000".into(),
        b'n' => "\n".into(),
        b't' => "\t".into(),
        b'%' => "%".into(),
        other => {
            text.extend([b'%', other]);
            return;
        }
    };
    text.extend_from_slice(written.as_bytes());
}

/// The seconds that a text names by a pattern; null if it does not fit. Text behind the match is ignored.
pub(super) fn parsetime(arguments: &[Value]) -> Result<Value, Error> {
    let (text, pattern) = (string(arguments, 0, "parsetime")?, string(arguments, 1, "parsetime")?);
    let mut reader = Reader { text, read: Fields::default() };
    Ok(reader
        .pattern(pattern)
        .and_then(|()| reader.read.seconds())
        .map_or(Value::Null, |seconds| Value::Number(seconds as f64)))
}

/// The parts of a date that a text has.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    afternoon: Option<bool>,
    /// Seconds east of Greenwich.
    offset: i64,
    epoch: Option<i64>,
}

impl Fields {
    fn seconds(&self) -> Option<i64> {
        if let Some(epoch) = self.epoch {
            return Some(epoch);
        }
        let year = self.year.unwrap_or(1970);
        let days = match (self.day_of_year, self.month, self.day) {
            (Some(day), None, None) => days(year, 1, 1) + day - 1,
            (_, month, day) => days(year, month.unwrap_or(1), day.unwrap_or(1)),
        };
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        Some(days * DAY + hour * HOUR + self.minute * MINUTE + self.second - self.offset)
    }
}

struct Reader<'a> {
    text: &'a [u8],
    read: Fields,
}

impl Reader<'_> {
    fn pattern(&mut self, pattern: &[u8]) -> Option<()> {
        let mut bytes = pattern.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => self.conversion(*bytes.next()?)?,
                byte if byte.is_ascii_whitespace() => self.text = self.text.trim_ascii_start(),
                byte => self.text = self.text.strip_prefix(&[*byte])?,
            }
        }
        Some(())
    }

    fn conversion(&mut self, conversion: u8) -> Option<()> {
        let read = &mut self.read;
        match conversion {
            b'Y' => read.year = Some(number(&mut self.text, 4, 0, 9999)?),
            b'y' => {
                let year = number(&mut self.text, 2, 0, 99)?;
                read.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
            }
            b'm' => read.month = Some(number(&mut self.text, 2, 1, 12)?),
            b'd' | b'e' => read.day = Some(number(&mut self.text, 2, 1, 31)?),
            b'j' => read.day_of_year = Some(number(&mut self.text, 3, 1, 366)?),
            b'H' | b'k' => read.hour = number(&mut self.text, 2, 0, 23)?,
            b'I' | b'l' => read.hour = number(&mut self.text, 2, 1, 12)?,
            b'M' => read.minute = number(&mut self.text, 2, 0, 59)?,
            b'S' => read.second = number(&mut self.text, 2, 0, 60)?,
            b's' => read.epoch = Some(number(&mut self.text, 12, 0, 999_999_999_999)?),
            b'p' | b'P' => read.afternoon = Some(name(&mut self.text, &["AM", "PM"])? == 1),
            b'a' | b'A' => {
                name(&mut self.text, &WEEKDAYS)?;
            }
            b'b' | b'B' | b'h' => read.month = Some(name(&mut self.text, &MONTHS)? + 1),
            b'z' => read.offset = offset(&mut self.text)?,
            b'Z' => {
                let letters = self.text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                self.text = &self.text[letters..];
            }
            b'F' => self.pattern(b"%Y-%m-%d")?,
            b'T' | b'X' => self.pattern(b"%H:%M:%S")?,
            b'D' | b'x' => self.pattern(b"%m/%d/%y")?,
            b'R' => self.pattern(b"%H:%M")?,
            b'r' => self.pattern(b"%I:%M:%S %p")?,
            b'c' => self.pattern(b"%a %b %e %H:%M:%S %Y")?,
            b'n' | b't' => self.text = self.text.trim_ascii_start(),
            b'%' => self.text = self.text.strip_prefix(b"%")?,
            _ => return None,
        }
        Some(())
    }
}

/// Up to this many digits; spaces before them are skipped.
fn number(text: &mut &[u8], most: usize, min: i64, max: i64) -> Option<i64> {
    *text = text.trim_ascii_start();
    let digits = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    let number: i64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    *text = rest;
    (min..=max).contains(&number).then_some(number)
}

/// One of these names or its first three letters, in any case.
fn name(text: &mut &[u8], names: &[&str]) -> Option<i64> {
    let begins = |text: &[u8], name: &[u8]| text.len() >= name.len() && text[..name.len()].eq_ignore_ascii_case(name);
    for (at, name) in names.iter().enumerate() {
        let (name, short) = (name.as_bytes(), &name.as_bytes()[..name.len().min(3)]);
        if let Some(found) = [name, short].into_iter().find(|name| begins(text, name)) {
            *text = &text[found.len()..];
            return Some(at as i64);
        }
    }
    None
}

/// `Z`, `+hhmm`, `+hh:mm` or `+hh`, in seconds.
fn offset(text: &mut &[u8]) -> Option<i64> {
    if let Some(rest) = text.strip_prefix(b"Z") {
        *text = rest;
        return Some(0);
    }
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    *text = &text[1..];
    let hours = number(text, 2, 0, 24)?;
    *text = text.strip_prefix(b":").unwrap_or(text);
    let minutes = if text.first().is_some_and(u8::is_ascii_digit) { number(text, 2, 0, 59)? } else { 0 };
    Some(sign * (hours * HOUR + minutes * MINUTE))
}
