//! The standard claims of OpenID Connect Core §5.1 as attributes: their names, and what each may hold. Pure.

use super::identifiers::{email_address, phone_number};
use super::model::Error;

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $text:literal: $form:ident;)*) => {
        /// A claim that a person has a value for. `sub` and `updated_at` are the account's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum AttributeName {
            $($(#[$doc])* $name,)*
        }

        impl AttributeName {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in rows and on the wire; parts of the address are `address.…`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            const fn form(self) -> Form {
                match self { $(Self::$name => Form::$form,)* }
            }
        }
    };
}

attributes! {
    /// The whole name.
    Name = "name": Line;
    /// Given names.
    GivenName = "given_name": Line;
    /// Surnames.
    FamilyName = "family_name": Line;
    /// Names between them.
    MiddleName = "middle_name": Line;
    /// A casual name.
    Nickname = "nickname": Line;
    /// A short name they would like to be known by; the username if it is not set.
    PreferredUsername = "preferred_username": Line;
    /// The address of a page about them.
    Profile = "profile": Url;
    /// The address of a picture of them.
    Picture = "picture": Url;
    /// The address of their page.
    Website = "website": Url;
    /// An e-mail address; its proof is `email_verified`.
    Email = "email": Email;
    /// Gender.
    Gender = "gender": Line;
    /// `YYYY-MM-DD`, `YYYY`, or `0000-MM-DD` where the year is not said.
    Birthdate = "birthdate": Date;
    /// A time zone: `Europe/Berlin`.
    Zoneinfo = "zoneinfo": Zone;
    /// A language tag (BCP 47).
    Locale = "locale": Language;
    /// A telephone number (E.164); its proof is `phone_number_verified`.
    PhoneNumber = "phone_number": Phone;
    /// The postal address in one text, which may have lines.
    AddressFormatted = "address.formatted": Lines;
    /// Street and number.
    AddressStreet = "address.street_address": Lines;
    /// City.
    AddressLocality = "address.locality": Line;
    /// State, province, prefecture.
    AddressRegion = "address.region": Line;
    /// Postal code.
    AddressPostalCode = "address.postal_code": Line;
    /// Country.
    AddressCountry = "address.country": Line;
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Line,
    Lines,
    Url,
    Email,
    Phone,
    Date,
    Zone,
    Language,
}

impl AttributeName {
    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }

    /// The value in the form that it is kept in; refused where it cannot be one. Control characters never are: values end up in
    /// headers, logs and terminals of others.
    pub fn checked(self, text: &str) -> Result<String, Error> {
        let wrong = |rule: &str| Err(Error::invalid(self.as_str(), rule));
        let text = text.trim();
        let control = |c: char| c.is_control() && !(self.form() == Form::Lines && c == '\n');
        if text.is_empty() || text.len() > VALUE_BYTES_MAX || text.chars().any(control) {
            return wrong("1 to 1024 bytes without control characters");
        }
        match self.form() {
            Form::Line | Form::Lines => Ok(text.to_owned()),
            Form::Url => match url::Url::parse(text) {
                Ok(url) if matches!(url.scheme(), "https" | "http") => Ok(url.into()),
                _ => wrong("an http or https address"),
            },
            Form::Email => email_address(text)
                .map_or_else(|| wrong("an address of the form `name@example.org`"), Ok),
            Form::Phone => phone_number(text)
                .map_or_else(|| wrong("`+`, the country's code and the number"), Ok),
            Form::Date if is_date(text) => Ok(text.to_owned()),
            Form::Date => wrong("`YYYY-MM-DD`, `YYYY` or `0000-MM-DD`"),
            Form::Zone if is_tag(text, &['/', '_', '+', '-']) => Ok(text.to_owned()),
            Form::Zone => wrong("a time zone such as `Europe/Berlin`"),
            Form::Language if is_language(text) => Ok(text.to_owned()),
            Form::Language => wrong("a language tag such as `de-CH`"),
        }
    }
}

/// True for the form of a language tag (BCP 47).
pub fn is_language(text: &str) -> bool {
    text.len() <= 35 && is_tag(text, &['-']) && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_tag(text: &str, joints: &[char]) -> bool {
    text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || joints.contains(&c))
}

fn is_date(text: &str) -> bool {
    let number = |part: &str, digits: usize| {
        (part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [year] => number(year, 4).is_some(),
        [year, month, day] => {
            number(year, 4).is_some()
                && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
                && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
        }
        _ => false,
    }
}

/// Longest value: a name, an address, a URL. The token endpoint puts some of them into every ID token.
const VALUE_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standard_claim_has_its_attribute() {
        // OpenID Connect Core 1.0 §5.1 and §5.1.1, without `sub`, `updated_at`, `address` and the two `_verified`.
        let claims = [
            "name",
            "given_name",
            "family_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "email",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "phone_number",
            "address.formatted",
            "address.street_address",
            "address.locality",
            "address.region",
            "address.postal_code",
            "address.country",
        ];
        assert_eq!(AttributeName::ALL.len(), claims.len());
        for claim in claims {
            assert_eq!(AttributeName::parse(claim).map(AttributeName::as_str), Some(claim));
        }
    }

    #[test]
    fn values_keep_the_rules_of_their_claim() {
        use AttributeName as A;
        let good = [
            (A::Name, " Jane Doe ", "Jane Doe"),
            (A::Email, "Jane@Example.ORG", "Jane@example.org"),
            (A::PhoneNumber, "+1 (425) 555-1212", "+14255551212"),
            (A::Birthdate, "0000-02-29", "0000-02-29"),
            (A::Zoneinfo, "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            (A::Locale, "zh-Hant-TW", "zh-Hant-TW"),
            (A::AddressStreet, "1 Main St\nFlat 2", "1 Main St\nFlat 2"),
            (A::Website, "https://example.org/~jane", "https://example.org/~jane"),
        ];
        for (name, text, kept) in good {
            assert_eq!(name.checked(text).expect(text), kept);
        }
        let huge = "x".repeat(1025);
        let bad = [
            (A::Name, ""),
            (A::Name, "Jane\r\nBcc: x"),
            (A::Name, huge.as_str()),
            (A::Website, "javascript:alert(1)"),
            (A::Picture, "data:text/html,x"),
            (A::Email, "not an address"),
            (A::Birthdate, "1.2.1990"),
            (A::Birthdate, "1990-13-01"),
            (A::Locale, "de_CH; x"),
            (A::PhoneNumber, "030 12345"),
        ];
        for (name, text) in bad {
            assert!(name.checked(text).is_err(), "{} {text:?}", name.as_str());
        }
    }
}
