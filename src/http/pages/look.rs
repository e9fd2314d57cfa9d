//! How a page looks for whoever asks: the language, its direction, the brand.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::ACCEPT_LANGUAGE;
use http::request::Parts;
use http::{Extensions, HeaderMap, Uri};

use super::super::cookies::{Cookies, HostCookie};
use super::assets;
use super::brand::Brand;
use super::texts::{self, Word};

/// A language that pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English: what is spoken where nothing better fits.
    English,
    /// German.
    German,
    /// Arabic.
    Arabic,
}

impl Language {
    /// All of them, in the order in which pages offer them.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Arabic];

    /// Its tag (BCP 47), in `lang` and in `ui_locales`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Arabic => "ar",
        }
    }

    /// Which way it is written, in `dir`.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            Self::English | Self::German => "ltr",
        }
    }

    /// What its speakers call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::Arabic => "العربية",
        }
    }

    /// The language that a tag asks for: `de-CH` gets German (RFC 4647 §3.4, lookup).
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

/// How the pages of one request look. Cheap to clone. An extractor that never fails.
#[derive(Clone)]
pub struct Look {
    language: Language,
    chosen: bool,
    brand: Arc<Brand>,
    here: Arc<str>,
}

/// What is wrong with a form that was sent: shown above it, and at its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The `name` of the field, or nothing if it concerns the whole form.
    pub field: Option<&'static str>,
    /// What is wrong and what would be right, in the reader's language.
    pub text: String,
}

/// All that is wrong with a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flaws(Vec<Flaw>);

impl Flaws {
    /// Nothing is wrong.
    pub const NONE: Self = Self(Vec::new());

    /// One thing is wrong.
    pub fn one(flaw: Flaw) -> Self {
        Self(vec![flaw])
    }

    /// This is wrong too.
    #[must_use]
    pub fn and(mut self, flaw: Flaw) -> Self {
        self.0.push(flaw);
        self
    }

    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub fn all(&self) -> &[Flaw] {
        &self.0
    }

    /// What is wrong with this field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|flaw| flaw.field == Some(field)).map(|flaw| flaw.text.as_str())
    }
}

impl Flaw {
    /// Of one field.
    pub fn of(field: &'static str, text: String) -> Self {
        Self { field: Some(field), text }
    }

    /// Of the whole form.
    pub fn whole(text: String) -> Self {
        Self { field: None, text }
    }
}

impl Look {
    /// For a request: the language that was chosen on a page here, else the one that the browser prefers.
    pub fn of(headers: &HeaderMap, extensions: &Extensions, uri: &Uri) -> Self {
        let chosen = Cookies::of(headers).get(LANGUAGE).and_then(Language::of_tag);
        let here = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Self {
            language: chosen.or_else(|| preferred(headers)).unwrap_or(Language::English),
            chosen: chosen.is_some(),
            brand: extensions.get::<Arc<Brand>>().cloned().unwrap_or_default(),
            here: Arc::from(here),
        }
    }

    /// For what is read without a request: a letter.
    pub fn in_language(language: Language) -> Self {
        Self { language, chosen: true, brand: Arc::default(), here: Arc::from("/") }
    }

    /// In the first of these languages that pages speak, as the application asked in `ui_locales`; but what the reader
    /// has chosen here stands, or the choice at the foot of each page would do nothing.
    #[must_use]
    pub fn prefer<T: AsRef<str>>(mut self, tags: &[T]) -> Self {
        if !self.chosen {
            let first = tags.iter().find_map(|tag| Language::of_tag(tag.as_ref()));
            self.language = first.unwrap_or(self.language);
        }
        self
    }

    /// In this language, whatever was asked for.
    #[must_use]
    pub fn speaking(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// With this brand.
    #[must_use]
    pub fn branded(mut self, brand: Arc<Brand>) -> Self {
        self.brand = brand;
        self
    }

    /// The language of its texts.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whose pages these are.
    pub fn brand(&self) -> &Brand {
        &self.brand
    }

    /// The text of this name. Every name is in `translations/`; a test knows.
    pub fn say(&self, key: &str) -> String {
        texts::say(self.language, key, &[])
    }

    /// The same with one value in it.
    pub fn say1(&self, key: &str, name: &'static str, value: impl Word) -> String {
        texts::say(self.language, key, &[(name, value.word())])
    }

    /// The same with two values in it.
    pub fn say2(
        &self,
        key: &str,
        one: &(&'static str, &str),
        two: &(&'static str, &str),
    ) -> String {
        texts::say(self.language, key, &[(one.0, one.1.word()), (two.0, two.1.word())])
    }

    /// The text of this name, if there is one: for names made of a code.
    pub fn maybe(&self, key: &str) -> Option<String> {
        texts::has(key).then(|| self.say(key))
    }

    /// The address of a file that pages use.
    pub fn asset(&self, name: &str) -> String {
        assets::path(name)
    }

    /// The address of the brand's style sheet.
    pub fn brand_style(&self) -> Option<String> {
        self.brand.style_path()
    }

    /// The address of the brand's logo.
    pub fn brand_logo(&self) -> Option<String> {
        self.brand.logo_path()
    }

    /// The letter that stands for somebody or something beside its name.
    pub fn initial(&self, name: &str) -> String {
        name.chars().next().map(|first| first.to_uppercase().collect()).unwrap_or_default()
    }

    /// Path and query of this page, to come back to.
    pub fn here(&self) -> &str {
        &self.here
    }

    /// The languages a page offers.
    pub fn languages(&self) -> [Language; 3] {
        Language::ALL
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Look({}, {})", self.language.tag(), self.brand.name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Look {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, &parts.extensions, &parts.uri))
    }
}

/// The best of `Accept-Language` (RFC 9110 §12.5.4) that pages speak.
fn preferred(headers: &HeaderMap) -> Option<Language> {
    let text = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(u16, Language)> = None;
    for range in text.split(',').take(RANGES_MAX) {
        let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
        let weight = thousandths(rest);
        let Some(language) = Language::of_tag(tag.trim()) else { continue };
        if weight > best.map_or(0, |(most, _)| most) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A weight `q=0.8` as 800; 1000 where nothing is said, 0 where it is no weight.
fn thousandths(rest: &str) -> u16 {
    let Some(value) = rest.trim().strip_prefix("q=") else {
        return if rest.trim().is_empty() { 1000 } else { 0 };
    };
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    match (whole, format!("{part:0<3}").parse::<u16>()) {
        ("1", Ok(0)) => 1000,
        ("0", Ok(part)) if part < 1000 => part,
        _ => 0,
    }
}

/// The language that was chosen on a page. No secret, and no one's own: it lives as long as a browser lets it.
pub(super) const LANGUAGE: HostCookie = HostCookie::named("__Host-weft-language");
/// Browsers send a handful.
const RANGES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn look(accept: &str, cookie: &str) -> Look {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accept).expect("ASCII"));
        headers.insert(http::header::COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
        Look::of(&headers, &Extensions::new(), &Uri::from_static("/account?x=1"))
    }

    #[test]
    fn the_language_is_the_one_chosen_then_asked_for_then_preferred() {
        let check = |accept: &str, cookie: &str, ui_locales: &[&str], expected: &str| {
            let look = look(accept, cookie).prefer(ui_locales);
            assert_eq!(look.language().tag(), expected, "{accept} {cookie} {ui_locales:?}");
        };
        check("", "", &[], "en");
        check("fr, de-CH;q=0.7, en;q=0.5", "", &[], "de");
        check("de;q=0.1, ar;q=0.9", "", &[], "ar");
        check("de;q=0, en", "", &[], "en");
        check("de;q=x, *", "", &[], "en");
        check("de", "", &["fr", "ar-EG"], "ar");
        check("de", "", &["xx"], "de");
        check("de", "__Host-weft-language=en", &["ar"], "en");
        check("de", "__Host-weft-language=zz", &["ar"], "ar");
    }

    #[test]
    fn a_page_knows_where_it_is() {
        assert_eq!(look("", "").here(), "/account?x=1");
    }
}
