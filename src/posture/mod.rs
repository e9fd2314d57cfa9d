//! Posture: what is known of the device behind a subject.
//!
//! Owns: the standing of a subject, which every issuing operation asks for between evidence and decision; [`scoring`], which
//! makes a score of what a device reports.
//! Does not own: what a standing permits (`access`). Endpoints: none.
//! Invariant: where nothing is known the standing says so (`Level::Unknown`), and the policy's ceiling applies.
//!
//! No device reports to Weft yet, so nothing is known of anybody; the step stands in its place all the same, so that no
//! issuing operation has to change when devices arrive.

pub mod scoring;

use crate::devices;
use crate::kernel::{Evidence, Standing};

/// Where standings are asked for. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Posture;

impl Posture {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self
    }

    /// The standing of the device behind the subject of this evidence. Never waits, never reads the database.
    pub fn standing(&self, _evidence: &Evidence) -> Standing {
        Standing::unknown()
    }
}

impl devices::Assess for Posture {
    fn standing(&self, evidence: &Evidence) -> Standing {
        Self::standing(self, evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        BasisPoints, EvidenceSource, Level, SpiffeId, Strength, Subject, SubjectId, SubjectKind,
        Timestamp,
    };

    #[test]
    fn a_subject_without_a_device_is_unknown_and_not_good() {
        let subject = Subject {
            kind: SubjectKind::Workload,
            id: SpiffeId::parse("spiffe://a/b").unwrap(),
            number: SubjectId::new(uuid::Uuid::from_u128(1)),
        };
        let evidence = Evidence {
            subject,
            source: EvidenceSource::WorkloadAttestation,
            strength: Strength::Hardware,
            at: Timestamp::EPOCH,
            expires: Timestamp::FOREVER,
            device: None,
        };
        let standing = Posture::new().standing(&evidence);
        assert_eq!(
            (standing.level, standing.score, standing.confidence),
            (Level::Unknown, None, BasisPoints::ZERO)
        );
        assert!(
            standing.level < Level::Critical,
            "a policy that asks for a level never takes nothing for one"
        );
    }
}
