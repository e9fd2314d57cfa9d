//! A score as a document: everything that made it, what would help, and what a credential would get.

use super::explain::{attested, improvements};
use super::lifetime::lifetime;
use super::model::{Model, Profile, Reading};
use super::score::{Part, Score, score};
use crate::crypto::digest::hex;
use crate::kernel::{Lifetime, Timestamp};
use crate::wire::api::Time;
use crate::wire::posture::{
    Report, ReportedSignal, ScoredDocument, ScoredGate, ScoredImprovement, ScoredLifetime,
    ScoredModel, ScoredSignal,
};

/// The lifetimes between which a credential's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// However bad the score.
    pub shortest: Lifetime,
    /// However good the score.
    pub longest: Lifetime,
}

/// Reports, of each source one, and what they say together, scored by a profile of a model, as of `now`.
pub fn tell(
    (model, profile): (&Model, &Profile),
    (reports, readings): (&[Report], &[Reading]),
    span: Span,
    now: Timestamp,
) -> ScoredDocument {
    let scored = score(profile, readings, now);
    ScoredDocument {
        score_basis_points: scored.score.get(),
        level: model.levels.of(scored.score).as_str().to_owned(),
        confidence_basis_points: scored.confidence.get(),
        ungated_basis_points: scored.ungated.get(),
        gate_loss_basis_points: scored.gate_loss.get(),
        model: ScoredModel {
            name: model.name.to_string(),
            version: model.version,
            digest: hex(&model.digest),
            profile: profile.name.to_string(),
        },
        evaluated_at: Time(now),
        evidence_ends: (scored.expires != Timestamp::FOREVER).then_some(Time(scored.expires)),
        signals: scored.signals.iter().map(|part| signal(part, reports)).collect(),
        gates: gates(&scored),
        improvements: told_improvements(profile, readings, now),
        lifetime: lifetimes(profile, (readings, &scored), span, now),
    }
}

fn signal(part: &Part, reports: &[Report]) -> ScoredSignal {
    let said = |report: &'_ Report| {
        report.signals.iter().find(|said| said.signal == *part.signal).cloned()
    };
    let all: Vec<ReportedSignal> = reports.iter().filter_map(said).collect();
    // The words of who said what counts; a word that was overruled is not told.
    let value = part.known.as_ref().map(|known| known.value.get());
    let said = all.iter().find(|said| said.value == value).or_else(|| all.first());
    let seen =
        said.map_or("not in the report", |said| said.unknown.as_deref().unwrap_or(&said.seen));
    let known = part.known.as_ref();
    ScoredSignal {
        signal: part.signal.to_string(),
        weight_basis_points: part.weight.get(),
        value_basis_points: known.map(|known| known.value.get()),
        class: known.map(|known| known.class.as_str().to_owned()),
        age_seconds: known.map(|known| known.age.as_seconds()),
        worth_basis_points: known.map_or(0, |known| known.worth.get()),
        loss_basis_points: part.loss.get(),
        reason: part.reason.as_str().to_owned(),
        seen: seen.to_owned(),
        evidence: known.map(|known| known.evidence.to_string()),
        remedy: part.remedy.as_ref().map(ToString::to_string),
    }
}

fn gates(scored: &Score) -> Vec<ScoredGate> {
    let gates = scored.gates.iter().map(|fired| ScoredGate {
        gate: fired.gate.to_string(),
        cap_points: fired.cap.get() / 100,
        unknown: fired.unknown,
    });
    gates.collect()
}

fn told_improvements(
    profile: &Profile,
    readings: &[Reading],
    now: Timestamp,
) -> Vec<ScoredImprovement> {
    let found = improvements(profile, readings, now).into_iter().map(|one| ScoredImprovement {
        signal: one.signal.to_string(),
        remedy: one.remedy.to_string(),
        score_basis_points: one.score.get(),
        held_by: one.held_by.iter().map(ToString::to_string).collect(),
    });
    found.collect()
}

fn lifetimes(
    profile: &Profile,
    (readings, scored): (&[Reading], &Score),
    span: Span,
    now: Timestamp,
) -> ScoredLifetime {
    let best = score(profile, &attested(readings), now);
    let lives = |score: &Score| lifetime(score, span.shortest, span.longest, now).as_seconds();
    ScoredLifetime {
        seconds: lives(scored),
        shortest_seconds: span.shortest.as_seconds(),
        longest_seconds: span.longest.as_seconds(),
        attested_score_basis_points: best.score.get(),
        attested_seconds: lives(&best),
    }
}
