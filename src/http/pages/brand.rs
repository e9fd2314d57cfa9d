//! What makes pages a realm's own: its name, its logo, its colour.

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
        let set = |colour: Colour| {
            let (own, ink) = (colour.css(), colour.ink());
            format!("--accent:{own};--accent-ink:{ink};--accent-text:{own}")
        };
        Some(format!(
            ":root{{{}}}@media (prefers-color-scheme:dark){{:root{{{}}}}}",
            set(light),
            set(dark)
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

    fn css(self) -> String {
        format!("#{}", hex(&[self.red, self.green, self.blue]))
    }

    /// Black or white, whichever is read better on it (WCAG 2.2, relative luminance).
    fn ink(self) -> &'static str {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let light =
            0.2126 * channel(self.red) + 0.7152 * channel(self.green) + 0.0722 * channel(self.blue);
        // Where the contrast to white, 1.05 / (L + 0.05), equals that to black, (L + 0.05) / 0.05.
        if light > 0.179 { "#000000" } else { "#ffffff" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
