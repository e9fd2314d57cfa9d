//! Why somebody who comes from an upstream is refused: each reason with the code in its event and the words for a page.

use std::fmt;

use crate::kernel::{Failure, Kind, SignInId};

/// A refusal. `code` and `about` go to the event; the page says the public words and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What did not hold.
    pub reason: Reason,
    /// What exactly, for an administrator: no secret, and nothing that names a person.
    pub about: String,
    /// What the attempt was a part of, if this browser began it: where the person goes on.
    pub part: Option<Part>,
}

/// What an attempt is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A sign-in.
    SignIn(SignInId),
    /// A link that the holder of an account asked for.
    Link,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $group:ident;)*) => {
        /// What did not hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name in events.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("upstream.", $code),)*
                }
            }

            /// Who can do something about it.
            pub const fn group(self) -> Group {
                match self {
                    $(Self::$name => Group::$group,)*
                }
            }
        }
    };
}

/// Who can do something about a refusal; each has its own words on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// The attempt is over, used, or another browser's: begin again.
    Again,
    /// The person, or the provider, ended it there.
    Ended,
    /// The provider's answer does not hold.
    Untrusted,
    /// The provider cannot be reached.
    Away,
    /// This provider, or this person's standing there, gives no way in.
    NotAllowed,
    /// Nobody has this identity, and it may not make an account.
    Unknown,
}

reasons! {
    /// There is no attempt of this state, or it was used.
    State = "state", Again;
    /// The attempt took too long.
    Expired = "expired", Again;
    /// Another browser began the attempt.
    Browser = "browser", Again;
    /// Whoever asked for the link is not signed in any more.
    Session = "session", Again;
    /// The answer came to another upstream's callback.
    OtherUpstream = "other_upstream", Untrusted;
    /// The answer names another issuer, or none where the provider promised one (RFC 9207).
    ResponseIssuer = "response_issuer", Untrusted;
    /// The provider answered with an error.
    ProviderError = "provider_error", Ended;
    /// The answer has neither code nor error.
    NoCode = "no_code", Untrusted;
    /// The upstream is off, or gone, or its settings no longer are those the attempt began with.
    Disabled = "disabled", NotAllowed;
    /// The upstream only links accounts.
    LinkOnly = "link_only", NotAllowed;
    /// Metadata cannot be had.
    Discovery = "discovery", Away;
    /// Metadata says another issuer, or endpoints that may not be asked.
    Metadata = "metadata", Untrusted;
    /// Keys cannot be had.
    Keys = "keys", Away;
    /// An address lies in a network that may not be asked.
    Network = "network", Untrusted;
    /// The provider did not answer in time.
    Slow = "slow", Away;
    /// The provider answered at too great length.
    TooLarge = "too_large", Untrusted;
    /// The token endpoint cannot be reached.
    TokenEndpoint = "token_endpoint", Away;
    /// The token endpoint refused the code.
    CodeRefused = "code_refused", Untrusted;
    /// The token endpoint's answer cannot be read.
    TokenAnswer = "token_answer", Untrusted;
    /// There is no ID token.
    NoIdToken = "no_id_token", Untrusted;
    /// The ID token is no signed token in compact form, or its JSON is not strict.
    IdTokenForm = "id_token_form", Untrusted;
    /// The header names a key, or something critical, that nobody asked for.
    IdTokenHeader = "id_token_header", Untrusted;
    /// It is signed with an algorithm that is not pinned, or not at all.
    Algorithm = "algorithm", Untrusted;
    /// No key of the provider fits.
    UnknownKey = "unknown_key", Untrusted;
    /// The signature does not verify.
    Signature = "signature", Untrusted;
    /// `iss` is another, or missing.
    Issuer = "issuer", Untrusted;
    /// `aud` does not name us.
    Audience = "audience", Untrusted;
    /// `azp` is another, or missing where there are several audiences.
    AuthorizedParty = "authorized_party", Untrusted;
    /// `exp` is past, or missing.
    TokenExpired = "token_expired", Untrusted;
    /// `iat` is missing, in the future, or too old.
    IssuedAt = "issued_at", Untrusted;
    /// They did not authenticate there just now, as they were asked to.
    AuthenticationTime = "authentication_time", Untrusted;
    /// `nonce` is another, or missing.
    Nonce = "nonce", Untrusted;
    /// `sub` is missing, empty, or too long.
    Subject = "subject", Untrusted;
    /// `at_hash` is not that of the access token.
    AccessTokenHash = "access_token_hash", Untrusted;
    /// Userinfo cannot be had.
    Userinfo = "userinfo", Away;
    /// Userinfo is about another subject.
    UserinfoSubject = "userinfo_subject", Untrusted;
    /// The mapping fails on these claims.
    Mapping = "mapping", NotAllowed;
    /// Accounts may not be made, or not for this domain or group.
    NoAccount = "no_account", Unknown;
    /// The identity belongs to another account.
    LinkedElsewhere = "linked_elsewhere", NotAllowed;
    /// The caller may not have the tokens that are kept.
    TokensDenied = "tokens_denied", NotAllowed;
    /// The account is locked or gone.
    AccountState = "account_state", NotAllowed;
}

impl Refusal {
    pub(super) fn new(reason: Reason, about: impl fmt::Display) -> Self {
        // What a provider says may be long; the event keeps its beginning.
        let about = about.to_string().chars().take(ABOUT_CHARS_MAX).collect();
        Self { reason, about, part: None }
    }
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Again, Self::Ended, Self::Untrusted, Self::Away, Self::NotAllowed, Self::Unknown];

    /// The word in rows and queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Ended => "ended",
            Self::Untrusted => "untrusted",
            Self::Away => "away",
            Self::NotAllowed => "not_allowed",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == text)
    }

    /// The name of what a page says, in the reader's language.
    pub fn text(self) -> &'static str {
        let text_key = |key| key;
        match self {
            Self::Again => text_key("upstream-again"),
            Self::Ended => text_key("upstream-ended"),
            Self::Untrusted => text_key("upstream-untrusted"),
            Self::Away => text_key("upstream-away"),
            Self::NotAllowed => text_key("upstream-not-allowed"),
            Self::Unknown => text_key("upstream-unknown"),
        }
    }

    /// What a failure says in English.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Again => "this sign-in is over or belongs to another browser: please begin again",
            Self::Ended => "the sign-in was ended at the other provider",
            Self::Untrusted => "the other provider's answer could not be trusted",
            Self::Away => "the other provider cannot be reached at the moment",
            Self::NotAllowed => "this way of signing in is not allowed",
            Self::Unknown => {
                "no account here is linked to this identity: sign in as usual, then link it"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.code(), self.about)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.reason.group() {
            Group::Again => Kind::Conflict,
            Group::Ended | Group::NotAllowed | Group::Unknown => Kind::Denied,
            Group::Untrusted | Group::Away => Kind::Upstream,
        };
        let (code, words) = (refusal.reason.code(), refusal.reason.group().words());
        Self::new(kind, code, words).because(refusal)
    }
}

const ABOUT_CHARS_MAX: usize = 300;
