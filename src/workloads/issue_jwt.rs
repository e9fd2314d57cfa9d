//! A JWT-SVID for a workload of an agent: identify → assess → decide → issue → record (SPIFFE checklist §5.2.7).

use super::Workloads;
use super::issue_x509::{Issued, evidence, unknown};
use super::model::Error;
use crate::nodes::NodeCaller;
use crate::svid::{IssueJwtSvid, JwtSvid};

/// A JWT-SVID that an agent asks for.
#[derive(Debug, Clone)]
pub struct JwtAsk {
    /// The entry that gives the identity.
    pub entry: String,
    /// For whom it is: 1 to 16.
    pub audience: Vec<String>,
}

impl Workloads {
    /// A token for this entry. `NotFound` where the agent is not authorised for the entry, `Access`, `Svid` (an audience
    /// that cannot be, among others), or `Events` when it could not be recorded.
    pub async fn issue_jwt(
        &self,
        caller: &NodeCaller,
        ask: JwtAsk,
    ) -> Result<Issued<JwtSvid>, Error> {
        let now = self.env.clock.now();
        let found = self.find(caller, std::iter::once(ask.entry.as_str()), now)?;
        let entry = found.into_iter().flatten().next().ok_or_else(|| unknown(&ask.entry))?;

        let evidence = evidence((&caller.agent, &caller.situation), &entry, now); // identify
        let standing = self.posture.standing(&evidence); // assess
        let permit = self.access.permit(IssueJwtSvid {
            realm: caller.realm,
            evidence,
            standing,
            audience: ask.audience,
            lifetime: entry.terms.jwt_svid_ttl.unwrap_or(self.settings.jwt_lifetime()),
            entry: Some(entry.id.clone()),
            requester: Some(caller.agent.subject()),
            with_jti: entry.terms.jwt_svid_include_jti,
        })?; // decide: carries ceiling and policy version
        let signed = self.svid.sign_jwt(permit, now)?; // issue: Unrecorded<JwtSvid>
        Ok((entry, self.events.record(signed).await?)) // record: the only way to the JwtSvid
    }
}
