//! What was done, in the reader's words.

use crate::http::pages::Look;

/// What was done, said on the page that follows: in the query, so that a reload says it again and does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// A device was contained.
    Contained,
    /// A containment was ended.
    ContainmentEnded,
    /// Somebody was contained.
    SubjectContained,
    /// Somebody was released.
    SubjectReleased,
    /// A device was approved.
    Approved,
    /// A device was locked.
    Locked,
    /// A device was released.
    Released,
    /// A device was retired.
    Retired,
    /// An upstream was made.
    UpstreamMade,
    /// An upstream was changed.
    UpstreamChanged,
    /// A delivery is tried again.
    TriedAgain,
}

impl Done {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Contained,
        Self::ContainmentEnded,
        Self::SubjectContained,
        Self::SubjectReleased,
        Self::Approved,
        Self::Locked,
        Self::Released,
        Self::Retired,
        Self::UpstreamMade,
        Self::UpstreamChanged,
        Self::TriedAgain,
    ];

    /// The word in the query.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contained => "contained",
            Self::ContainmentEnded => "containment-ended",
            Self::SubjectContained => "subject-contained",
            Self::SubjectReleased => "subject-released",
            Self::Approved => "approved",
            Self::Locked => "locked",
            Self::Released => "released",
            Self::Retired => "retired",
            Self::UpstreamMade => "upstream-made",
            Self::UpstreamChanged => "upstream-changed",
            Self::TriedAgain => "tried-again",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    /// What the page says.
    pub fn words(self, look: &Look) -> String {
        match self {
            Self::Contained => look.say("admin-done-contained"),
            Self::ContainmentEnded => look.say("admin-done-containment-ended"),
            Self::SubjectContained => look.say("admin-done-subject-contained"),
            Self::SubjectReleased => look.say("admin-done-subject-released"),
            Self::Approved => look.say("admin-done-approved"),
            Self::Locked => look.say("admin-done-locked"),
            Self::Released => look.say("admin-done-released"),
            Self::Retired => look.say("admin-done-retired"),
            Self::UpstreamMade => look.say("admin-done-upstream-made"),
            Self::UpstreamChanged => look.say("admin-done-upstream-changed"),
            Self::TriedAgain => look.say("admin-done-tried-again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_queries_are_read_back() {
        for done in Done::ALL {
            assert_eq!(Done::parse(done.as_str()), Some(done));
        }
    }
}
