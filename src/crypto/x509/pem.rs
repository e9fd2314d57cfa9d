//! Printing PEM (RFC 7468): lines of 64. The text may hold a key, so it is wiped when it goes.

use zeroize::Zeroizing;

use crate::crypto::digest::base64;

/// A section with this label.
pub fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    pem_of_base64(label, &Zeroizing::new(base64(der)))
}

/// The same of what is base64 already, as in `x5c` (RFC 7517 §4.7).
pub fn pem_of_base64(label: &str, encoded: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    let mut column = 0;
    for character in encoded.chars().filter(|character| !character.is_whitespace()) {
        text.push(character);
        column += 1;
        if column == 64 {
            text.push('\n');
            column = 0;
        }
    }
    if column > 0 {
        text.push('\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_has_lines_of_64_characters_and_no_empty_one() {
        let text = pem_of_base64("CERTIFICATE", &"A".repeat(128));
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [27, 64, 64, 25]);
        assert_eq!(pem("X", b"A").as_str(), "-----BEGIN X-----\nQQ==\n-----END X-----\n");
    }
}
