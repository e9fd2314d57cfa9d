//! A secret as a picture that an authenticator app reads.

use qrcode::QrCode;
use qrcode::render::svg;

use crate::crypto::digest::base64;

/// The QR code of this text as a `data:` URL: the secret gets no address of its own, so no log and no cache has it.
/// Nothing if the text is too long for one.
pub fn picture_of(text: &str) -> Option<String> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build();
    Some(format!("data:image/svg+xml;base64,{}", base64(picture.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_inline_and_too_long_a_text_has_none() {
        let picture = picture_of("otpauth://totp/a?secret=B").expect("short");
        assert!(picture.starts_with("data:image/svg+xml;base64,"));
        assert_eq!(picture_of(&"a".repeat(8000)), None);
    }
}
