//! A model's document: TOML, read strictly, refused with the lines.
//!
//! The digest is of the document's bytes: two models with one digest are one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::model::{Gate, Levels, Model, Points, Profile, Weighted};
use crate::crypto::digest::sha256;
use crate::kernel::{BasisPoints, Lifetime};
use crate::wire::posture::{GateText, LevelsText, ModelText, ProfileText, SignalText};

/// Why a document is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct DocumentError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub why: String,
}

/// All that is wrong with a document, in the order of its lines: one at least.
///
/// What is no TOML, or has a value of the wrong type, ends the reading: that is told alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Flaws(Vec<DocumentError>);

impl Flaws {
    /// Each of them.
    pub fn each(&self) -> &[DocumentError] {
        &self.0
    }
}

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&each.join("; "))
    }
}

impl From<DocumentError> for Flaws {
    fn from(error: DocumentError) -> Self {
        Self(vec![error])
    }
}

/// The model that is shipped, for Linux. A test reads it, so that it is good.
pub fn shipped() -> Result<Model, Flaws> {
    parse(SHIPPED)
}

/// The document of the model that is shipped.
pub const fn shipped_text() -> &'static str {
    SHIPPED
}

/// Reads and checks a document.
pub fn parse(text: &str) -> Result<Model, Flaws> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let why = format!("a model has {DOCUMENT_BYTES_MAX} bytes at most");
        return Err(DocumentError { line: 1, why }.into());
    }
    let document: ModelText = toml::from_str(text).map_err(|error| DocumentError {
        line: line_of(text, &error.span().unwrap_or_default()),
        why: error.message().trim_end().to_owned(),
    })?;
    let reader = Reader { text, flaws: RefCell::default() };
    let name = reader.name(&document.name);
    let levels = reader.levels(&document.levels);
    let some = (1..=PROFILES_MAX).contains(&document.profile.len());
    let count = format!("a model has 1 to {PROFILES_MAX} profiles");
    reader.check(&document.name.span(), some, &count);
    reader.distinct("profile", document.profile.iter().map(|profile| &profile.name));
    let profiles = document.profile.iter().map(|profile| reader.profile(profile)).collect();
    let mut flaws = reader.flaws.into_inner();
    if flaws.is_empty() {
        let digest = sha256(text.as_bytes());
        return Ok(Model { name, version: document.version, digest, levels, profiles });
    }
    flaws.sort_by_key(|flaw| flaw.line);
    flaws.truncate(FLAWS_MAX);
    Err(Flaws(flaws))
}

/// Reads on after a flaw, so that all are told at once; what is read wrongly then is never used.
struct Reader<'t> {
    text: &'t str,
    flaws: RefCell<Vec<DocumentError>>,
}

impl Reader<'_> {
    fn flaw(&self, span: &Range<usize>, why: String) {
        self.flaws.borrow_mut().push(DocumentError { line: line_of(self.text, span), why });
    }

    fn check(&self, span: &Range<usize>, holds: bool, why: &str) {
        if !holds {
            self.flaw(span, why.to_owned());
        }
    }

    fn name(&self, name: &Spanned<String>) -> Arc<str> {
        let text = name.get_ref();
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        let plain = !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(allowed);
        self.check(&name.span(), plain, "a name is 1 to 63 of a-z, 0-9, `_` and `-`");
        Arc::from(text.as_str())
    }

    fn distinct<'n>(&self, what: &str, names: impl Iterator<Item = &'n Spanned<String>>) {
        let mut seen = BTreeSet::new();
        for name in names {
            let text = name.get_ref().as_str();
            if !seen.insert(text) {
                self.flaw(&name.span(), format!("the {what} `{text}` is there twice"));
            }
        }
    }

    fn levels(&self, levels: &Spanned<LevelsText>) -> Levels {
        let LevelsText { trusted, standard, restricted } = *levels.get_ref();
        let rise = 0 < restricted && restricted < standard && standard < trusted && trusted <= 100;
        self.check(&levels.span(), rise, "levels rise: 0 < restricted < standard < trusted ≤ 100");
        Levels {
            trusted: Points::new(trusted),
            standard: Points::new(standard),
            restricted: Points::new(restricted),
        }
    }

    fn profile(&self, profile: &ProfileText) -> Profile {
        let span = profile.name.span();
        let few = profile.signal.len() <= SIGNALS_MAX && profile.gate.len() <= GATES_MAX;
        self.check(&span, few, "a profile has 64 signals and 32 gates at most");
        self.distinct("signal", profile.signal.iter().map(|signal| &signal.name));
        self.distinct("gate", profile.gate.iter().map(|gate| &gate.name));
        let sum: u32 =
            profile.signal.iter().map(|signal| u32::from(*signal.weight.get_ref())).sum();
        if sum != 10_000 {
            let why = format!("the weights of a profile add up to 10000, and these to {sum}");
            self.flaw(&span, why);
        }
        let signals: Vec<Weighted> =
            profile.signal.iter().map(|signal| self.signal(signal)).collect();
        let gates = profile.gate.iter().map(|gate| self.gate(gate, &signals)).collect();
        Profile { name: self.name(&profile.name), signals, gates }
    }

    fn signal(&self, signal: &SignalText) -> Weighted {
        let (fresh, half, ends) = self.times(signal);
        let weight = *signal.weight.get_ref();
        let sized = (1..=10_000).contains(&weight);
        self.check(&signal.weight.span(), sized, "a weight is 1 to 10000");
        let prior = signal.prior.as_ref().map_or(0, |prior| *prior.get_ref());
        if let Some(text) = &signal.prior {
            // What vouches for the unknown is small, and only where little hangs on it.
            let modest = prior <= PRIOR_MAX && weight <= PRIOR_WEIGHT_MAX;
            let why = "a prior is 2500 at most, and only for weights up to 500";
            self.check(&text.span(), prior == 0 || modest, why);
        }
        if let Some(remedy) = &signal.remedy {
            let said = (1..=REMEDY_BYTES_MAX).contains(&remedy.get_ref().len());
            self.check(&remedy.span(), said, "a remedy has 1 to 512 bytes");
        }
        Weighted {
            signal: self.name(&signal.name),
            weight: BasisPoints::new(weight),
            fresh: Lifetime::seconds(fresh),
            half: Lifetime::seconds(half),
            ends: Lifetime::seconds(ends),
            prior: BasisPoints::new(prior),
            remedy: signal.remedy.as_ref().map(|remedy| Arc::from(remedy.get_ref().as_str())),
        }
    }

    /// How long a reading is fresh, halves, ends.
    fn times(&self, signal: &SignalText) -> (i64, i64, i64) {
        let span = |own: &Option<Spanned<i64>>| {
            own.as_ref().map_or_else(|| signal.fresh_seconds.span(), Spanned::span)
        };
        let fresh = *signal.fresh_seconds.get_ref();
        if !(1..=ENDS_SECONDS_MAX).contains(&fresh) {
            // The others are measured by it: nothing more can be said of them.
            self.flaw(&signal.fresh_seconds.span(), "0 < fresh < 90 days".to_owned());
            return (1, 1, 4);
        }
        let ends =
            signal.ends_seconds.as_ref().map_or(fresh.saturating_mul(4), |own| *own.get_ref());
        let later = fresh < ends && ends <= ENDS_SECONDS_MAX;
        self.check(&span(&signal.ends_seconds), later, "fresh < ends ≤ 90 days");
        let half = signal.half_seconds.as_ref().map_or(fresh, |own| *own.get_ref());
        // A reading that has not ended is worth something, from the weakest source too: else its end would be a fiction.
        let sound = half > 0 && half.saturating_mul(HALVINGS_MAX) >= ends.saturating_sub(fresh);
        let why = "half > 0, and at most 10 halvings between fresh and ends";
        self.check(&span(&signal.half_seconds), sound || !later, why);
        (fresh, half, ends)
    }

    fn gate(&self, gate: &GateText, signals: &[Weighted]) -> Gate {
        let known = signals.iter().any(|signal| *signal.signal == **gate.signal.get_ref());
        self.check(&gate.signal.span(), known, "a gate looks at a signal of its own profile");
        let below = *gate.below.get_ref();
        self.check(&gate.below.span(), (1..=10_000).contains(&below), "`below` is 1 to 10000");
        let cap = *gate.cap.get_ref();
        let step = CAPS.iter().position(|one| *one == cap);
        self.check(&gate.cap.span(), step.is_some(), "a cap is 0, 20, 39 or 59");
        let milder = step.and_then(|step| CAPS.get(step + 1)).copied().unwrap_or(MILDEST);
        if let Some(own) = &gate.cap_unknown {
            let sound = step.is_none() || (cap..=MILDEST).contains(own.get_ref());
            let why = "`cap_unknown` is between the cap and 79: what is unknown never passes";
            self.check(&own.span(), sound, why);
        }
        let cap_unknown = gate.cap_unknown.as_ref().map_or(milder, |own| *own.get_ref());
        Gate {
            name: self.name(&gate.name),
            signal: Arc::from(gate.signal.get_ref().as_str()),
            below: BasisPoints::new(below),
            cap: Points::new(cap),
            cap_unknown: Points::new(cap_unknown),
        }
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).unwrap_or_default().matches('\n').count() + 1
}

/// `config/posture/linux.toml`, as it was when the program was built.
const SHIPPED: &str = include_str!("../../../config/posture/linux.toml");
/// What a gate may cap to, hardest first; unknown is one step milder.
const CAPS: [u8; 4] = [0, 20, 39, 59];
/// The mildest: no longer trusted.
const MILDEST: u8 = 79;
/// Some 300 signals with their remedies.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
const PROFILES_MAX: usize = 32;
const SIGNALS_MAX: usize = 64;
const GATES_MAX: usize = 32;
const NAME_BYTES_MAX: usize = 63;
const REMEDY_BYTES_MAX: usize = 512;
/// Nothing said three months ago says anything about today.
const ENDS_SECONDS_MAX: i64 = 90 * 86_400;
const PRIOR_MAX: u16 = 2_500;
const PRIOR_WEIGHT_MAX: u16 = 500;
/// After ten halvings the weakest source's word is worth 3 of 10,000.
const HALVINGS_MAX: i64 = 10;
/// More than a person mends before asking again.
const FLAWS_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"m\"\nversion = 1\nlevels = { trusted = 80, standard = 60, restricted = 40 }\n\n\
        [[profile]]\nname = \"p\"\n\n[[profile.signal]]\nname = \"disk\"\nweight = 10000\nfresh_seconds = 60\n\n\
        [[profile.gate]]\nname = \"open_disk\"\nsignal = \"disk\"\nbelow = 5000\ncap = 39\n";

    #[test]
    fn a_document_says_what_it_says_and_the_rest_by_rule() {
        let model = parse(GOOD).unwrap();
        assert_eq!((&*model.name, model.version, model.digest), ("m", 1, sha256(GOOD.as_bytes())));
        let profile = model.profile("p").unwrap();
        let disk = &profile.signals[0];
        assert_eq!((disk.half, disk.ends), (Lifetime::minutes(1), Lifetime::minutes(4)));
        assert_eq!((disk.prior, disk.remedy.clone()), (BasisPoints::ZERO, None));
        let gate = &profile.gates[0];
        assert_eq!((gate.cap, gate.cap_unknown), (Points::new(39), Points::new(59)));
        assert!(model.profile("q").is_none());
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_what_would_be_right() {
        let table = [
            ("name = \"m\"", "name = \"M\"", 1, "a name is 1 to 63 of"),
            ("version = 1", "version = -1", 2, "-1"),
            ("version = 1", "version = 1\nvresion = 2", 3, "vresion"),
            ("trusted = 80", "trusted = 60", 3, "levels rise"),
            ("weight = 10000", "weight = 9999", 6, "add up to 10000, and these to 9999"),
            ("weight = 10000", "weight = \"all\"", 10, "invalid type"),
            ("fresh_seconds = 60", "fresh_seconds = 0", 11, "0 < fresh"),
            ("fresh_seconds = 60", "fresh_seconds = 60\nends_seconds = 60", 12, "fresh < ends"),
            ("fresh_seconds = 60", "fresh_seconds = 60\nhalf_seconds = 17", 12, "10 halvings"),
            (
                "fresh_seconds = 60",
                "fresh_seconds = 60\nprior = 2500",
                12,
                "only for weights up to 500",
            ),
            (
                "fresh_seconds = 60",
                "fresh_seconds = 60\nremedy = \"\"",
                12,
                "a remedy has 1 to 512",
            ),
            ("signal = \"disk\"", "signal = \"disc\"", 15, "a signal of its own profile"),
            ("below = 5000", "below = 0", 16, "`below` is 1 to 10000"),
            ("cap = 39", "cap = 40", 17, "a cap is 0, 20, 39 or 59"),
            ("cap = 39", "cap = 39\ncap_unknown = 100", 18, "what is unknown never passes"),
            ("[[profile]]", "[[profile", 5, "unclosed array table"),
        ];
        for (good, bad, line, why) in table {
            assert!(GOOD.contains(good), "{good}");
            let flaws = parse(&GOOD.replacen(good, bad, 1)).unwrap_err();
            let [error] = flaws.each() else { panic!("{bad}: {flaws}") };
            assert_eq!(error.line, line, "{bad}: {error}");
            assert!(error.why.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once_in_the_order_of_their_lines() {
        let bad =
            GOOD.replace("trusted = 80", "trusted = 60").replace("weight = 10000", "weight = 0");
        let bad = bad.replace("below = 5000", "below = 0").replace("cap = 39", "cap = 40");
        let told = parse(&bad).unwrap_err().to_string();
        assert_eq!(
            told,
            "line 3: levels rise: 0 < restricted < standard < trusted ≤ 100; \
             line 6: the weights of a profile add up to 10000, and these to 0; \
             line 10: a weight is 1 to 10000; line 16: `below` is 1 to 10000; line 17: a cap is 0, 20, 39 or 59"
        );
        let one = |n: usize| format!("[[profile]]\nname = \"p{n}\"\n");
        let many = (0..60).map(one).collect::<Vec<_>>().concat();
        let (head, _) = GOOD.split_once("[[profile]]").unwrap();
        assert_eq!(parse(&format!("{head}{many}")).unwrap_err().each().len(), FLAWS_MAX);
    }

    #[test]
    fn names_are_there_once_and_documents_end() {
        let (head, profile) = GOOD.split_once("[[profile]]").unwrap();
        let twice = format!("{GOOD}\n[[profile]]{profile}");
        let told = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(told(&twice), "line 20: the profile `p` is there twice");
        let signal = "[[profile.signal]]\nname = \"disk\"\nweight = 5000\nfresh_seconds = 60\n\n";
        let alike = GOOD.replace("weight = 10000", "weight = 5000");
        let alike = alike.replace("[[profile.gate]]", &format!("{signal}[[profile.gate]]"));
        assert_eq!(told(&alike), "line 14: the signal `disk` is there twice");
        assert_eq!(told(head), "line 1: a model has 1 to 32 profiles");
        let long = format!("{GOOD}#{}", "x".repeat(DOCUMENT_BYTES_MAX));
        assert_eq!(told(&long), "line 1: a model has 262144 bytes at most");
    }

    #[test]
    fn the_shipped_model_is_good_and_knows_laptops_and_servers() {
        let model = shipped().unwrap();
        assert_eq!(&*model.name, "weft-linux");
        assert!(model.profile("linux-laptop").is_some() && model.profile("linux-server").is_some());
    }
}
