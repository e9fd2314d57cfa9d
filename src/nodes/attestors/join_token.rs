//! The attestor `join_token`: possession of a secret that an administrator made.
//!
//! A use is consumed in the transaction that stores the agent, and bound to the key in the CSR, so that the same agent may
//! ask again for ten minutes when the answer was lost, and nobody else can.

use futures_util::future::BoxFuture;

use crate::crypto::digest::sha256;
use crate::db::Tx;
use crate::env::Env;
use crate::kernel::{JoinTokenId, Lifetime, Selector, SpiffeId, Strength, Timestamp};
use crate::nodes::{Error, store};

use super::super::model::JoinToken;
use super::{Attested, Claim, NodeAttestor, Opening, Step};

pub(super) const NAME: &str = "join_token";

/// How long a lost answer can be asked for again. Long enough for an agent's retries, short enough that a token seen
/// later on the wire is worth nothing.
const ASK_AGAIN: Lifetime = Lifetime::minutes(10);

/// The attestor.
#[derive(Debug)]
pub struct JoinTokens;

#[derive(Debug)]
struct Use {
    digest: [u8; 32],
    key_digest: [u8; 32],
    now: Timestamp,
}

impl NodeAttestor for JoinTokens {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open<'a>(
        &'a self,
        env: &'a Env,
        opening: Opening<'a>,
    ) -> BoxFuture<'a, Result<Step, Error>> {
        let this = Use {
            digest: sha256(opening.payload),
            key_digest: opening.key_digest,
            now: env.clock.now(),
        };
        Box::pin(std::future::ready(Ok(Step::Claim(Box::new(this)))))
    }
}

impl Claim for Use {
    fn claim<'t>(&'t self, tx: &'t mut Tx) -> BoxFuture<'t, Result<Attested, Error>> {
        Box::pin(async move {
            let (token, ordinal) = consume(tx, self).await?.ok_or(Error::Attestation(
                "the join token is unknown, used up, expired or revoked; ask an administrator for a new one",
            ))?;
            attested(&token, ordinal)
        })
    }
}

async fn consume(tx: &mut Tx, this: &Use) -> Result<Option<(JoinToken, i64)>, Error> {
    let since = this.now.minus(ASK_AGAIN);
    if let Some(earlier) = store::earlier_use(tx, &this.digest, &this.key_digest, since).await? {
        return Ok(Some(earlier));
    }
    let Some(token) = store::use_token(tx, &this.digest, this.now).await? else { return Ok(None) };
    let ordinal = token.uses;
    store::note_use(tx, token.id, &this.key_digest, ordinal, this.now).await?;
    Ok(Some((token, ordinal)))
}

/// The use of a join token that made this agent, as `attested` named it; nothing for one that came in another way.
pub(in crate::nodes) fn use_of(agent: &SpiffeId) -> Option<(JoinTokenId, i64)> {
    let own = agent.path().strip_prefix("/spire/agent/")?.strip_prefix(NAME)?.strip_prefix('/')?;
    let (token, ordinal) = own.split_once('/').unwrap_or((own, "1"));
    Some((JoinTokenId::new(uuid::Uuid::parse_str(token).ok()?), ordinal.parse().ok()?))
}

/// A token for one agent names it; one for several numbers them.
fn attested(token: &JoinToken, ordinal: i64) -> Result<Attested, Error> {
    let id = token.id.uuid();
    let path =
        if token.uses_max == 1 { format!("{NAME}/{id}") } else { format!("{NAME}/{id}/{ordinal}") };
    let mut selectors = token.selectors.clone();
    let own = Selector::new(NAME, &id.to_string())
        .map_err(|_| Error::Attestation("the token's id is no selector"))?;
    selectors.push(own);
    selectors.sort();
    selectors.dedup();
    let alias = token.alias.clone();
    Ok(Attested {
        path,
        selectors,
        alias,
        strength: Strength::Claimed,
        can_reattest: false,
        good_for: None,
    })
}
