//! The one mapping of refusals to the codes of OAuth and OpenID Connect.

use std::borrow::Cow;

use crate::kernel::{Failure, Fault, Kind};

/// An error code on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidRequest,
    /// RFC 6749 §5.2.
    InvalidClient,
    /// RFC 6749 §5.2.
    InvalidGrant,
    /// RFC 6749 §4.1.2.1, §5.2.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidScope,
    /// RFC 6749 §4.1.2.1.
    AccessDenied,
    /// RFC 6749 §4.1.2.1.
    ServerError,
    /// RFC 6749 §4.1.2.1.
    TemporarilyUnavailable,
    /// RFC 8707 §2.
    InvalidTarget,
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// RFC 6750 §3.1.
    InsufficientScope,
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core §3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core §3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core §3.1.2.6.
    AccountSelectionRequired,
    /// OpenID Connect Core §3.1.2.6.
    RequestNotSupported,
    /// OpenID Connect Core §3.1.2.6.
    RequestUriNotSupported,
    /// OpenID Connect Core §3.1.2.6.
    RegistrationNotSupported,
    /// OpenID Connect Core Unmet Authentication Requirements 1.0 §2.
    UnmetAuthenticationRequirements,
}

impl Code {
    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }
}

/// A refusal in the protocol's words: the code, and a sentence for whoever writes the application (ASCII without quote and
/// backslash, RFC 6749 §5.2).
#[derive(Debug, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct WireError {
    /// The code.
    pub code: Code,
    /// The sentence.
    pub description: Cow<'static, str>,
    /// For the log.
    #[source]
    pub cause: Option<Failure>,
}

impl WireError {
    /// A refusal with nothing behind it.
    pub fn new(code: Code, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: description.into(), cause: None }
    }

    /// `invalid_request`.
    pub fn request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// `invalid_grant`. One sentence for each reason: which it was is nobody's business but ours.
    pub fn grant() -> Self {
        Self::new(Code::InvalidGrant, "the code or token is not valid, or not for this client")
    }

    /// `invalid_client`.
    pub fn client() -> Self {
        Self::new(Code::InvalidClient, "the client is not known, or did not show that it is it")
    }
}

/// What another slice refused, by who can act on it.
impl From<Failure> for WireError {
    fn from(failure: Failure) -> Self {
        let (code, words): (Code, Cow<'static, str>) = match failure.kind {
            Kind::Invalid | Kind::NotFound => (Code::InvalidRequest, failure.public.clone()),
            Kind::Unauthenticated => (Code::InvalidToken, failure.public.clone()),
            Kind::StepUp => (Code::InteractionRequired, failure.public.clone()),
            Kind::Denied => (Code::AccessDenied, failure.public.clone()),
            Kind::Conflict | Kind::Limited | Kind::Upstream | Kind::Unavailable => {
                (Code::TemporarilyUnavailable, failure.public.clone())
            }
            Kind::Bug => (Code::ServerError, failure.public.clone()),
        };
        Self { code, description: plain(&words).into(), cause: Some(failure) }
    }
}

impl From<Fault> for WireError {
    fn from(fault: Fault) -> Self {
        Failure::from(fault).into()
    }
}

/// RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
fn plain(words: &str) -> String {
    let fits = |c: char| (c == ' ' || c.is_ascii_graphic()) && c != '"' && c != '\\';
    words.chars().map(|c| if fits(c) { c } else { '\'' }).collect()
}
