//! What a token of ours is worth (RFC 7662), and whom it speaks of (OpenID Connect Core §5.3). Neither reads the database but
//! for a person who is not in the cache, and for refresh tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::client_auth::Credentials;
use super::exchange_token::one;
use super::grant::Place;
use super::issue_tokens::{OFFLINE, USERINFO_CLAIMS};
use super::parameters::Parameters;
use super::refresh_token::RefreshToken;
use super::wire_error::{Code, WireError};
use super::{Oauth, store};
use crate::accounts::standard_claims;
use crate::kernel::{Failure, SessionId, Timestamp, UserId};
use crate::sessions::Revocable;
use crate::svid::{Expiry, TokenKind, VerifiedToken};

impl Oauth {
    /// The introspection endpoint: members of a token that is worth something, else `active: false` and nothing more (§2.2).
    pub async fn introspect(
        &self,
        place: &Place,
        header: Option<&str>,
        form: &Parameters,
    ) -> Result<Value, WireError> {
        let credentials = Credentials::of(header, form)?;
        let client = self.authenticate_confidential(place.realm, &credentials)?;
        let token = one(form, "token")?.ok_or_else(|| WireError::request("token is missing"))?;
        let now = self.env.clock.now();
        let found = match RefreshToken::parse(token) {
            Some(shown) => self.refresh_members(place, shown, &client.id, now).await?,
            None => self.access_token(place, token, now).map(|token| members(place, &token)),
        };
        Ok(found.unwrap_or_else(|| json!({ "active": false })))
    }

    /// The userinfo endpoint: claims of the person behind an access token for this provider.
    pub async fn userinfo(
        &self,
        place: &Place,
        token: &str,
    ) -> Result<Map<String, Value>, WireError> {
        let invalid = || WireError::new(Code::InvalidToken, "the access token is not valid here");
        let now = self.env.clock.now();
        let token = self.access_token(place, token, now).ok_or_else(invalid)?;
        if !token.audience.contains(&place.issuer) {
            return Err(invalid());
        }
        if !token.scopes.iter().any(|scope| scope == "openid") {
            let words = "the access token has no scope openid";
            return Err(WireError::new(Code::InsufficientScope, words));
        }
        let user = UserId::parse(&token.subject).map_err(|_| invalid())?;
        let user = self.accounts.user(place.realm, user).await.map_err(Failure::from)?;
        let user = user.filter(|user| user.is_active()).ok_or_else(invalid)?;
        let scopes: BTreeSet<String> = token.scopes.iter().cloned().collect();
        let asked = token.claims.get(USERINFO_CLAIMS).and_then(Value::as_array);
        let asked = asked.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let mut claims = standard_claims(&user, &scopes, &asked.collect());
        claims.insert("sub".to_owned(), token.subject.as_str().into());
        Ok(claims)
    }

    /// An access token that is ours, lives, and was not taken back.
    pub fn access_token(
        &self,
        place: &Place,
        token: &str,
        now: Timestamp,
    ) -> Option<Arc<VerifiedToken>> {
        let verified =
            self.svid.verify_token(place.realm, token, TokenKind::Access, (now, Expiry::Strict));
        verified.ok().filter(|token| self.stands(token))
    }

    /// True unless the client is gone, or something about the token was taken back.
    fn stands(&self, token: &VerifiedToken) -> bool {
        let (Some(client), Some(grant)) = (&token.client, token.grant) else { return false };
        let session = token.claims.get("sid").and_then(Value::as_str);
        let session = session.and_then(|sid| SessionId::parse(sid).ok());
        let offline = token.claims.get(OFFLINE) == Some(&Value::Bool(true));
        let what = [
            Some(Revocable::Grant(grant)),
            session.filter(|_| !offline).map(Revocable::Session),
            Some(Revocable::Subject(&token.subject)),
            Some(Revocable::Subject(client.as_str())),
        ];
        self.client(token.realm, client).is_some()
            && !self.sessions.is_revoked(token.realm, what.into_iter().flatten(), token.issued_at)
    }

    /// A refresh token is told about to its own client only.
    async fn refresh_members(
        &self,
        place: &Place,
        shown: RefreshToken,
        client: &crate::kernel::ClientId,
        now: Timestamp,
    ) -> Result<Option<Value>, WireError> {
        let (id, digest) = (shown.grant, shown.digest());
        let found = self
            .env
            .db
            .read(place.realm, id, |tx, id| Box::pin(store::family(tx, *id)))
            .await
            .map_err(WireError::from)?;
        let found = found.filter(|(family, grant)| {
            family.digest == digest
                && grant.client == *client
                && family.expires_at > now
                && self.holds(place, grant)
        });
        Ok(found.map(|(family, grant)| {
            let scopes: Vec<String> = grant.scopes.iter().cloned().collect();
            json!({
                "active": true,
                "client_id": grant.client.as_str(),
                "sub": grant.user.to_string(),
                "iss": place.issuer,
                "scope": scopes.join(" "),
                "iat": grant.created_at.seconds(),
                "exp": family.expires_at.seconds(),
            })
        }))
    }
}

fn members(place: &Place, token: &VerifiedToken) -> Value {
    let mut members = Map::new();
    let mut say = |name: &str, value: Value| members.insert(name.to_owned(), value);
    say("active", Value::Bool(true));
    say("iss", place.issuer.as_str().into());
    say("token_type", "Bearer".into());
    for name in ["sub", "aud", "exp", "iat", "jti", "client_id", "scope", "auth_time", "acr", "amr"]
    {
        if let Some(value) = token.claims.get(name) {
            say(name, value.clone());
        }
    }
    Value::Object(members)
}
