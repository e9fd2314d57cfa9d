//! What happened and how, in the reader's words.

use std::collections::BTreeSet;

use crate::http::pages::{Flaw, Flaws, Look};
use crate::kernel::Method;
use crate::upstreams::Group;

/// What was done, said on the page that follows: in the query, so that a reload says it again and does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Something was saved.
    Saved,
    /// A session was ended.
    Session,
    /// A device was retired.
    Retired,
    /// A passkey was added.
    PasskeyAdded,
    /// Something was removed.
    Removed,
    /// An application was cut off.
    Withdrawn,
    /// The authenticator app was confirmed.
    Confirmed,
    /// An identity at another provider was linked.
    Linked,
    /// A letter is on its way.
    LetterSent,
}

impl Done {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Saved,
        Self::Session,
        Self::Retired,
        Self::PasskeyAdded,
        Self::Removed,
        Self::Withdrawn,
        Self::Confirmed,
        Self::Linked,
        Self::LetterSent,
    ];

    /// The word in the query.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Session => "session",
            Self::Retired => "retired",
            Self::PasskeyAdded => "passkey-added",
            Self::Removed => "removed",
            Self::Withdrawn => "withdrawn",
            Self::Confirmed => "confirmed",
            Self::Linked => "linked",
            Self::LetterSent => "letter-sent",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    /// What the page says.
    pub fn words(self, look: &Look) -> String {
        match self {
            Self::Saved => look.say("done-saved"),
            Self::Session => look.say("done-session"),
            Self::Retired => look.say("done-retired"),
            Self::PasskeyAdded => look.say("done-passkey-added"),
            Self::Removed => look.say("done-removed"),
            Self::Withdrawn => look.say("done-withdrawn"),
            Self::Confirmed => look.say("done-confirmed"),
            Self::Linked => look.say("done-linked"),
            Self::LetterSent => look.say("done-letter-sent"),
        }
    }
}

/// What was wrong with a form, said on the page that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is the last way to sign in.
    Last,
    /// The code.
    Code,
    /// The passkey was not taken.
    Passkey,
    /// The two passwords differ.
    Repeated,
    /// The new password does not keep the rules.
    Password,
    /// The box was not ticked.
    Sure,
    /// Too many tries.
    Limited,
    /// What was typed is no e-mail address.
    Address,
    /// The other provider, or what it said, gave no link.
    Provider(Group),
}

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Last,
        Self::Code,
        Self::Passkey,
        Self::Repeated,
        Self::Password,
        Self::Sure,
        Self::Limited,
        Self::Address,
        Self::Provider(Group::Again),
        Self::Provider(Group::Ended),
        Self::Provider(Group::Untrusted),
        Self::Provider(Group::Away),
        Self::Provider(Group::NotAllowed),
        Self::Provider(Group::Unknown),
    ];

    /// The word in the query.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Code => "code",
            Self::Passkey => "passkey",
            Self::Repeated => "repeated",
            Self::Password => "password",
            Self::Sure => "sure",
            Self::Limited => "limited",
            Self::Address => "address",
            Self::Provider(Group::Again) => "provider-again",
            Self::Provider(Group::Ended) => "provider-ended",
            Self::Provider(Group::Untrusted) => "provider-untrusted",
            Self::Provider(Group::Away) => "provider-away",
            Self::Provider(Group::NotAllowed) => "provider-not_allowed",
            Self::Provider(Group::Unknown) => "provider-unknown",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wrong| wrong.as_str() == text)
    }

    /// What the page says, and at which field.
    pub fn flaws(self, look: &Look) -> Flaws {
        Flaws::one(match self {
            Self::Last => Flaw::whole(look.say("account-wrong-last")),
            Self::Code => Flaw::whole(look.say("account-wrong-code")),
            Self::Passkey => Flaw::whole(look.say("account-wrong-passkey")),
            Self::Repeated => Flaw::of("repeated", look.say("account-wrong-repeated")),
            Self::Password => Flaw::of("password", look.say("account-wrong-password")),
            Self::Sure => Flaw::of("sure", look.say("account-wrong-sure")),
            Self::Limited => Flaw::whole(look.say("account-wrong-limited")),
            Self::Address => Flaw::of("address", look.say("account-wrong-address")),
            Self::Provider(group) => Flaw::whole(look.say(group.text())),
        })
    }
}

/// What somebody showed, joined as the language joins things.
pub fn how(look: &Look, methods: &BTreeSet<Method>) -> String {
    let words = methods.iter().map(|method| match method {
        Method::Password => look.say("how-password"),
        Method::Totp => look.say("how-totp"),
        Method::Passkey => look.say("how-passkey"),
        Method::HardwarePasskey => look.say("how-hardware-passkey"),
        Method::RecoveryCode => look.say("how-recovery-code"),
        Method::Mail => look.say("how-mail"),
        Method::Upstream | Method::UpstreamTwoFactor => look.say("how-upstream"),
    });
    words.collect::<Vec<_>>().join(" + ")
}

/// An event as its person reads it; nothing for one that only says how another came about. Goes by the beginning of the
/// kind, so that a kind nobody thought of here is said too.
pub fn fact(look: &Look, kind: &str) -> Option<String> {
    let begins = |starts: &[&str]| starts.iter().any(|start| kind.starts_with(start));
    Some(if begins(&["session.ended", "session.all_ended"]) {
        look.say("fact-signed-out")
    } else if begins(&["session.", "svid.", "accounts.proof_made", "accounts.forget"]) {
        return None;
    } else if begins(&["signin.refused", "signin.failed", "upstream.refused"]) {
        look.say("fact-refused")
    } else if begins(&["signin."]) {
        look.say("fact-signed-in")
    } else if begins(&["accounts.passkey_declined"]) {
        look.say("fact-passkey-declined")
    } else if begins(&["accounts.passkey_offered_again"]) {
        look.say("fact-passkey-offered-again")
    } else if begins(&["accounts.passkey"]) {
        look.say("fact-passkey")
    } else if begins(&["device."]) {
        look.say("fact-device")
    } else if begins(&["accounts.password"]) {
        look.say("fact-password")
    } else if begins(&["accounts.totp"]) {
        look.say("fact-authenticator")
    } else if begins(&["accounts.recovery"]) {
        look.say("fact-recovery-codes")
    } else if begins(&["accounts.identity", "upstream."]) {
        look.say("fact-link")
    } else if begins(&["oauth."]) {
        look.say("fact-application")
    } else if begins(&["accounts."]) {
        look.say("fact-account")
    } else {
        look.say1("fact-other", "kind", kind)
    })
}

#[cfg(test)]
mod tests {
    use http::{Extensions, HeaderMap, Uri};

    use super::*;

    #[test]
    fn what_happened_is_said_in_plain_words() {
        let look = Look::of(&HeaderMap::new(), &Extensions::new(), &Uri::from_static("/"));
        let check = |kind: &str, expected: Option<&str>| {
            let words = fact(&look, kind).map(|words| words.replace(['\u{2068}', '\u{2069}'], ""));
            assert_eq!(words.as_deref(), expected, "{kind}");
        };
        check("signin.succeeded", Some("Signed in"));
        check("signin.refused", Some("A sign-in was refused"));
        check("session.opened", None);
        check("session.all_ended", Some("Signed out"));
        check("accounts.passkey_removed", Some("A passkey was changed"));
        check("accounts.passkey_declined", Some("The offer of a passkey was turned off"));
        check("accounts.passkey_offered_again", Some("The offer of a passkey was turned on"));
        check("accounts.user_locked", Some("The account was changed"));
        check("later.invented", Some("Something else: later.invented"));
    }

    #[test]
    fn words_in_queries_are_read_back() {
        for done in Done::ALL {
            assert_eq!(Done::parse(done.as_str()), Some(done));
        }
        for wrong in Wrong::ALL {
            assert_eq!(Wrong::parse(wrong.as_str()), Some(wrong));
        }
    }
}
