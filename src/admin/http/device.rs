//! One device, as its page shows it.

use super::super::pages::{
    Badge, CredentialLine, DecisionLine, DevicePage, EventLine, FactLine, FixLine, Posture,
    SignalLine, SourceLine, Tab, Verb,
};
use super::super::{Admin, chart};
use super::decisions::{fields, line};
use super::devices::reported;
use super::visitor::{Away, Visitor};
use crate::account::posture_words::{
    class, fix, gate, level, machine, place, points, reason, signal,
};
use crate::audit::{Query, ReadEvents, Record};
use crate::containment::model::Contain;
use crate::devices::Device;
use crate::devices::model::{ApproveDevice, LockDevice, RetireDevice, State};
use crate::events::Part;
use crate::http::pages::Look;
use crate::kernel::{BasisPoints, Kind, Level, Lifetime, Standing, Timestamp};
use crate::posture::model::{Charted, Said, Source};
use crate::posture::{Place, Reported, Told};
use crate::wire::posture::{ScoredDocument, ScoredImprovement, ScoredSignal};

impl Admin {
    /// The page of this device.
    pub(super) async fn device<'v>(
        &self,
        visitor: &'v Visitor,
        told: Told,
    ) -> Result<DevicePage<'v>, Away> {
        let look = &visitor.look;
        let (device, standing) = (&told.device, &told.standing);
        let (text, tone) =
            place(look, Place::of(&device.state, standing.level, standing.contained));
        let owner = match device.owner {
            Some(owner) => Some(self.owner(visitor, owner).await),
            None => None,
        };
        let score = standing.score.filter(|_| !standing.locked);
        Ok(DevicePage {
            look,
            nav: visitor.nav(Tab::Fleet),
            name: device.name.clone(),
            id: device.id.to_string(),
            badge: Badge { text, tone },
            score: score.map(points),
            put_out: put_out(device, standing),
            verbs: self.verbs(visitor, (device, standing)),
            waits: device.state == State::Waiting,
            facts: facts(visitor, &told, owner),
            sources: told.reported.as_ref().map(|of| sources(visitor, of)).unwrap_or_default(),
            posture: told.reported.as_ref().map(|reported| posture(visitor, reported)),
            credentials: self.credentials(visitor, device).await?,
            anew: self.decided_anew(visitor, device).await?,
            events: self.events(visitor, device).await?,
        })
    }

    /// What this person may do to this device, of what can be done to it now.
    fn verbs(
        &self,
        visitor: &Visitor,
        (device, standing): (&Device, &Standing),
    ) -> Vec<(Verb, String)> {
        let verbs: &[Verb] = match device.state {
            State::Waiting => &[Verb::Approve, Verb::Retire],
            State::Enrolled if standing.contained => {
                &[Verb::EndContainment, Verb::Lock, Verb::Retire]
            }
            State::Enrolled => &[Verb::Contain, Verb::Lock, Verb::Retire],
            State::Locked { .. } => &[Verb::Release, Verb::Retire],
            State::Retired { .. } => &[],
        };
        let may = |verb: &&Verb| {
            let (by, id) = (visitor.by.clone(), device.spiffe_id.to_string());
            let named = Some(device.spiffe_id.clone());
            let access = &self.below.access;
            let told = match verb {
                Verb::Contain | Verb::EndContainment => {
                    access.explain(&Contain { by, whom: device.id.to_string() })
                }
                Verb::Approve => access.explain(&ApproveDevice { by, id, device: named }),
                Verb::Lock | Verb::Release => access.explain(&LockDevice { by, id, device: named }),
                Verb::Retire => access.explain(&RetireDevice { by, id, device: named }),
            };
            told.is_ok_and(|told| told.outcome.is_ok())
        };
        verbs.iter().filter(may).map(|verb| (*verb, verb.button(&visitor.look))).collect()
    }

    /// What hangs off this device, as far as it is known here and this person may look.
    async fn credentials(
        &self,
        visitor: &Visitor,
        device: &Device,
    ) -> Result<Vec<CredentialLine>, Away> {
        let look = &visitor.look;
        let current = device.current.as_ref().map(|current| CredentialLine {
            what: look.say("credential-svid"),
            which: current.serial.clone(),
            until: until(visitor, current.expires),
        });
        let mut found: Vec<CredentialLine> = current.into_iter().collect();
        found.extend(device.next.as_ref().map(|next| CredentialLine {
            what: look.say("credential-next"),
            which: next.serial.clone(),
            until: until(visitor, next.expires),
        }));
        let agents = self.below.nodes.read_agents_on(visitor.by.clone(), device.id);
        let agent = |agent: &std::sync::Arc<crate::nodes::Agent>| CredentialLine {
            what: look.say("credential-agent"),
            which: agent.id.to_string(),
            until: until(visitor, agent.current.expires),
        };
        found.extend(agents.unwrap_or_default().iter().map(agent));
        let granted = match self.below.oauth.read_grants_on(visitor.by.clone(), device.id).await {
            Err(failure) if failure.kind == Kind::Denied => Vec::new(),
            granted => granted?,
        };
        for grant in granted {
            let person = self.owner(visitor, grant.user).await;
            let (client, name) = grant.client;
            found.push(CredentialLine {
                what: look.say2("credential-sign-in", &("person", &person), &("client", &name)),
                which: client.to_string(),
                until: until(visitor, grant.expires_at),
            });
        }
        Ok(found)
    }

    /// What ended or was refused in the last day because of this device, newest first; nothing where this person may not read
    /// that.
    async fn decided_anew(
        &self,
        visitor: &Visitor,
        device: &Device,
    ) -> Result<Option<Vec<DecisionLine>>, Away> {
        let mut found: Vec<Record> = Vec::new();
        for kind in ANEW {
            let query = Query {
                kind: Some(kind.to_owned()),
                from: Some(visitor.now.minus(Lifetime::days(1))),
                ..Query::default()
            };
            let (realm, asker) = (visitor.by.realm, visitor.by.asker.clone());
            match self.below.audit.list(ReadEvents { realm, asker, query }).await {
                Ok(page) => found.extend(page.items),
                Err(crate::audit::Error::Access(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        let id = device.id.to_string();
        let because = |record: &Record| {
            fields(&record.about).get("device").and_then(|of| of.as_str()) == Some(&id)
        };
        found.retain(because);
        found.sort_by_key(|record| std::cmp::Reverse(record.time));
        let lines = found.iter().filter_map(|record| line(visitor, record));
        Ok(Some(lines.take(EVENTS).collect()))
    }

    /// What happened to this device lately, newest first; nothing where this person may not read that.
    async fn events(
        &self,
        visitor: &Visitor,
        device: &Device,
    ) -> Result<Option<Vec<EventLine>>, Away> {
        let query = Query { subject: Some(device.number), limit: EVENTS, ..Query::default() };
        let (realm, asker) = (visitor.by.realm, visitor.by.asker.clone());
        match self.below.audit.list(ReadEvents { realm, asker, query }).await {
            Ok(page) => Ok(Some(page.items.iter().map(|one| event(visitor, one)).collect())),
            Err(crate::audit::Error::Access(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why it gets nothing, as somebody said.
fn put_out(device: &Device, standing: &Standing) -> Option<String> {
    let contained = standing.reasons.first().filter(|_| standing.contained);
    device.state.reason().map(str::to_owned).or_else(|| contained.map(ToString::to_string))
}

fn event(visitor: &Visitor, record: &Record) -> EventLine {
    let said = |part: &Part, name: &str| match part {
        Part::Open(fields) => fields.get(name).and_then(|value| value.as_str()).map(str::to_owned),
        Part::Empty | Part::Erased => None,
    };
    let levels = said(&record.about, "from").zip(said(&record.about, "to"));
    let levels = levels.map(|(from, to)| format!("{from} → {to}"));
    let more = [levels, said(&record.about, "reason"), said(&record.by, "id")];
    let more: Vec<String> = more.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    EventLine {
        kind: record.kind.clone(),
        more: Some(more.join(" · ")).filter(|text| !text.is_empty()),
        when: visitor.ago(record.time),
        exactly: visitor.look.exactly(record.time),
    }
}

fn until(visitor: &Visitor, ends: Timestamp) -> String {
    let (look, now) = (&visitor.look, visitor.now);
    if ends > now {
        look.say1("credential-until", "span", look.lasting(ends.since(now)))
    } else {
        look.say1("credential-ended", "when", look.ago(ends, now))
    }
}

fn sources(visitor: &Visitor, of: &Reported) -> Vec<SourceLine> {
    let look = &visitor.look;
    let source = |said: &Said| SourceLine {
        name: match &said.source {
            Source::Collector => look.say("source-collector"),
            Source::Osquery => look.say("source-osquery"),
            Source::Service(name) => look.say1("source-service", "name", name.to_string()),
        },
        words: format!(
            "{} · {}",
            class(look, said.came_as.as_str()),
            look.say1("source-signals", "n", said.readings.len())
        ),
        when: visitor.ago(said.received_at),
        exactly: look.exactly(said.received_at),
    };
    of.known.said.iter().map(source).collect()
}

fn facts(visitor: &Visitor, told: &Told, owner: Option<String>) -> Vec<FactLine> {
    let (look, device, standing) = (&visitor.look, &told.device, &told.standing);
    let words = |name: String, value: String| FactLine { name, value, code: false };
    let code = |name: String, value: String| FactLine { name, value, code: true };
    let mut facts = vec![
        words(look.say("about-owner"), owner.unwrap_or_else(|| look.say("about-nobody"))),
        words(look.say("about-kind"), machine(look, device.class, &device.platform)),
        words(look.say("about-report"), reported(visitor, standing.reported)),
        words(look.say("about-enrolled"), visitor.ago(device.created_at)),
    ];
    if let Some(of) = &told.reported {
        let scored = &of.scored;
        let confidence = points(BasisPoints::new(scored.confidence_basis_points));
        facts.push(words(look.say("about-confidence"), format!("{confidence} %")));
        if let Some(rising) = of.rising_to(standing).and_then(Level::parse) {
            facts.push(words(look.say("about-rising"), level(look, rising)));
        }
        let life = Lifetime::seconds(scored.lifetime.seconds);
        facts.push(words(look.say("about-life"), look.lasting(life)));
        let model = &scored.model;
        let digest: String = model.digest.chars().take(DIGEST_CHARS).collect();
        let model = format!("{} {} {} · {digest}", model.name, model.version, model.profile);
        facts.push(code(look.say("about-model"), model));
        facts.extend(of.facts.iter().map(|(name, value)| words(name.clone(), value.clone())));
    }
    facts.push(code(look.say("about-id"), device.id.to_string()));
    facts.push(code(look.say("about-spiffe"), device.spiffe_id.to_string()));
    facts
}

fn posture(visitor: &Visitor, of: &Reported) -> Posture {
    let (look, scored) = (&visitor.look, &of.scored);
    let chart = chart(&of.chart, of.levels, visitor.now);
    let mut signals: Vec<&ScoredSignal> = scored.signals.iter().collect();
    signals.sort_by_key(|signal| std::cmp::Reverse(signal.loss_basis_points));
    let capped = |name: &str, cap: u16| {
        let cap = points(BasisPoints::new(cap.saturating_mul(100)));
        look.say2("device-gate", &("points", &cap), &("why", &gate(look, name)))
    };
    let gates = scored.gates.iter().map(|fired| {
        let known = capped(&fired.gate, fired.cap_points);
        if fired.unknown { look.say1("device-gate-unknown", "gate", known) } else { known }
    });
    let first = chart.as_ref().map(|chart| visitor.ago(chart.from.at));
    let limits = chart.iter().flat_map(|chart| &chart.levels);
    Posture {
        limits: limits.map(|(y, of)| (*y, level(look, *of))).collect(),
        chart_words: chart.as_ref().map(|chart| in_words(visitor, chart)).unwrap_or_default(),
        chart_from: first.unwrap_or_default(),
        steps: chart.iter().flat_map(|chart| &chart.steps).map(|one| step(visitor, one)).collect(),
        gates: gates.collect(),
        fixes: scored.improvements.iter().map(|one| fix_line(look, scored, one)).collect(),
        signals: signals.into_iter().map(|signal| signal_line(look, signal)).collect(),
        chart,
    }
}

fn in_words(visitor: &Visitor, chart: &super::super::Chart) -> String {
    let look = &visitor.look;
    let now = look.say2(
        "device-chart-now",
        &("score", &points(chart.to.score)),
        &("level", &level(look, chart.to.level)),
    );
    let range = look.say2(
        "device-chart-range",
        &("lowest", &points(chart.lowest)),
        &("highest", &points(chart.highest)),
    );
    format!("{now} {range}")
}

fn step(visitor: &Visitor, one: &Charted) -> (String, String, String, String) {
    let look = &visitor.look;
    (visitor.ago(one.at), look.exactly(one.at), points(one.score), level(look, one.level))
}

fn fix_line(look: &Look, scored: &ScoredDocument, one: &ScoredImprovement) -> FixLine {
    let gain = one.score_basis_points.saturating_sub(scored.score_basis_points);
    let held: Vec<String> = one.held_by.iter().map(|name| gate(look, name)).collect();
    FixLine {
        name: signal(look, &one.signal),
        words: fix(look, &one.signal, &one.remedy),
        gain: look.say2(
            "device-gain",
            &("gain", &points(BasisPoints::new(gain))),
            &("score", &points(BasisPoints::new(one.score_basis_points))),
        ),
        held: (!held.is_empty()).then(|| look.say1("device-held", "gates", held.join(", "))),
    }
}

fn signal_line(look: &Look, one: &ScoredSignal) -> SignalLine {
    let (text, tone) = reason(look, &one.reason);
    let class = one.class.as_deref().map(|name| class(look, name));
    let age = one.age_seconds.map(|seconds| {
        look.ago(Timestamp::EPOCH, Timestamp::EPOCH.plus(Lifetime::seconds(seconds)))
    });
    let source: Vec<String> = [class, age].into_iter().flatten().collect();
    let loss = points(BasisPoints::new(one.loss_basis_points));
    SignalLine {
        id: one.signal.clone(),
        name: signal(look, &one.signal),
        badge: Badge { text, tone },
        loss: if one.loss_basis_points == 0 {
            look.say("device-loss-none")
        } else {
            look.say1("device-loss", "points", loss)
        },
        seen: one.seen.clone(),
        source: if source.is_empty() {
            look.say("device-source-none")
        } else {
            source.join(" · ")
        },
        evidence: one.evidence.clone(),
    }
}

/// The kinds of events that tell what ended or was refused because of a device.
const ANEW: [&str; 3] = ["session.revoked", "svid.refused", "device.refused"];
/// What a person reads of what happened before they look at the events themselves.
const EVENTS: usize = 8;
/// Enough to tell two models apart.
const DIGEST_CHARS: usize = 12;
