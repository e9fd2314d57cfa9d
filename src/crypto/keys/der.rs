//! The few pieces of DER that we write ourselves (X.690 §8, §10).

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// A SEQUENCE of these parts.
pub(in crate::crypto) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// A positive INTEGER from big-endian bytes of any length; nothing for zero.
pub(in crate::crypto) fn integer(number: &[u8]) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).filter(|digits| !digits.is_empty())?;
    let pad: &[u8] = if digits.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    Some(element(INTEGER, &[pad, digits].concat()))
}

/// A BIT STRING of whole bytes.
pub(in crate::crypto) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    match (length.get(zeros..).unwrap_or_default(), u8::try_from(length.len() - zeros)) {
        ([], _) => der.push(0),
        ([short], _) if *short < 0x80 => der.push(*short),
        (long, count) => {
            der.push(0x80 | count.unwrap_or(0));
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
    der
}
