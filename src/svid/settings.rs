//! Settings of the desk.

use serde::Deserialize;

use crate::settings::section;

section! {
    /// What certificates of ours look like.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// The organisation in the subject of every X.509-SVID. Peers that are not SPIFFE's may refuse an empty subject.
        /// Empty: no organisation, and the subject is empty where there is no DNS name (its names are then critical).
        pub subject_organization: String,
        /// How long the server's own certificate lives, in seconds. It is renewed at half of it.
        pub server_seconds: i64,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { subject_organization: "Weft".to_owned(), server_seconds: 3600 }
    }
}

impl Settings {
    /// The organisation, if there is to be one.
    pub(super) fn organization(&self) -> Option<&str> {
        (!self.subject_organization.is_empty()).then_some(self.subject_organization.as_str())
    }
}
