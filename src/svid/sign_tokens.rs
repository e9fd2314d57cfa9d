//! Tokens of the OpenID provider from a permit. Decides nothing: the permit did.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::model::{Error, owner_of};
use super::template::{Bounds, check_audience, check_subject, validity};
use super::tokens::{IssueTokens, TOKENS_ISSUED, Token, TokenDraft, TokenKind, Tokens};
use super::{Svid, verify_output};
use crate::access::{Action as _, Permit, asked};
use crate::authority::OidcAuthority;
use crate::crypto::digest::{base64url, sha256};
use crate::crypto::jose::TokenSigner;
use crate::events::{Event, Unrecorded};
use crate::kernel::{Fault, Granted, Lifetime, Secret, Timestamp};

impl Svid {
    /// Signs the tokens. What comes back is nobody's before its event is durable.
    ///
    /// Fails with `NoAuthority` when the realm signs by no such algorithm now, `NoTime` when a bound leaves no second, `Audience`
    /// when there is none, or one that cannot be, `Draft` when a draft is a bug of whoever made it, `Output` when the result
    /// breaks a rule of its own specification.
    pub fn sign_tokens(
        &self,
        permit: Permit<IssueTokens>,
        now: Timestamp,
    ) -> Result<Unrecorded<Tokens>, Error> {
        self.check_sight(now)?;
        let ceiling = permit.ceiling();
        let (issue, granted) = permit.spend();
        let drafts = &issue.tokens;
        check_drafts(drafts)?;
        let sign = |draft, bound| self.sign_token(&issue, draft, (ceiling, bound), now);
        // An ID token names the access token beside it, which is therefore made first.
        let access = drafts.iter().find(|draft| draft.kind == TokenKind::Access);
        let mut access = access.map(|draft| sign(draft, None)).transpose()?;
        let at_hash = access.as_ref().map(|token| at_hash(token.text.expose()));
        let mut tokens = Vec::with_capacity(drafts.len());
        for draft in drafts {
            tokens.push(match (draft.kind, access.take()) {
                (TokenKind::Access, Some(made)) => made,
                (kind, made) => {
                    access = made;
                    let bound = at_hash.as_deref().filter(|_| kind == TokenKind::Id);
                    sign(draft, bound)?
                }
            });
        }
        let event = event(&issue, &tokens, &granted);
        Ok(Unrecorded::new(Tokens(tokens), event))
    }

    fn sign_token(
        &self,
        issue: &IssueTokens,
        draft: &TokenDraft,
        (ceiling, at_hash): (Lifetime, Option<&str>),
        now: Timestamp,
    ) -> Result<Token, Error> {
        let authority = self.authority.active_oidc(issue.realm, draft.algorithm);
        let authority = authority.ok_or(Error::NoAuthority)?;
        check_subject(&issue.evidence.subject.id, &authority.trust_domain)?;
        check_audience(&draft.audience)?;
        let bounds = Bounds {
            asked: draft.lifetime,
            ceiling,
            evidence_expires: issue.evidence.expires,
            authority_expires: authority.not_after,
        };
        let expires_at = validity(&bounds, now)?.until;
        // Not backdated: relying parties compare it with the time of the sign-in, and we with that of a revocation.
        let issued_at = now.whole_second();
        let jti = self.env.entropy.uuid(now)?.simple().to_string();
        let says = Says { issuer: &authority.issuer, issued_at, expires_at, jti: &jti, at_hash };
        let claims = claims(issue, draft, &says).map_err(Fault::bug)?;
        let claims = String::from_utf8(claims).map_err(Fault::bug)?;
        let text = signer(&authority, draft.kind).sign(&claims)?;
        verify_output::check_oidc(&text, &authority, draft, &claims)?;
        Ok(Token { kind: draft.kind, text: Secret::new(text), jti, issued_at, expires_at })
    }
}

/// What the desk says in a token, whatever its draft says.
struct Says<'a> {
    issuer: &'a str,
    issued_at: Timestamp,
    expires_at: Timestamp,
    jti: &'a str,
    at_hash: Option<&'a str>,
}

/// The claims as text, written straight: a token has no need of a tree of values.
fn claims(issue: &IssueTokens, draft: &TokenDraft, says: &Says<'_>) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(CLAIMS_BYTES);
    let mut json = serde_json::Serializer::new(&mut text);
    let mut claims = json.serialize_map(None)?;
    for (name, value) in &draft.claims {
        claims.serialize_entry(name, value)?;
    }
    claims.serialize_entry("iss", says.issuer)?;
    claims.serialize_entry("sub", &issue.subject)?;
    match draft.audience.as_slice() {
        // One text where it is for one: not every client reads a list (OpenID Connect Core §2).
        [one] => claims.serialize_entry("aud", one)?,
        many => claims.serialize_entry("aud", many)?,
    }
    claims.serialize_entry("iat", &says.issued_at.seconds())?;
    claims.serialize_entry("exp", &says.expires_at.seconds())?;
    claims.serialize_entry("jti", says.jti)?;
    if let Some(at_hash) = says.at_hash {
        claims.serialize_entry("at_hash", at_hash)?;
    }
    if draft.kind == TokenKind::Access {
        claims.serialize_entry("client_id", issue.client.as_str())?;
        claims.serialize_entry("scope", &issue.scopes.join(" "))?;
        claims.serialize_entry("grant", &issue.grant.to_string())?;
    }
    claims.end()?;
    Ok(text)
}

fn signer(authority: &OidcAuthority, kind: TokenKind) -> &TokenSigner {
    match kind {
        TokenKind::Id => &authority.id_tokens,
        TokenKind::Access => &authority.access_tokens,
        TokenKind::Logout => &authority.logout_tokens,
    }
}

/// The left half of the digest that the signature uses, which is SHA-256 for both our algorithms (OpenID Connect Core
/// §3.1.3.6).
fn at_hash(access_token: &str) -> String {
    let digest = sha256(access_token.as_bytes());
    base64url(digest.first_chunk::<16>().map_or(&digest[..], |half| &half[..]))
}

/// Drafts are made by our own slices: what is wrong with one is a bug there.
fn check_drafts(drafts: &[TokenDraft]) -> Result<(), Error> {
    let of_kind = |kind| drafts.iter().filter(move |draft| draft.kind == kind).count();
    if drafts.is_empty() || TokenKind::ALL.into_iter().any(|kind| of_kind(kind) > 1) {
        return Err(Error::Draft("one token of a kind"));
    }
    if drafts.iter().any(|draft| OURS.iter().any(|name| draft.claims.contains_key(*name))) {
        return Err(Error::Draft("a draft says what the desk says"));
    }
    let nonce = |draft: &TokenDraft| draft.claims.contains_key("nonce");
    // OpenID Connect Back-Channel Logout §2.4: so that a logout token is never taken for an ID token.
    if drafts.iter().any(|draft| draft.kind == TokenKind::Logout && nonce(draft)) {
        return Err(Error::Draft("a logout token has no nonce"));
    }
    Ok(())
}

/// Who got what, never the tokens: whoever reads the ledger must not be able to use them.
fn event(issue: &IssueTokens, tokens: &[Token], granted: &Granted) -> Event {
    let (subject, request) = (&issue.evidence.subject, issue.request());
    let ends = tokens.iter().map(|token| token.expires_at.seconds()).max();
    let event = Event::new(issue.realm, TOKENS_ISSUED)
        .subject(subject.number)
        .subject_owner(owner_of(subject))
        .actor(granted.actor)
        .actor_owner(owner_of(subject))
        .about("spiffe_id", subject.id.as_str())
        .about("client", issue.client.as_str())
        .about("grant", issue.grant.to_string())
        .about("kind", issue.kind.as_str())
        .about("scopes", issue.scopes.as_slice())
        .about("tokens", Numbers(tokens))
        .about("expires", ends)
        .about("source", issue.evidence.source.as_str())
        .about("policy", granted.policy_version)
        .about("asked", asked(IssueTokens::NAME, &request));
    event.on_device(&issue.standing)
}

/// The `jti` of each, by kind.
struct Numbers<'a>(&'a [Token]);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|token| (token.kind.as_str(), &token.jti)))
    }
}

/// What no draft may say.
const OURS: [&str; 11] =
    ["iss", "sub", "aud", "iat", "exp", "nbf", "jti", "at_hash", "client_id", "scope", "grant"];
/// The claims of most tokens are shorter.
const CLAIMS_BYTES: usize = 512;
