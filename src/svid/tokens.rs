//! Tokens of the OpenID provider: what the desk is asked for, and what it gives.

use std::fmt;

use serde_json::{Map, Value};

use super::model::{owner_of, refused};
use crate::access::{Action, Fact, Refusal, Request};
use crate::crypto::jose::JwsAlgorithm;
use crate::events::Event;
use crate::kernel::{
    ClientId, Evidence, GrantId, Lifetime, RealmId, Secret, Standing, SubjectKind, Timestamp,
};

/// Tokens of the OpenID provider left the desk.
pub const TOKENS_ISSUED: &str = "svid.tokens_issued";

/// May this client have these tokens, about the subject of the evidence?
#[derive(Debug, Clone)]
pub struct IssueTokens {
    /// In which realm.
    pub realm: RealmId,
    /// What is known of the subject, and until when: the person that signed in, or the client itself.
    pub evidence: Evidence,
    /// What is known of its device.
    pub standing: Standing,
    /// `sub`: never given to anybody else. Of a person the user id, of a client that acts for itself its client id.
    pub subject: String,
    /// Who gets them.
    pub client: ClientId,
    /// What they hang off.
    pub grant: GrantId,
    /// How they were asked for.
    pub kind: GrantKind,
    /// Whether the client is marked to use the admin API.
    pub administration: bool,
    /// What the client may do with them.
    pub scopes: Vec<String>,
    /// The tokens, at most one of a kind.
    pub tokens: Vec<TokenDraft>,
}

/// How tokens were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantKind {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// Not at all: a client is told that a session ended.
    Logout,
}

/// A token to be made. The desk says `iss`, `sub`, `aud`, `iat`, `exp` and `jti` itself; in an access token also `client_id`,
/// `scope` and `grant`; and in an ID token `at_hash` if an access token goes with it.
#[derive(Debug, Clone)]
pub struct TokenDraft {
    /// Its kind.
    pub kind: TokenKind,
    /// What the client verifies with: pinned in its registration.
    pub algorithm: JwsAlgorithm,
    /// For whom it is.
    pub audience: Vec<String>,
    /// How long it is asked to live.
    pub lifetime: Lifetime,
    /// What else it says.
    pub claims: Map<String, Value>,
}

/// What a token is for. None is ever taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Tells a client who signed in (OpenID Connect Core §2).
    Id,
    /// Opens a resource (RFC 9068).
    Access,
    /// Tells a client that a session ended (OpenID Connect Back-Channel Logout §2.4).
    Logout,
}

/// The tokens, in the order of their drafts.
#[derive(Debug)]
pub struct Tokens(pub Vec<Token>);

/// One of them.
#[derive(Debug)]
pub struct Token {
    /// Its kind.
    pub kind: TokenKind,
    /// Itself, in compact form.
    pub text: Secret<String>,
    /// `jti`.
    pub jti: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

impl Tokens {
    /// The one of this kind.
    pub fn get(&self, kind: TokenKind) -> Option<&Token> {
        self.0.iter().find(|token| token.kind == kind)
    }
}

impl TokenKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Id, Self::Access, Self::Logout];

    /// `typ` of its header: what keeps the kinds apart (RFC 8725 §3.11).
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }

    /// The name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Access => "access",
            Self::Logout => "logout",
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl GrantKind {
    /// The name in policies and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Logout => "logout",
        }
    }
}

impl IssueTokens {
    /// For whom the access token is, if there is one.
    fn audiences(&self) -> &[String] {
        let access = self.tokens.iter().find(|draft| draft.kind == TokenKind::Access);
        access.map_or(&[], |draft| draft.audience.as_slice())
    }

    fn refusal(&self) -> Event {
        let subject = &self.evidence.subject;
        let event = refused(Self::NAME, (self.realm, &self.evidence), &self.standing)
            .actor(Some(subject.number))
            .actor_owner(owner_of(subject))
            .about("client", self.client.as_str())
            .about("grant", self.grant.to_string())
            .about("kind", self.kind.as_str());
        event.about("scopes", self.scopes.as_slice())
    }
}

impl Action for IssueTokens {
    const NAME: &'static str = "IssueTokens";
    const REFUSAL: Option<Refusal<Self>> =
        Some(Refusal { subject: |ask| ask.evidence.subject.number, event: Self::refusal });

    fn request(&self) -> Request<'_> {
        let (evidence, subject) = (&self.evidence, &self.evidence.subject);
        let principal = match subject.kind {
            SubjectKind::User => ("User", subject.id.as_str()),
            SubjectKind::Client => ("Client", self.client.as_str()),
            _ => ("Nobody", "nobody"),
        };
        Request {
            realm: self.realm,
            principal,
            principal_id: Some(&subject.id),
            actor: Some(subject.number),
            resource: ("Client", self.client.as_str()),
            resource_id: None,
            context: vec![
                ("subject", Fact::Text(subject.kind.as_str())),
                ("source", Fact::Text(evidence.source.as_str())),
                ("strength", Fact::Text(evidence.strength.as_str())),
                ("grant", Fact::Text(self.kind.as_str())),
                ("administration", Fact::Flag(self.administration)),
                ("scopes", Fact::Texts(&self.scopes)),
                ("audiences", Fact::Texts(self.audiences())),
            ],
            standing: Some(&self.standing),
            situation: &evidence.situation,
            evidence_expires: evidence.expires,
        }
    }
}
