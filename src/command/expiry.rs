//! Times at which elements expire: the options of VADD and the arguments of VEXPIRE and its relatives.

use super::args::{integer, is_word};
use super::{Arguments, CommandError};

/// The expiry of an element that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It has none.
    None,
    /// It keeps the one that it has (KEEPTTL).
    Keep,
    /// After this many milliseconds.
    In(i64),
    /// At this moment, in milliseconds since 1970.
    At(i64),
}

/// Whether an option of VADD is an expiry.
pub fn is_expiry(option: &[u8]) -> bool {
    ["EX", "PX", "EXAT", "PXAT"].iter().any(|word| is_word(option, word))
}

impl Expiry {
    /// Reads the value of an option that [`is_expiry`].
    ///
    /// # Errors
    /// If it is not a time above 0.
    pub fn parse(option: &[u8], value: Option<&[u8]>) -> Result<Expiry, CommandError> {
        let value = value.and_then(integer).filter(|&value| value > 0).ok_or(CommandError::InvalidTime)?;
        let factor = if is_word(option, "EX") || is_word(option, "EXAT") { 1000 } else { 1 };
        let time = value.checked_mul(factor).filter(|&time| time <= MOST).ok_or(CommandError::InvalidTime)?;
        let is_relative = is_word(option, "EX") || is_word(option, "PX");
        Ok(if is_relative { Expiry::In(time) } else { Expiry::At(time) })
    }

    /// Chooses this one, if none was chosen before.
    ///
    /// # Errors
    /// If one was.
    pub fn choose(&mut self, expiry: Expiry) -> Result<(), CommandError> {
        if *self != Expiry::None {
            return Err(CommandError::BothTimes);
        }
        *self = expiry;
        Ok(())
    }

    /// The expiry, if one is given.
    pub fn at(self, now: i64) -> Option<i64> {
        match self {
            Expiry::None | Expiry::Keep => None,
            Expiry::In(time) => Some(now.saturating_add(time)),
            Expiry::At(time) => Some(time),
        }
    }
}

/// The latest time, in milliseconds since 1970 or from now: what HEXPIRE allows, 2^46 - 1.
const MOST: i64 = (1 << 46) - 1;

/// The unit in which a command gives times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Milliseconds in one.
    pub millis: i64,
    /// From now, not since 1970.
    pub is_relative: bool,
}

/// When VEXPIRE sets a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// If there is none (NX).
    Without,
    /// If there is one (XX).
    With,
    /// If it is later than the one that is there; none is later than all (GT).
    Later,
    /// If it is earlier (LT).
    Earlier,
}

impl When {
    /// Whether the time of an element may become `new`.
    pub fn allows(self, old: Option<i64>, new: i64) -> bool {
        match self {
            When::Always => true,
            When::Without => old.is_none(),
            When::With => old.is_some(),
            When::Later => old.is_some_and(|old| new > old),
            When::Earlier => old.is_none_or(|old| new < old),
        }
    }
}

/// The arguments of VEXPIRE.
#[derive(Clone, Debug, PartialEq)]
pub struct Expire<'a> {
    /// The moment, in milliseconds since 1970.
    pub at: i64,
    pub when: When,
    pub elements: Arguments<'a>,
}

/// `key time [NX | XX | GT | LT] ELEMENTS n element …`
///
/// # Errors
/// The first that is wrong.
pub fn parse_expire<'a>(args: Arguments<'a>, unit: Unit, now: i64) -> Result<Expire<'a>, CommandError> {
    let [_, time, rest @ ..] = args else { return Err(CommandError::Arity) };
    let time = integer(time).ok_or(CommandError::NotInteger)?;
    if time < 0 {
        return Err(CommandError::InvalidTime);
    }
    let at = time.checked_mul(unit.millis).map(|time| if unit.is_relative { time.saturating_add(now) } else { time });
    let at = at.filter(|&at| at <= MOST).ok_or(CommandError::InvalidTime)?;
    let conditions = [("NX", When::Without), ("XX", When::With), ("GT", When::Later), ("LT", When::Earlier)];
    let found = rest.first().and_then(|word| conditions.iter().find(|(name, _)| is_word(word, name)));
    let (when, rest) = match found {
        Some(&(_, when)) => (when, &rest[1..]),
        None => (When::Always, rest),
    };
    Ok(Expire { at, when, elements: elements(rest)? })
}

/// `ELEMENTS n element …`
///
/// # Errors
/// If the word is missing or the number is not that of the elements.
pub fn elements<'a>(args: Arguments<'a>) -> Result<Arguments<'a>, CommandError> {
    let [word, count, elements @ ..] = args else { return Err(CommandError::ElementsMissing) };
    if !is_word(word, "ELEMENTS") {
        return Err(CommandError::ElementsMissing);
    }
    match integer(count) {
        Some(count) if count > 0 && count as usize == elements.len() => Ok(elements),
        Some(count) if count > 0 => Err(CommandError::ElementsCount),
        _ => Err(CommandError::ElementsNumber),
    }
}

/// A time that is left, or a moment, in a unit: rounded up as HTTL rounds what is left.
pub fn shown(at: i64, unit: Unit, now: i64) -> i64 {
    let time = if unit.is_relative { (at - now).max(0) } else { at };
    if unit.millis == 1 { time } else { (time + 999) / unit.millis }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Unit = Unit { millis: 1000, is_relative: true };

    #[test]
    fn conditions_as_hexpire_has_them() {
        for (when, old, new, allowed) in [
            (When::Without, None, 5, true),
            (When::Without, Some(9), 5, false),
            (When::With, None, 5, false),
            (When::With, Some(9), 5, true),
            (When::Later, None, 5, false),
            (When::Later, Some(5), 5, false),
            (When::Later, Some(4), 5, true),
            (When::Earlier, None, 5, true),
            (When::Earlier, Some(5), 5, false),
            (When::Earlier, Some(6), 5, true),
        ] {
            assert_eq!(when.allows(old, new), allowed, "{when:?} {old:?} {new}");
        }
    }

    #[test]
    fn arguments_in_order() {
        use CommandError::*;
        let parse = |text: &str| {
            let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            parse_expire(&args, SECONDS, 1000).map(|expire| (expire.at, expire.when, expire.elements.len()))
        };
        assert_eq!(parse("k 10 elements 2 a b"), Ok((11_000, When::Always, 2)));
        assert_eq!(parse("k 0 gt ELEMENTS 1 a"), Ok((1000, When::Later, 1)));
        for (text, error) in [
            ("k x ELEMENTS 1 a", NotInteger),
            ("k -1 ELEMENTS 1 a", InvalidTime),
            ("k 9223372036854775807 ELEMENTS 1 a", InvalidTime),
            ("k 70368744177664 ELEMENTS 1 a", InvalidTime),
            ("k 10 XY ELEMENTS 1 a", ElementsMissing),
            ("k 10 NX", ElementsMissing),
            ("k 10 ELEMENTS 0 a", ElementsNumber),
            ("k 10 ELEMENTS x a", ElementsNumber),
            ("k 10 ELEMENTS 2 a", ElementsCount),
            ("k 10 ELEMENTS 1 a b", ElementsCount),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_left_is_rounded_up() {
        assert_eq!(shown(1501, SECONDS, 1000), 1);
        assert_eq!(shown(3000, SECONDS, 1000), 2);
        assert_eq!(shown(3001, Unit { millis: 1, is_relative: true }, 1000), 2001);
        assert_eq!(shown(3001, Unit { millis: 1, is_relative: false }, 1000), 3001);
    }
}
