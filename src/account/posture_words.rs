//! What is known of a device, in its reader's words: for its owner here, and for administrators on the console.

use crate::devices::model::Class as Sort;
use crate::http::pages::{Look, text_key};
use crate::kernel::{BasisPoints, Level};
use crate::posture::Place;
use crate::posture::scoring::{Class, Reason};

/// How a badge looks; what it says, it says in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Somebody should look.
    Warn,
    /// Somebody must look.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    /// The class of the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "badge good",
            Self::Warn => "badge warn",
            Self::Bad => "badge bad",
            Self::Plain => "badge",
        }
    }
}

/// A level.
pub fn level(look: &Look, level: Level) -> String {
    look.say(match level {
        Level::Unknown => text_key("level-unknown"),
        Level::Quarantine => text_key("level-quarantine"),
        Level::Restricted => text_key("level-restricted"),
        Level::Standard => text_key("level-standard"),
        Level::Trusted => text_key("level-trusted"),
    })
}

/// Where a device stands, with how that looks.
pub fn place(look: &Look, place: Place) -> (String, Tone) {
    match place {
        Place::Waiting => (look.say("place-waiting"), Tone::Warn),
        Place::Quarantine => (level(look, Level::Quarantine), Tone::Bad),
        Place::Restricted => (level(look, Level::Restricted), Tone::Warn),
        Place::Unknown => (level(look, Level::Unknown), Tone::Plain),
        Place::Standard => (level(look, Level::Standard), Tone::Good),
        Place::Trusted => (level(look, Level::Trusted), Tone::Good),
        Place::Contained => (look.say("place-contained"), Tone::Bad),
        Place::Locked => (look.say("place-locked"), Tone::Bad),
        Place::Retired => (look.say("place-retired"), Tone::Plain),
    }
}

/// What a signal is about. One that these words do not know has its own name.
pub fn signal(look: &Look, name: &str) -> String {
    known(name).map_or_else(|| name.replace('_', " "), |(_, key, _)| look.say(key))
}

/// What to do about a signal; `remedy` says the same in the model's words, where these do not know it.
pub fn fix(look: &Look, name: &str, remedy: &str) -> String {
    known(name).and_then(|(_, _, fix)| *fix).map_or_else(|| remedy.to_owned(), |key| look.say(key))
}

/// Why a signal takes something from a score, with how that looks.
pub fn reason(look: &Look, code: &str) -> (String, Tone) {
    let (key, tone) = match code {
        code if code == Reason::Good.as_str() => (text_key("why-good"), Tone::Good),
        code if code == Reason::Failing.as_str() => (text_key("why-failing"), Tone::Bad),
        code if code == Reason::Stale.as_str() => (text_key("why-stale"), Tone::Warn),
        code if code == Reason::Unknown.as_str() => (text_key("why-unknown"), Tone::Warn),
        _ => (text_key("why-weak"), Tone::Plain),
    };
    (look.say(key), tone)
}

/// How hard a signal is to fake.
pub fn class(look: &Look, name: &str) -> String {
    let key = match Class::parse(name) {
        Some(Class::SelfReported) => text_key("class-self-reported"),
        Some(Class::BearerAgent) => text_key("class-bearer-agent"),
        Some(Class::Service) => text_key("class-service"),
        Some(Class::SignedAgent) => text_key("class-signed-agent"),
        Some(Class::PlatformAttested) => text_key("class-platform-attested"),
        Some(Class::HardwareAttested) => text_key("class-hardware-attested"),
        None => return name.to_owned(),
    };
    look.say(key)
}

/// A gate: what caps a score.
pub fn gate(look: &Look, name: &str) -> String {
    let found = GATES.iter().find(|(gate, _)| *gate == name);
    found.map_or_else(|| name.replace('_', " "), |(_, key)| look.say(key))
}

/// What sort of machine a device is, and what it says it runs.
pub fn machine(look: &Look, class: Sort, platform: &str) -> String {
    let sort = match class {
        Sort::Laptop => look.say("machine-laptop"),
        Sort::Desktop => look.say("machine-desktop"),
        Sort::Server => look.say("machine-server"),
        Sort::Other => look.say("machine-other"),
    };
    if platform.is_empty() { sort } else { format!("{sort}, {platform}") }
}

/// Points of a hundred, to the tenth, rounded down: `62.3`.
pub fn points(score: BasisPoints) -> String {
    let score = score.get();
    format!("{}.{}", score / 100, score / 10 % 10)
}

type Known = (&'static str, &'static str, Option<&'static str>);

fn known(name: &str) -> Option<&'static Known> {
    SIGNALS.iter().find(|(signal, _, _)| *signal == name)
}

/// The signals of the models that are shipped: what each is about, and what to do about it.
const SIGNALS: [Known; 16] = [
    ("secure_boot", text_key("signal-secure-boot"), Some(text_key("fix-secure-boot"))),
    ("disk_encryption", text_key("signal-disk-encryption"), Some(text_key("fix-disk-encryption"))),
    (
        "security_updates",
        text_key("signal-security-updates"),
        Some(text_key("fix-security-updates")),
    ),
    ("reboot_pending", text_key("signal-reboot-pending"), Some(text_key("fix-reboot-pending"))),
    ("kernel_age", text_key("signal-kernel-age"), Some(text_key("fix-kernel-age"))),
    ("os_supported", text_key("signal-os-supported"), Some(text_key("fix-os-supported"))),
    (
        "endpoint_protection",
        text_key("signal-endpoint-protection"),
        Some(text_key("fix-endpoint-protection")),
    ),
    ("firewall", text_key("signal-firewall"), Some(text_key("fix-firewall"))),
    (
        "mandatory_access",
        text_key("signal-mandatory-access"),
        Some(text_key("fix-mandatory-access")),
    ),
    ("kernel_lockdown", text_key("signal-kernel-lockdown"), Some(text_key("fix-kernel-lockdown"))),
    ("screen_lock", text_key("signal-screen-lock"), Some(text_key("fix-screen-lock"))),
    ("vulnerable_software", text_key("signal-vulnerable-software"), None),
    ("ssh", text_key("signal-ssh"), Some(text_key("fix-ssh"))),
    ("kernel_settings", text_key("signal-kernel-settings"), Some(text_key("fix-kernel-settings"))),
    (
        "listening_services",
        text_key("signal-listening-services"),
        Some(text_key("fix-listening-services")),
    ),
    ("agent_integrity", text_key("signal-agent-integrity"), None),
];

/// The gates of the models that are shipped.
const GATES: [(&str, &str); 5] = [
    ("disk_not_encrypted", text_key("gate-disk-not-encrypted")),
    ("os_unsupported", text_key("gate-os-unsupported")),
    ("secure_boot_off", text_key("gate-secure-boot-off")),
    ("no_endpoint_protection", text_key("gate-no-endpoint-protection")),
    ("known_exploited", text_key("gate-known-exploited")),
];

#[cfg(test)]
mod tests {
    use http::{Extensions, HeaderMap, Uri};

    use super::*;

    #[test]
    fn every_signal_and_gate_of_the_shipped_models_has_words() {
        let look = Look::of(&HeaderMap::new(), &Extensions::new(), &Uri::from_static("/"));
        let model = crate::posture::scoring::shipped().unwrap();
        for weighted in model.profiles.iter().flat_map(|profile| &profile.signals) {
            let (_, _, fix) = known(&weighted.signal).expect("a signal with words");
            assert_eq!(fix.is_some(), weighted.remedy.is_some(), "{}", weighted.signal);
        }
        for gate in model.profiles.iter().flat_map(|profile| &profile.gates) {
            assert!(GATES.iter().any(|(name, _)| **name == *gate.name), "{}", gate.name);
        }
        assert_eq!(signal(&look, "from_elsewhere"), "from elsewhere");
        assert_eq!(fix(&look, "from_elsewhere", "Do this."), "Do this.");
    }

    #[test]
    fn points_are_never_rounded_up() {
        let said = [0, 5, 5_999, 6_235, 10_000].map(|score| points(BasisPoints::new(score)));
        assert_eq!(said, ["0.0", "0.0", "59.9", "62.3", "100.0"]);
    }
}
