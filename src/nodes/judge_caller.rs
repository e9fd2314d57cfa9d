//! May this agent call? Newest wins: an SVID that is newer than the known one takes its place at its first use.
//!
//! The chain was verified by the listener. Here: is the agent known, not banned, and is this its newest SVID? The answer
//! needs no database, so it is the same while the database is away; what it learns goes to the ledger and is written to
//! the agent's row when that is possible (`jobs`: `write_activations`).

use std::sync::Arc;

use crate::events::Unrecorded;
use crate::kernel::{Granted, RealmId, Situation, Timestamp};

use super::model::{AGENT, CurrentSvid, NodeCaller, PeerSvid, Refusal, events};
use super::{Agent, Error, Nodes, store};

impl Nodes {
    /// Judges a caller by the SVID its connection was made with.
    pub async fn judge(&self, realm: RealmId, svid: &PeerSvid) -> Result<NodeCaller, Error> {
        let agent = self.agent(realm, &svid.id).ok_or(Error::Refused(Refusal::NotAttested))?;
        let agent = match verdict(&agent, svid, self.env.clock.now()) {
            Verdict::Current => agent,
            Verdict::Newer => self.activate(realm, &agent, svid).await?,
            Verdict::Refused(refusal) => return Err(Error::Refused(refusal)),
        };
        Ok(NodeCaller { realm, agent, svid: svid.clone(), situation: Situation::default() })
    }

    async fn activate(
        &self,
        realm: RealmId,
        agent: &Agent,
        svid: &PeerSvid,
    ) -> Result<Arc<Agent>, Error> {
        let current = CurrentSvid {
            serial: svid.serial.clone(),
            previous: agent.current.serial.clone(),
            issued_at: svid.issued_at,
            expires: svid.expires,
        };
        let mut activated = agent.clone();
        activated.current = current.clone();
        self.events.record(Unrecorded::new((), events::activated(realm, &activated))).await?;
        match self.index.activate(realm, &agent.id, &current) {
            None => Err(Error::Refused(Refusal::NotAttested)),
            // Another SVID was faster; the next call is judged against it.
            Some((now, false)) if now.current.serial != current.serial => {
                Err(Error::Refused(Refusal::NotActive))
            }
            Some((now, _)) => Ok(now),
        }
    }

    /// Writes the activations that this replica saw to the agents' rows; where there are none, nothing is asked of the
    /// database. Called by a reconciler: after an outage it writes what was seen meanwhile.
    pub async fn write_activations(&self, realm: RealmId) -> Result<usize, Error> {
        let unwritten = self.index.unwritten(realm);
        for agent in &unwritten {
            self.write_activation(realm, agent).await?;
            self.index.written(realm, agent);
        }
        Ok(unwritten.len())
    }

    async fn write_activation(&self, realm: RealmId, agent: &Arc<Agent>) -> Result<(), Error> {
        let granted = Granted::to_server("WriteActivation");
        self.events
            .change_in(realm, granted, Arc::clone(agent), move |tx, agent| {
                Box::pin(async move {
                    let found = store::activate(tx, &agent.id, &agent.current).await?;
                    let event = events::activated(realm, agent);
                    let changes =
                        if found { vec![(AGENT, agent.id.to_string(), event)] } else { Vec::new() };
                    Ok::<_, Error>(crate::events::Changed { value: (), changes, rights: false })
                })
            })
            .await
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Current,
    Newer,
    Refused(Refusal),
}

fn verdict(agent: &Agent, svid: &PeerSvid, now: Timestamp) -> Verdict {
    if agent.banned {
        return Verdict::Refused(Refusal::Banned);
    }
    if svid.expires <= now {
        return Verdict::Refused(Refusal::Expired);
    }
    if svid.serial == agent.current.serial {
        return Verdict::Current;
    }
    // Whole seconds, because the certificate says no less.
    if svid.issued_at < agent.not_before.whole_second() {
        return Verdict::Refused(Refusal::NotActive);
    }
    let shown = CurrentSvid {
        serial: svid.serial.clone(),
        previous: String::new(),
        issued_at: svid.issued_at,
        expires: svid.expires,
    };
    if shown.replaces(&agent.current) {
        Verdict::Newer
    } else {
        Verdict::Refused(Refusal::NotActive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Lifetime, SpiffeId, SubjectId};

    const T: Timestamp = Timestamp::from_seconds(1_000_000);

    fn agent(serial: &str, previous: &str) -> Agent {
        Agent {
            number: SubjectId::new(uuid::Uuid::from_u128(1)),
            id: SpiffeId::parse("spiffe://weft.test/spire/agent/join_token/a").unwrap(),
            attestation_type: "join_token",
            selectors: Vec::new(),
            alias: None,
            current: CurrentSvid {
                serial: serial.to_owned(),
                previous: previous.to_owned(),
                issued_at: T,
                expires: T.plus(Lifetime::hours(1)),
            },
            not_before: Timestamp::EPOCH,
            banned: false,
            can_reattest: false,
            attested_at: T,
            evidence_expires: T.plus(Lifetime::days(90)),
            device: None,
            version: String::new(),
        }
    }

    fn shown(serial: &str, issued_at: Timestamp) -> PeerSvid {
        PeerSvid {
            id: agent("a", "").id,
            serial: serial.to_owned(),
            issued_at,
            expires: issued_at.plus(Lifetime::hours(1)),
        }
    }

    #[test]
    fn the_newest_svid_wins_and_older_ones_are_refused() {
        let second = Lifetime::seconds(1);
        let refused = Verdict::Refused;
        for (name, shown, expected) in [
            ("the current one", shown("b", T), Verdict::Current),
            ("a later one", shown("c", T.plus(second)), Verdict::Newer),
            ("an earlier one", shown("a", T.minus(second)), refused(Refusal::NotActive)),
            ("another of the same second", shown("c", T), Verdict::Newer),
            ("the one it replaced, of the same second", shown("a", T), refused(Refusal::NotActive)),
            (
                "one that has ended",
                shown("b", T.minus(Lifetime::hours(1))),
                refused(Refusal::Expired),
            ),
        ] {
            assert_eq!(verdict(&agent("b", "a"), &shown, T), expected, "{name}");
        }
    }

    #[test]
    fn a_ban_ends_what_was_issued_before_it() {
        let mut banned = agent("b", "a");
        banned.banned = true;
        assert_eq!(verdict(&banned, &shown("b", T), T), Verdict::Refused(Refusal::Banned));
        let mut lifted = agent("b", "a");
        lifted.not_before = T.plus(Lifetime::seconds(10));
        assert_eq!(
            verdict(&lifted, &shown("c", T.plus(Lifetime::seconds(5))), T),
            Verdict::Refused(Refusal::NotActive)
        );
        assert_eq!(verdict(&lifted, &shown("c", T.plus(Lifetime::seconds(10))), T), Verdict::Newer);
    }
}
