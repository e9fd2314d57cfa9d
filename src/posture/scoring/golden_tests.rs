//! Golden scores: worked out by hand in `docs/reference/posture-scores.md`, and exactly what the program says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::crypto::digest::hex;
use crate::kernel::{BasisPoints, Lifetime, Timestamp};

/// The moment of every vector.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The model of every vector.
pub(crate) const MODEL: &str = include_str!("../../../tests/vectors/posture/model.toml");

/// A device and what its score must be, worked out by hand.
pub(crate) struct Vector {
    pub(crate) name: String,
    document: Value,
}

impl Vector {
    /// All of them, by name.
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/posture");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mut paths: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        paths.sort();
        assert!(paths.len() >= 11, "vectors are missing: {} were found", paths.len());
        let read = |path: &PathBuf| Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            document: serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
        };
        paths.iter().map(read).collect()
    }

    /// What the device says.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        self.document["readings"].as_array().unwrap().iter().map(reading).collect()
    }

    /// That the score of these readings is exactly the one that was worked out.
    pub(crate) fn holds(&self, model: &Model, readings: &[Reading]) {
        let worked_out = worked_out(model, &self.document, readings);
        assert_eq!(worked_out, self.document["expect"], "{}", self.name);
    }
}

fn reading(text: &Value) -> Reading {
    let age = text["age_seconds"].as_i64().unwrap();
    Reading {
        signal: Arc::from(text["signal"].as_str().unwrap()),
        value: BasisPoints::new(u16::try_from(text["value"].as_u64().unwrap()).unwrap()),
        class: Class::parse(text["class"].as_str().unwrap()).unwrap(),
        at: Timestamp::from_seconds(NOW.seconds() - age),
        evidence: Arc::from("by hand"),
    }
}

/// What the program makes of a vector, in the form of its `expect`.
fn worked_out(model: &Model, vector: &Value, readings: &[Reading]) -> Value {
    let seconds = |name: &str| Lifetime::seconds(vector[name].as_i64().unwrap());
    let score = score(model.profile("box").unwrap(), readings, NOW);
    let lives = lifetime(&score, seconds("shortest_seconds"), seconds("longest_seconds"), NOW);
    let losses: serde_json::Map<String, Value> = score
        .signals
        .iter()
        .map(|part| (part.signal.to_string(), part.loss.get().into()))
        .collect();
    let gate = |fired: &Fired| json!({ "gate": &*fired.gate, "cap": fired.cap.get() / 100, "unknown": fired.unknown });
    json!({
        "score": score.score.get(),
        "ungated": score.ungated.get(),
        "confidence": score.confidence.get(),
        "level": model.levels.of(score.score).as_str(),
        "losses": losses,
        "gates": score.gates.iter().map(gate).collect::<Vec<_>>(),
        "gate_loss": score.gate_loss.get(),
        "expires_seconds": (score.expires != Timestamp::FOREVER).then(|| score.expires.since(NOW).as_seconds()),
        "lifetime_micros": lives.as_micros(),
    })
}

#[test]
fn golden_scores_are_exact() {
    let model = parse(MODEL).unwrap();
    for vector in Vector::all() {
        vector.holds(&model, &vector.readings());
    }
}

#[test]
fn what_helps_most_is_told_with_the_gates_that_remain() {
    let model = parse(MODEL).unwrap();
    let profile = model.profile("box").unwrap();
    let at = |signal: &str, value| Reading {
        signal: Arc::from(signal),
        value: BasisPoints::new(value),
        class: Class::HardwareAttested,
        at: NOW,
        evidence: Arc::from("e"),
    };
    let told = |readings: &[Reading]| -> Vec<(String, u16, Vec<String>)> {
        let found = improvements(profile, readings, NOW);
        let held = |one: &Improvement| one.held_by.iter().map(ToString::to_string).collect();
        found.iter().map(|one| (one.signal.to_string(), one.score.get(), held(one))).collect()
    };
    // The fan costs something too, but nobody at the box can mend it.
    let both = [at("disk", 0), at("patches", 0), at("lock", 10_000), at("fan", 0)];
    let expected = [
        ("patches".to_owned(), 3_900, vec!["open_disk".to_owned()]),
        ("disk".to_owned(), 2_000, vec!["old_patches".to_owned()]),
    ];
    assert_eq!(told(&both), expected);
    let one = [at("disk", 0), at("patches", 10_000), at("lock", 10_000), at("fan", 10_000)];
    assert_eq!(told(&one), [("disk".to_owned(), 10_000, Vec::new())]);
    assert_eq!(told(&[]), [], "without any source there is nobody to report the better");
}

#[test]
fn what_the_how_tos_print_names_the_model_that_is_shipped() {
    let shipped = parse(shipped_text()).unwrap();
    let digest: String = hex(&shipped.digest).chars().take(12).collect();
    for page in ["score-a-device", "report-posture", "change-a-posture-model"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/how-to/{page}.md"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&digest), "{page}: the shipped model is {digest} now");
    }
}
