//! What may be typed to say who one is: read once, in one spelling, so that two spellings never are two people. Pure.
//!
//! Names and local parts are compared after NFKC and lower-casing (RFC 8265 §3.3 maps widths and case), domains as their
//! ASCII form (RFC 5891). Two mailboxes that differ by case only are one identifier here: the second is refused, and mail goes to
//! the address as its owner proved it, never to what a stranger typed.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;

use super::model::Error;

/// What may be typed, normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identifier {
    /// A name.
    Username(Arc<str>),
    /// An e-mail address.
    Email(Arc<str>),
    /// A telephone number (E.164).
    Phone(Arc<str>),
}

impl Identifier {
    /// Reads what somebody typed into the one field of a sign-in form; nothing if it can be nobody's.
    pub fn typed(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > IDENTIFIER_BYTES_MAX {
            return None;
        }
        if text.contains('@') {
            Self::email(text).ok()
        } else if text.starts_with('+') {
            Self::phone(text).ok()
        } else {
            Self::username(text).ok()
        }
    }

    /// Reads a name: 1 to 64 characters without space, control character or `@`, not beginning with `+`.
    pub fn username(text: &str) -> Result<Self, Error> {
        let name = folded(text);
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@' && !is_format(c);
        let count = name.chars().count();
        if count == 0
            || count > USERNAME_CHARS_MAX
            || name.starts_with('+')
            || !name.chars().all(plain)
        {
            return Err(Error::invalid(
                "username",
                "1 to 64 characters without space and `@`, not beginning with `+`",
            ));
        }
        Ok(Self::Username(Arc::from(name)))
    }

    /// Reads an e-mail address.
    pub fn email(text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid("email", "an address of the form `name@example.org`");
        let address = email_address(text).ok_or_else(wrong)?;
        let (local, domain) = address.rsplit_once('@').ok_or_else(wrong)?;
        Ok(Self::Email(Arc::from(format!("{}@{domain}", folded(local)))))
    }

    /// Reads a telephone number with its country: `+` and 7 to 15 digits (E.164), between which spaces, hyphens, dots and
    /// brackets do not count.
    pub fn phone(text: &str) -> Result<Self, Error> {
        phone_number(text)
            .map(|number| Self::Phone(Arc::from(number)))
            .ok_or_else(|| Error::invalid("phone", "`+`, the country's code and the number"))
    }

    /// Of this kind, as a row says it.
    pub fn stored(kind: &str, value: String) -> Option<Self> {
        let value = Arc::from(value);
        match kind {
            "username" => Some(Self::Username(value)),
            "email" => Some(Self::Email(value)),
            "phone" => Some(Self::Phone(value)),
            _ => None,
        }
    }

    /// The kind, in rows and on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::Email(_) => "email",
            Self::Phone(_) => "phone",
        }
    }

    /// What it is called when somebody else has it.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::Email(_) => "e-mail address",
            Self::Phone(_) => "telephone number",
        }
    }

    /// The one spelling.
    pub fn value(&self) -> &str {
        match self {
            Self::Username(value) | Self::Email(value) | Self::Phone(value) => value,
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value())
    }
}

/// An address as mail can be sent to it: the local part as it is, the domain in ASCII and lower case. Nothing for what is no
/// single address; quoted local parts (RFC 5321 §4.1.2) are not taken, because nobody has one and header injections do.
pub(super) fn email_address(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > EMAIL_BYTES_MAX {
        return None;
    }
    let (local, domain) = text.rsplit_once('@')?;
    let atom = |c: char| {
        c.is_ascii_alphanumeric()
            || ".!#$%&'*+-/=?^_`{|}~".contains(c)
            || (!c.is_ascii() && c.is_alphanumeric())
    };
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    if local.is_empty() || local.len() > LOCAL_PART_BYTES_MAX || dots || !local.chars().all(atom) {
        return None;
    }
    let domain = match url::Host::parse(domain).ok()? {
        url::Host::Domain(domain) => domain,
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => return None,
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    domain.split('.').all(label).then(|| format!("{local}@{domain}"))
}

/// A telephone number in E.164, or nothing.
pub(super) fn phone_number(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > PHONE_BYTES_MAX {
        return None;
    }
    let digits: String = text
        .strip_prefix('+')?
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
        .collect();
    let right = (7..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    right.then(|| format!("+{digits}"))
}

/// NFKC, lower case, and NFKC again: lower-casing can undo it.
fn folded(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    lower.nfkc().collect()
}

/// Characters that nobody sees: zero width, direction marks, tags.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Nothing longer is looked up.
const IDENTIFIER_BYTES_MAX: usize = 320;
/// Longest name.
const USERNAME_CHARS_MAX: usize = 64;
/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const EMAIL_BYTES_MAX: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const LOCAL_PART_BYTES_MAX: usize = 64;
/// 15 digits with room for what people write between them.
const PHONE_BYTES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Option<String> {
        Identifier::typed(text).map(|found| format!("{}:{found}", found.kind()))
    }

    #[test]
    fn spellings_of_one_identifier_are_one() {
        let table = [
            ("Alice", "username:alice"),
            (" alice ", "username:alice"),
            ("ＡＬＩＣＥ", "username:alice"),
            ("ﬁn", "username:fin"),
            ("Alice@Example.ORG", "email:alice@example.org"),
            ("alice@bücher.example", "email:alice@xn--bcher-kva.example"),
            ("+49 (30) 123-456.78", "phone:+493012345678"),
        ];
        for (text, expected) in table {
            assert_eq!(typed(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_can_be_nobodys_is_nothing() {
        let long = "a".repeat(65);
        let huge = format!("{}@example.org", "a".repeat(100_000));
        for text in [
            "",
            " ",
            "a b",
            "a\u{200b}b",
            "a\u{0}",
            &long,
            &huge,
            "@",
            "a@",
            "@b",
            "a@b@",
            "a@@b.example",
            ".a@b.example",
            "a..b@c.example",
            "a@-b.example",
            "a@1.2.3.4",
            "a@[::1]",
            "\"a b\"@c.example",
            "a@b.example\r\nBcc: c@d.example",
            "a\r\n@b.example",
            "+",
            "+0123456",
            "+123",
            "+1234567890123456",
            "+49 30 12ab",
        ] {
            assert_eq!(typed(text), None, "{text:?}");
        }
    }
}
