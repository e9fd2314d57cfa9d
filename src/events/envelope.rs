//! An event's bytes: header in the clear, then the two sealed parts. Pure.
//!
//! `version u8 | flags u8 | kind length u8 | time i64 | kind | subject 16? | actor 16?`, then the body:
//! `length of the subject's part u32 | subject's part | actor's part`. A part is empty, or `key id 16 | nonce, text, tag`.

use uuid::Uuid;

use crate::kernel::{Fault, SubjectId, Timestamp};

use super::model::{Header, KIND_BYTES_MAX, Sealed, is_dotted};

/// One part of a body, sealed: which key, and what it sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SealedPart<'a> {
    pub(super) key: [u8; 16],
    pub(super) blob: &'a [u8],
}

/// Whose part of a body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Subject,
    Actor,
}

/// A header that is not in its own `String` yet: as it is when an event is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) time: Timestamp,
    pub(super) kind: &'a str,
    pub(super) subject: Option<SubjectId>,
    pub(super) actor: Option<SubjectId>,
}

impl Head<'_> {
    /// Appends the header's bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        if !is_dotted(self.kind) || self.kind.len() > KIND_BYTES_MAX {
            return Err(Fault::bug(format_args!("`{}` is not the name of an event", self.kind)));
        }
        let flags = u8::from(self.subject.is_some()) | (u8::from(self.actor.is_some()) << 1);
        out.extend_from_slice(&[
            VERSION,
            flags,
            u8::try_from(self.kind.len()).map_err(Fault::bug)?,
        ]);
        out.extend_from_slice(&self.time.micros().to_le_bytes());
        out.extend_from_slice(self.kind.as_bytes());
        for number in [self.subject, self.actor].into_iter().flatten() {
            out.extend_from_slice(number.uuid().as_bytes());
        }
        Ok(())
    }
}

impl Header {
    /// The same, borrowed.
    pub(super) fn head(&self) -> Head<'_> {
        Head { time: self.time, kind: &self.kind, subject: self.subject, actor: self.actor }
    }
}

impl Sealed {
    /// Reads the bytes that `encode` made.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let [version, flags, kind_length] = take::<3>(&mut rest)?;
        if version != VERSION {
            return Err(Fault::malformed("event", format_args!("version {version} is unknown")));
        }
        let time = Timestamp::from_micros(i64::from_le_bytes(take::<8>(&mut rest)?));
        let (kind, after) = rest.split_at_checked(usize::from(kind_length)).ok_or_else(short)?;
        let kind =
            std::str::from_utf8(kind).map_err(|error| Fault::malformed("event", error))?.to_owned();
        rest = after;
        let subject = number(flags & 1 != 0, &mut rest)?;
        let actor = number(flags & 2 != 0, &mut rest)?;
        Ok(Self { header: Header { time, kind, subject, actor }, body: rest.to_vec() })
    }

    /// The bytes: what the change log keeps with a change.
    pub fn encode(&self) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::with_capacity(128 + self.body.len());
        self.header.head().write(&mut out)?;
        out.extend_from_slice(&self.body);
        Ok(out)
    }

    /// The two parts, subject's first; `None` for an empty one.
    pub(super) fn parts(&self) -> Result<[Option<SealedPart<'_>>; 2], Fault> {
        let mut rest = self.body.as_slice();
        let length = u32::from_le_bytes(take::<4>(&mut rest)?);
        let length = usize::try_from(length).map_err(Fault::bug)?;
        let (subject, actor) = rest.split_at_checked(length).ok_or_else(short)?;
        Ok([part(subject)?, part(actor)?])
    }
}

/// What binds a sealed part to its event, so that it opens nowhere else: realm, side, and the whole header.
pub(super) fn associated(realm: i64, side: Side, head: &Head<'_>) -> Result<Vec<u8>, Fault> {
    let mut data = Vec::with_capacity(96);
    data.extend_from_slice(b"weft event part v1\0");
    data.extend_from_slice(&realm.to_le_bytes());
    data.push(match side {
        Side::Subject => 0,
        Side::Actor => 1,
    });
    head.write(&mut data)?;
    Ok(data)
}

fn part(bytes: &[u8]) -> Result<Option<SealedPart<'_>>, Fault> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (key, blob) = bytes.split_first_chunk::<16>().ok_or_else(short)?;
    Ok(Some(SealedPart { key: *key, blob }))
}

fn number(present: bool, rest: &mut &[u8]) -> Result<Option<SubjectId>, Fault> {
    if !present {
        return Ok(None);
    }
    Ok(Some(SubjectId::new(Uuid::from_bytes(take::<16>(rest)?))))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (field, after) = rest.split_first_chunk::<N>().ok_or_else(short)?;
    *rest = after;
    Ok(*field)
}

fn short() -> Fault {
    Fault::malformed("event", "it is cut short")
}

/// The form described above.
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(subject: Option<u128>, actor: Option<u128>) -> Sealed {
        let number = |n| SubjectId::new(Uuid::from_u128(n));
        let header = Header {
            time: Timestamp::from_seconds(1_767_225_600),
            kind: "svid.x509_issued".to_owned(),
            subject: subject.map(number),
            actor: actor.map(number),
        };
        Sealed { header, body: vec![0; 4] }
    }

    #[test]
    fn an_envelope_reads_back_with_and_without_numbers() {
        for case in [
            sealed(None, None),
            sealed(Some(1), None),
            sealed(None, Some(2)),
            sealed(Some(3), Some(4)),
        ] {
            assert_eq!(Sealed::decode(&case.encode().unwrap()).unwrap(), case);
        }
    }

    #[test]
    fn an_envelope_cut_short_in_its_header_is_refused() {
        let bytes = sealed(Some(1), Some(2)).encode().unwrap();
        for end in 0..bytes.len() - 4 {
            assert!(Sealed::decode(&bytes[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_body_whose_parts_do_not_fit_is_refused() {
        let mut event = sealed(None, None);
        for body in [&b""[..], b"\x05\0\0\0abcd", b"\x04\0\0\0abcd"] {
            event.body = body.to_vec();
            assert!(event.parts().is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_kind_is_dotted_and_plain_or_the_event_is_refused() {
        for good in ["svid.x509_issued", "a.b", "node.join_token.used"] {
            assert!(is_dotted(good), "{good}");
        }
        let long = format!("a.{}", "b".repeat(KIND_BYTES_MAX));
        for bad in [
            "",
            "issued",
            ".a",
            "a.",
            "a..b",
            "Svid.issued",
            "svid.x509-issued",
            "a.1b",
            "ä.b",
            &long,
        ] {
            assert!(!is_dotted(bad), "{bad}");
            let head = Head { time: Timestamp::EPOCH, kind: bad, subject: None, actor: None };
            assert!(head.write(&mut Vec::new()).is_err(), "{bad}");
        }
    }
}
