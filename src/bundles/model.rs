//! Bundles of other trust domains: the actions on them, their events and errors.

pub use crate::access::Administrator;
use crate::access::{Action, Request};
use crate::crypto::jose::KeySetError;
use crate::crypto::x509::CertificateError;
use crate::kernel::{Failure, Fault, Kind, RealmId, TrustDomain};

/// The kind of change of a foreign bundle; its key is the trust domain.
pub const FOREIGN_BUNDLE: &str = "foreign_bundle";
/// A foreign bundle was set.
pub const SET: &str = "bundle.foreign_set";
/// A foreign bundle was deleted.
pub const DELETED: &str = "bundle.foreign_deleted";

/// May they list bundles?
#[derive(Debug, Clone)]
pub struct ReadBundle(pub Administrator);
/// May they set the bundle of this trust domain?
#[derive(Debug, Clone)]
pub struct SetBundle(pub Administrator, pub TrustDomain);
/// May they delete the bundle of this trust domain?
#[derive(Debug, Clone)]
pub struct DeleteBundle(pub Administrator, pub TrustDomain);

impl Action for ReadBundle {
    const NAME: &'static str = "ReadBundle";

    fn request(&self) -> Request<'_> {
        self.0.request(("Bundle", "all"), None)
    }
}

impl Action for SetBundle {
    const NAME: &'static str = "SetBundle";

    fn request(&self) -> Request<'_> {
        self.0.request(("Bundle", self.1.as_str()), None)
    }
}

impl Action for DeleteBundle {
    const NAME: &'static str = "DeleteBundle";

    fn request(&self) -> Request<'_> {
        self.0.request(("Bundle", self.1.as_str()), None)
    }
}

/// Why nothing was done with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This realm is not open in this server.
    #[error("realm {0} is not open")]
    Realm(RealmId),
    /// The bundle of the realm itself cannot be set or deleted: it is made of its authorities.
    #[error("`{0}` is this realm's own trust domain: its bundle is made of its authorities")]
    Own(TrustDomain),
    /// There is none.
    #[error("there is no bundle of trust domain `{0}`")]
    NotFound(TrustDomain),
    /// The document cannot be used.
    #[error("the bundle document cannot be used: {0}")]
    Document(#[from] KeySetError),
    /// A certificate in the document cannot be used.
    #[error("the bundle document cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// It holds no key that can be used: nobody of that trust domain would be trusted.
    #[error(
        "the bundle document holds no key that can be used; delete the bundle to trust nobody of `{0}`"
    )]
    Empty(TrustDomain),
    /// No.
    #[error(transparent)]
    Access(#[from] crate::access::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Record(#[from] crate::events::Error),
    /// Storage failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let (kind, code) = match error {
            Error::Access(error) => return error.into(),
            Error::Record(error) => return error.into(),
            Error::Fault(fault) => return fault.into(),
            Error::Realm(_) => (Kind::NotFound, "realm.not_found"),
            Error::NotFound(_) => (Kind::NotFound, "bundle.not_found"),
            Error::Own(_) => (Kind::Invalid, "bundle.own"),
            Error::Document(_) | Error::Certificate(_) | Error::Empty(_) => {
                (Kind::Invalid, "bundle.document")
            }
        };
        Self::new(kind, code, text)
    }
}
