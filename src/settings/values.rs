//! Values with units, and values that are a type's text.

use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kernel::{Lifetime, SpiffeId, TrustDomain};

/// A span of time with its unit: `90s`, `5m`, `1h30m`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Lifetime);

/// A number of bytes with its unit: `512B`, `64KiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A type that is written as its text: `Text<TrustDomain>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<T>(pub T);

/// What [`Text`] needs to know.
pub trait Textual: Sized {
    /// What would be right, with an example.
    const FORM: &'static str;
    /// Reads it, or says why not.
    fn from_text(text: &str) -> Result<Self, String>;
    /// Writes it.
    fn to_text(&self) -> String;
}

impl Span {
    /// As the kernel knows it.
    pub const fn get(self) -> Lifetime {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let micros = parse_units(text, &SPANS)?;
        Some(Self(Lifetime::micros(i64::try_from(micros).ok()?)))
    }
}

impl Size {
    /// As a count for buffers.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn parse(text: &str) -> Option<Self> {
        parse_units(text, &SIZES).map(Self)
    }
}

/// One or more numbers, each with its unit, added up.
fn parse_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text.trim();
    let mut sum = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let (unit, after) =
            after.split_at(after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len()));
        let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = after.trim_start();
    }
    Some(sum)
}

/// The number in the largest unit that leaves no rest.
fn print_units(f: &mut fmt::Formatter<'_>, number: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = |size: u64| size > 0 && number.is_multiple_of(size) && number >= size;
    match units.iter().find(|(_, size)| fits(*size)) {
        Some((name, size)) => write!(f, "{}{name}", number.checked_div(*size).unwrap_or(0)),
        None => write!(f, "{number}{}", units.last().map_or("", |(name, _)| name)),
    }
}

/// Largest first; the first name of a size is the one that is printed.
const SPANS: [(&str, u64); 8] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
    ("µs", 1),
];
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

const SPAN_FORM: &str =
    "a span of time with its unit, such as \"90s\", \"5m\", \"1h30m\" or \"7d\"";
const SIZE_FORM: &str = "a number of bytes with its unit, such as \"64KiB\" or \"1GiB\"";

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros().unsigned_abs();
        if micros == 0 { f.write_str("0s") } else { print_units(f, micros, &SPANS) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_units(f, self.0, &SIZES)
    }
}

/// Reads a text by a parser whose words on failure say the form.
struct Form<T> {
    form: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for Form<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let parse =
            |text: &str| Self::parse(text).ok_or_else(|| format!("`{text}` is not {SPAN_FORM}"));
        from.deserialize_str(Form { form: SPAN_FORM, parse })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let parse =
            |text: &str| Self::parse(text).ok_or_else(|| format!("`{text}` is not {SIZE_FORM}"));
        from.deserialize_str(Form { form: SIZE_FORM, parse })
    }
}

impl<'de, T: Textual> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        T::from_text(&text)
            .map(Self)
            .map_err(|why| D::Error::custom(format!("`{text}` is not {}: {why}", T::FORM)))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<T: Textual> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.to_text())
    }
}

impl<T: Textual + PartialEq> super::Setting for Text<T> {
    fn shape(default: Option<&Self>) -> super::Shape {
        super::value_shape(default)
    }

    fn changed(&self, new: &Self, key: &str, live: bool, out: &mut Vec<super::Change>) {
        super::value_changed(self, new, key, live, out);
    }
}

impl Textual for TrustDomain {
    const FORM: &'static str = "a trust domain, such as \"example.org\"";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for SpiffeId {
    const FORM: &'static str = "a SPIFFE ID, such as \"spiffe://example.org/web\"";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for url::Url {
    const FORM: &'static str = "a URL, such as \"https://weft.example.org\"";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_print_as_they_are_read() {
        for text in ["7d", "1h", "90s", "90m", "500ms", "3us", "0s"] {
            assert_eq!(Span::parse(text).expect(text).to_string(), text);
        }
        for text in ["1GiB", "64MiB", "1536KiB", "1B", "0B"] {
            assert_eq!(Size::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(Span::parse("1h30m"), Some(Span(Lifetime::minutes(90))));
        assert_eq!(Span::parse("5 min"), Some(Span(Lifetime::minutes(5))));
    }

    #[test]
    fn a_number_without_a_unit_or_too_large_is_refused() {
        for bad in
            ["", "90", "s", "-1s", "1.5h", "1 year", "99999999999999999999d", "9999999999999d"]
        {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
        for bad in ["64", "64MB", "64mib", "99999999TiB"] {
            assert_eq!(Size::parse(bad), None, "{bad}");
        }
    }
}
