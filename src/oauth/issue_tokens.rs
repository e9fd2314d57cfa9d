//! The tokens of one answer of the token endpoint: identify → assess → decide → issue → record.
//!
//! Reads no database of its own: the client, the keys and what was revoked are in memory, a person comes through the cache.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Oauth;
use super::client::{Client, SharedClient};
use super::grant::{Algorithms, Grant, Place};
use super::wire_error::{Code, WireError};
use crate::accounts::{User, standard_claims};
use crate::crypto::jose::JwsAlgorithm;
use crate::kernel::{
    Evidence, EvidenceSource, Failure, Fault, GrantId, Lifetime, Secret, Situation, SpiffeId,
    Strength, Subject, SubjectKind, Timestamp,
};
use crate::sessions::Revocable;
use crate::svid::{GrantKind, IssueTokens, TokenDraft, TokenKind};

/// What the token endpoint answers (RFC 6749 §5.1).
#[derive(Debug)]
pub struct TokenAnswer {
    /// Opens resources.
    pub access_token: Secret<String>,
    /// How long it does.
    pub expires_in: Lifetime,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Says who signed in.
    pub id_token: Option<Secret<String>>,
    /// Gets the next ones.
    pub refresh_token: Option<Secret<String>>,
}

/// What is asked for, once everything about the request is known to be right.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: GrantKind,
    pub(super) scopes: BTreeSet<String>,
    pub(super) audience: Vec<String>,
    /// Of a code: goes into its ID token.
    pub(super) nonce: Option<String>,
}

impl Oauth {
    /// Tokens that hang off a person's grant.
    pub(super) async fn issue_for_person(
        &self,
        place: &Place,
        (client, grant): (&Client, &Grant),
        wanted: Wanted,
        now: Timestamp,
    ) -> Result<TokenAnswer, WireError> {
        let user = self.person_of(place, grant).await?;
        let algorithms = algorithms(client);
        let access = (algorithms.access_token, self.settings.access_token_life());
        let mut tokens = vec![access_token(grant, &wanted, access)];
        if wanted.scopes.contains("openid") {
            let id = (algorithms.id_token, self.settings.id_token_life());
            tokens.push(id_token(&user, grant, &wanted, id));
        }
        let ask = self.ask_for_person(place, (client, grant, &user), wanted.kind)?;
        let scopes = wanted.scopes.into_iter().collect();
        self.issue(IssueTokens { scopes, tokens, ..ask }, now).await
    }

    /// What is asked about a person's grant, for all of its scopes and no token yet: identify → assess.
    pub(super) fn ask_for_person(
        &self,
        place: &Place,
        (client, grant, user): (&Client, &Grant, &User),
        kind: GrantKind,
    ) -> Result<IssueTokens, Fault> {
        let evidence = evidence(place, user, (grant, kind))?;
        let standing = self.posture.standing(&evidence);
        Ok(IssueTokens {
            realm: place.realm,
            evidence,
            standing,
            subject: user.id.to_string(),
            client: client.id.clone(),
            grant: grant.id,
            kind,
            administration: client.terms.administration,
            scopes: grant.scopes.iter().cloned().collect(),
            tokens: Vec::new(),
        })
    }

    /// A token for a client itself.
    pub(super) async fn issue_for_client(
        &self,
        (place, from): (&Place, Option<IpAddr>),
        client: &SharedClient,
        wanted: Wanted,
        now: Timestamp,
    ) -> Result<TokenAnswer, WireError> {
        let evidence = machine_evidence((place, from), client, now)?; // identify
        let standing = self.posture.standing(&evidence); // assess
        let draft = TokenDraft {
            kind: TokenKind::Access,
            algorithm: client.terms.access_token_algorithm,
            audience: wanted.audience,
            lifetime: self.settings.access_token_life(),
            claims: Map::new(),
        };
        // A grant of its own, so that this one token can be revoked.
        let grant = GrantId::new(self.env.entropy.uuid(now)?);
        self.issue(
            IssueTokens {
                realm: place.realm,
                evidence,
                standing,
                subject: client.id.to_string(),
                client: client.id.clone(),
                grant,
                kind: wanted.kind,
                administration: client.terms.administration,
                scopes: wanted.scopes.into_iter().collect(),
                tokens: vec![draft],
            },
            now,
        )
        .await
    }

    async fn issue(&self, ask: IssueTokens, now: Timestamp) -> Result<TokenAnswer, WireError> {
        let scopes = ask.scopes.clone();
        let permit = self.access.permit(ask).map_err(Failure::from)?; // decide: carries ceiling and policy version
        let signed = self.svid.sign_tokens(permit, now).map_err(Failure::from)?; // issue: Unrecorded<Tokens>
        let tokens = self.events.record(signed).await.map_err(Failure::from)?; // record: the only way to the Tokens
        let (mut access, mut id) = (None, None);
        for token in tokens.0 {
            match token.kind {
                TokenKind::Access => access = Some((token.text, token.expires_at)),
                TokenKind::Id => id = Some(token.text),
                TokenKind::Logout => {}
            }
        }
        let none = || WireError::new(Code::ServerError, "no token was made");
        let (access_token, ends) = access.ok_or_else(none)?;
        let expires_in = ends.since(now);
        Ok(TokenAnswer { access_token, expires_in, scopes, id_token: id, refresh_token: None })
    }

    /// The person behind a grant, if they, the session and the grant still stand. Class 3 through the cache, class 1 in memory.
    pub(super) async fn person_of(
        &self,
        place: &Place,
        grant: &Grant,
    ) -> Result<Arc<User>, WireError> {
        if !self.holds(place, grant) {
            return Err(WireError::grant());
        }
        let user = self.accounts.user(place.realm, grant.user).await.map_err(Failure::from)?;
        user.filter(|user| user.is_active()).ok_or_else(WireError::grant)
    }

    /// True unless something about a grant was taken back.
    pub(super) fn holds(&self, place: &Place, grant: &Grant) -> bool {
        let user = grant.user.to_string();
        let what = [
            Some(Revocable::Grant(grant.id)),
            (!grant.offline).then_some(Revocable::Session(grant.session)),
            Some(Revocable::Subject(&user)),
            Some(Revocable::Subject(grant.client.as_str())),
        ];
        !self.sessions.is_revoked(place.realm, what.into_iter().flatten(), grant.created_at)
    }
}

fn evidence(
    place: &Place,
    user: &User,
    (grant, kind): (&Grant, GrantKind),
) -> Result<Evidence, Fault> {
    let id = user.spiffe_id(&place.trust_domain)?;
    Ok(Evidence {
        subject: Subject { kind: SubjectKind::User, id, number: user.number },
        source: match kind {
            GrantKind::RefreshToken => EvidenceSource::Token,
            _ => EvidenceSource::Session,
        },
        strength: grant.assurance.strength(),
        at: grant.signed_in_at,
        expires: grant.expires_at,
        device: grant.device.map(|device| device.id),
        situation: grant.situation(),
    })
}

fn machine_evidence(
    (place, from): (&Place, Option<IpAddr>),
    client: &Client,
    now: Timestamp,
) -> Result<Evidence, WireError> {
    let id = format!("spiffe://{}/client/{}", place.trust_domain, client.id);
    let id = SpiffeId::parse(&id).map_err(Fault::bug)?;
    Ok(Evidence {
        subject: Subject { kind: SubjectKind::Client, id, number: client.number },
        source: EvidenceSource::ClientAuthentication,
        strength: Strength::Software,
        at: now,
        // What it shows is good until its secret is changed, and a secret has no end.
        expires: Timestamp::FOREVER,
        device: None,
        situation: Situation::at(from),
    })
}

fn algorithms(client: &Client) -> Algorithms {
    Algorithms {
        id_token: client.terms.id_token_algorithm,
        access_token: client.terms.access_token_algorithm,
    }
}

/// RFC 9068 §2.2.
fn access_token(
    grant: &Grant,
    wanted: &Wanted,
    (algorithm, lifetime): (JwsAlgorithm, Lifetime),
) -> TokenDraft {
    let mut claims = sign_in_claims(grant);
    if !grant.userinfo_claims.is_empty() {
        // Userinfo reads no grant: what was asked for travels with the token.
        claims.insert(USERINFO_CLAIMS.to_owned(), json!(grant.userinfo_claims));
    }
    if grant.offline {
        claims.insert(OFFLINE.to_owned(), Value::Bool(true));
    }
    if let Some(device) = grant.device {
        claims.insert(DEVICE.to_owned(), device.id.to_string().into());
    }
    TokenDraft {
        kind: TokenKind::Access,
        algorithm,
        audience: wanted.audience.clone(),
        lifetime,
        claims,
    }
}

/// OpenID Connect Core §2.
fn id_token(
    user: &User,
    grant: &Grant,
    wanted: &Wanted,
    (algorithm, lifetime): (JwsAlgorithm, Lifetime),
) -> TokenDraft {
    let mut claims = standard_claims(user, &BTreeSet::new(), &grant.id_token_claims);
    claims.append(&mut sign_in_claims(grant));
    if let Some(nonce) = &wanted.nonce {
        claims.insert("nonce".to_owned(), nonce.as_str().into());
    }
    TokenDraft {
        kind: TokenKind::Id,
        algorithm,
        audience: vec![grant.client.to_string()],
        lifetime,
        claims,
    }
}

fn sign_in_claims(grant: &Grant) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("auth_time".to_owned(), grant.signed_in_at.seconds().into());
    claims.insert("sid".to_owned(), grant.session.to_string().into());
    if let Some(acr) = &grant.acr {
        claims.insert("acr".to_owned(), acr.as_str().into());
    }
    if !grant.amr.is_empty() {
        claims.insert("amr".to_owned(), json!(grant.amr));
    }
    claims
}

/// The claim of an access token that names single claims for userinfo.
pub(super) const USERINFO_CLAIMS: &str = "userinfo_claims";
/// The claim of an access token that names the device it was given on.
const DEVICE: &str = "device";
/// The claim of an access token that outlives its session.
pub(super) const OFFLINE: &str = "offline";
