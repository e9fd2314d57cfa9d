//! What makes pages a realm's own: its name, its logo, its colour.

use super::svg;
use crate::crypto::digest::{hex, sha256};

/// A realm's brand. A request extension on routes of pages; without one, pages are Weft's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// What it is called, on every page.
    pub name: String,
    /// Its sign; without one, the first letter of the name stands in a coloured square.
    pub logo: Option<Logo>,
    /// The colour of buttons and links.
    pub accent: Option<Colour>,
    /// The same where the page is dark; without one, `accent`.
    pub accent_dark: Option<Colour>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/svg+xml`, `image/png` or `image/webp`.
    pub media: &'static str,
    /// The picture.
    pub bytes: Vec<u8>,
}

/// Why a brand cannot be so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {why}")]
pub struct BrandFlaw {
    /// What of it.
    pub field: &'static str,
    /// What would be right.
    pub why: String,
}

/// A colour, 8 bits a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Default for Brand {
    fn default() -> Self {
        Self::named("Weft")
    }
}

impl Brand {
    /// With this name, and Weft's colours.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), logo: None, accent: None, accent_dark: None }
    }

    /// The first thing that is wrong with it: a name that is no name, or a colour that is not read well on our pages.
    pub fn check(&self) -> Result<(), BrandFlaw> {
        let length = self.name.chars().count();
        let plain = self.name.trim() == self.name && !self.name.chars().any(char::is_control);
        if !(1..=NAME_CHARS_MAX).contains(&length) || !plain {
            let why = format!("1 to {NAME_CHARS_MAX} characters on one line");
            return Err(BrandFlaw { field: "name", why });
        }
        let dark = ("accent_dark", self.accent_dark.or(self.accent), DARK);
        let dark = if self.accent_dark.is_none() { ("accent", dark.1, dark.2) } else { dark };
        for (field, colour, grounds) in [("accent", self.accent, LIGHT), dark] {
            let Some(colour) = colour else { continue };
            let least = grounds.iter().map(|ground| colour.contrast(*ground));
            let least = least.fold(colour.contrast(colour.wash(grounds)), f64::min);
            if least < CONTRAST_MIN {
                let which = if grounds == DARK { "dark; say `accent_dark` too" } else { "light" };
                let why = format!(
                    "links in {} have a contrast of {least:.1} to pages that are {which}, and need {CONTRAST_MIN}",
                    colour.css()
                );
                return Err(BrandFlaw { field, why });
            }
        }
        if self.accent.is_none() && self.accent_dark.is_some() {
            let why = "a dark page's colour needs `accent` beside it".to_owned();
            return Err(BrandFlaw { field: "accent_dark", why });
        }
        Ok(())
    }

    /// The letter that stands for it where there is no logo.
    pub fn initial(&self) -> String {
        self.name.chars().next().unwrap_or('W').to_uppercase().collect()
    }

    /// Where its style sheet is, if it has colours of its own.
    pub(super) fn style_path(&self) -> Option<String> {
        let style = self.style()?;
        Some(format!("/assets/brand/{}/brand.css", digest(style.as_bytes())))
    }

    /// Where its logo is, if it has one.
    pub(super) fn logo_path(&self) -> Option<String> {
        let logo = self.logo.as_ref()?;
        Some(format!("/assets/brand/{}/logo", digest(&logo.bytes)))
    }

    /// The style sheet that says its colours.
    pub(super) fn style(&self) -> Option<String> {
        let light = self.accent?;
        let dark = self.accent_dark.unwrap_or(light);
        let set = |colour: Colour, grounds: [Colour; 2]| {
            let (own, ink, wash) = (colour.css(), colour.ink(), colour.wash(grounds).css());
            format!(
                "--accent:{own};--accent-deep:{own};--accent-ink:{ink};--accent-text:{own};--accent-wash:{wash}"
            )
        };
        Some(format!(
            ":root{{{}}}@media (prefers-color-scheme:dark){{:root{{{}}}}}",
            set(light, LIGHT),
            set(dark, DARK)
        ))
    }
}

/// Names a file by its content, so that a browser may keep it for ever.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(sha256(bytes).get(..8).unwrap_or_default())
}

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = crate::crypto::digest::from_hex(text.strip_prefix('#')?)?;
        let [red, green, blue] = bytes.try_into().ok()?;
        Some(Self { red, green, blue })
    }

    /// As `#rrggbb`.
    pub fn css(self) -> String {
        format!("#{}", hex(&[self.red, self.green, self.blue]))
    }

    /// Black or white, whichever is read better on it (WCAG 2.2, relative luminance).
    fn ink(self) -> &'static str {
        // Where the contrast to white, 1.05 / (L + 0.05), equals that to black, (L + 0.05) / 0.05.
        if self.luminance() > 0.179 { "#000000" } else { "#ffffff" }
    }

    fn luminance(self) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(self.red) + 0.7152 * channel(self.green) + 0.0722 * channel(self.blue)
    }

    /// How well one is read on the other (WCAG 2.2, contrast ratio).
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// A breath of it over a card: behind what is marked.
    fn wash(self, grounds: [Self; 2]) -> Self {
        let [_, card] = grounds;
        let mix = |own: u8, ground: u8| {
            let sixteenths = u16::from(own).saturating_add(u16::from(ground).saturating_mul(15));
            u8::try_from(sixteenths / 16).unwrap_or(u8::MAX)
        };
        Self {
            red: mix(self.red, card.red),
            green: mix(self.green, card.green),
            blue: mix(self.blue, card.blue),
        }
    }
}

impl Logo {
    /// A picture that a page may show: PNG, WebP, or SVG that is nothing but shapes. What it is, its bytes say.
    pub fn of(bytes: Vec<u8>) -> Result<Self, BrandFlaw> {
        let flaw = |why: &str| BrandFlaw { field: "logo", why: why.to_owned() };
        if bytes.is_empty() || bytes.len() > LOGO_BYTES_MAX {
            return Err(flaw("a picture of at most 64 KiB"));
        }
        let media = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            "image/webp"
        } else {
            let text = std::str::from_utf8(&bytes).map_err(|_| flaw("PNG, WebP or SVG"))?;
            svg::check(text).map_err(|why| flaw(&why))?;
            "image/svg+xml"
        };
        Ok(Self { media, bytes })
    }

    /// The media types that logos have.
    pub const MEDIA: [&'static str; 3] = ["image/png", "image/webp", "image/svg+xml"];
}

const fn grey(red: u8, green: u8, blue: u8) -> Colour {
    Colour { red, green, blue }
}

/// Page and card of `assets/style.css`, by day and by night.
const LIGHT: [Colour; 2] = [grey(0xf5, 0xf6, 0xf9), grey(0xff, 0xff, 0xff)];
const DARK: [Colour; 2] = [grey(0x0f, 0x11, 0x17), grey(0x18, 0x1b, 0x24)];
/// WCAG 2.2, success criterion 1.4.3.
const CONTRAST_MIN: f64 = 4.5;
/// It stands in one line on a telephone.
const NAME_CHARS_MAX: usize = 40;
/// It is held in memory, and sent to everybody who signs in.
const LOGO_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_that_is_not_read_well_on_our_pages_is_refused() {
        let check = |accent: &str, dark: Option<&str>| {
            let colour = |text: &str| Colour::parse(text);
            let (accent, accent_dark) = (colour(accent), dark.and_then(colour));
            Brand { accent, accent_dark, ..Brand::named("Ada") }.check().map_err(|flaw| flaw.field)
        };
        assert_eq!(check("#0057b8", Some("#7fb2ff")), Ok(()));
        assert_eq!(check("#0057b8", None), Err("accent"), "too dark for the night");
        assert_eq!(check("#ffcc00", Some("#ffcc00")), Err("accent"), "too light for the day");
        assert_eq!(check("#0057b8", Some("#333333")), Err("accent_dark"));
        let own = Brand { accent_dark: Colour::parse("#7fb2ff"), ..Brand::named("Ada") };
        assert!(own.check().is_err(), "a night without a day");
        let long = "x".repeat(41);
        for name in ["", " Ada", "Ada\nKing", long.as_str()] {
            assert!(Brand::named(name).check().is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_logo_is_a_picture_and_runs_nothing() {
        let svg =
            |inside: &str| format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inside}</svg>");
        let good = [
            b"\x89PNG\r\n\x1a\nrest".to_vec(),
            b"RIFF\x00\x00\x00\x00WEBPVP8 ".to_vec(),
            svg("<title>Ada &amp; Co</title><path d=\"M0 0h9\" fill=\"url(#a)\"/>").into_bytes(),
            svg("<!-- drawn --><g><use href=\"#a\"/></g>").into_bytes(),
        ];
        for bytes in good {
            assert!(Logo::of(bytes.clone()).is_ok(), "{:?}", String::from_utf8_lossy(&bytes));
        }
        let bad = [
            "",
            "GIF89a",
            "<html></html>",
            "<svg",
            &svg("<script>alert(1)</script>"),
            &svg("<SCRIPT>alert(1)</SCRIPT>"),
            &svg("<path onload=\"alert(1)\"/>"),
            &svg("<path/onclick='x'/>"),
            &svg("<a href=\"javascript:alert(1)\"><path/></a>"),
            &svg("<use href=\"https://evil.example/x.svg#a\"/>"),
            &svg("<use xlink:href='data:image/svg+xml,x'/>"),
            &svg("<image href=\"https://evil.example/x.png\"/>"),
            &svg("<foreignObject><body/></foreignObject>"),
            &svg("<style>@import url(https://evil.example)</style>"),
            &svg("<path style=\"fill:url(https://evil.example/a)\"/>"),
            &svg("<path fill=\"u&#114;l(https://evil.example)\"/>"),
            &svg("<animate attributeName=\"href\" to=\"javascript:x\"/>"),
            "<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><svg>&x;</svg>",
            "<?xml-stylesheet href=\"https://evil.example/a.css\"?><svg></svg>",
        ];
        for text in bad {
            assert!(Logo::of(text.as_bytes().to_vec()).is_err(), "{text}");
        }
        assert!(Logo::of(vec![0x89; LOGO_BYTES_MAX + 1]).is_err());
        println!(
            "proof: logos that would run or fetch something {}, refused {}",
            bad.len(),
            bad.len()
        );
    }

    #[test]
    fn a_colour_is_read_strictly_and_chooses_its_ink() {
        for bad in ["", "#fff", "red", "#12345g", "#1234567", "#000;}*{"] {
            assert_eq!(Colour::parse(bad), None, "{bad}");
        }
        for (colour, ink) in
            [("#ffffff", "#000000"), ("#1a1a2e", "#ffffff"), ("#ffcc00", "#000000")]
        {
            assert_eq!(Colour::parse(colour).map(Colour::ink), Some(ink), "{colour}");
        }
    }

    #[test]
    fn another_brand_has_another_address() {
        let mut brand = Brand { accent: Colour::parse("#0057b8"), ..Brand::named("Ada") };
        let first = brand.style_path();
        brand.accent_dark = Colour::parse("#7fb2ff");
        assert!(first.is_some() && brand.style_path() != first);
        assert_eq!((brand.initial(), Brand::default().style_path()), ("A".to_owned(), None));
    }
}
