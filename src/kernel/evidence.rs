//! Evidence: a verified statement about a subject, with its strength and its end.

use super::ids::DeviceId;
use super::situation::Situation;
use super::subject::Subject;
use super::time::Timestamp;

/// Where a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceSource {
    /// A node attestor said so; the name is the attestor's.
    NodeAttestation(&'static str),
    /// The subject possesses the key of the credential it holds already.
    Possession,
    /// An attested agent said so of a workload on its node.
    WorkloadAttestation,
    /// A device showed a token to enrol with.
    Enrolment,
    /// The operating system's word about a local caller.
    KernelPeer,
    /// A browser session: its person signed in.
    Session,
    /// A client's secret or key at the token endpoint.
    ClientAuthentication,
    /// An access or refresh token of ours, for what hangs off its session.
    Token,
}

impl EvidenceSource {
    /// The name in policies and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NodeAttestation(attestor) => attestor,
            Self::Possession => "possession",
            Self::WorkloadAttestation => "workload_attestation",
            Self::Enrolment => "enrolment",
            Self::KernelPeer => "kernel_peer",
            Self::Session => "session",
            Self::ClientAuthentication => "client_authentication",
            Self::Token => "token",
        }
    }
}

/// How hard the statement is to forge. Ordered: a stronger one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Strength {
    /// Somebody said so.
    Claimed,
    /// A secret or key in software.
    Software,
    /// A key held in hardware.
    Hardware,
}

impl Strength {
    /// The name in policies and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Software => "software",
            Self::Hardware => "hardware",
        }
    }
}

/// A verified statement: this subject, known from this source, this strongly, from then until then.
///
/// No credential outlives the evidence that justified it: `expires` bounds every lifetime made from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// About whom.
    pub subject: Subject,
    /// Known from where.
    pub source: EvidenceSource,
    /// How strongly.
    pub strength: Strength,
    /// When it was verified.
    pub at: Timestamp,
    /// When it stops being true.
    pub expires: Timestamp,
    /// The device behind the subject, proven: a device's own evidence names itself. Nothing where no device was proven.
    pub device: Option<DeviceId>,
    /// Where it was shown, and how the person behind it signed in.
    pub situation: Situation,
}
