//! `weft posture check` and `weft posture score`.

use std::process::ExitCode;

use serde_json::json;

use super::{refuse, say};
use crate::crypto::digest::hex;
use crate::kernel::{BasisPoints, Lifetime};
use crate::posture::scoring::{DocumentError, Model, Profile, Span, parse, read, shipped, tell};
use crate::wire::launch::{ModelFile, PostureJob, ScoreAsk};
use crate::wire::posture::{Report, ScoredDocument, ScoredSignal};

/// Does it, and answers with an exit code.
pub(super) fn run(job: &PostureJob) -> ExitCode {
    let said = match job {
        PostureJob::Check { model, json } => check(model, *json),
        PostureJob::Score(ask) => score(ask),
    };
    match said.map(|text| say(text.trim_end())) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => refuse(&failure, 1),
        Err(why) => refuse(&why, 1),
    }
}

fn check(file: &ModelFile, as_json: bool) -> Result<String, String> {
    let model = load(file)?;
    if as_json {
        let profile = |profile: &Profile| json!({ "name": &*profile.name, "signals": profile.signals.len(), "gates": profile.gates.len() });
        let profiles: Vec<_> = model.profiles.iter().map(profile).collect();
        let (name, digest) = (&*model.name, hex(&model.digest));
        return pretty(
            &json!({ "name": name, "version": model.version, "digest": digest, "profiles": profiles }),
        );
    }
    let mut lines = vec![
        format!("model    {} {}", model.name, model.version),
        format!("digest   {}", hex(&model.digest)),
    ];
    lines.extend(model.profiles.iter().map(|profile| {
        let (signals, gates) = (profile.signals.len(), profile.gates.len());
        format!("profile  {}: {signals} signals, {gates} gates", profile.name)
    }));
    Ok(lines.join("\n"))
}

fn score(ask: &ScoreAsk) -> Result<String, String> {
    let model = match &ask.model {
        Some(file) => load(file)?,
        None => shipped().map_err(|error| format!("the shipped model, {error}"))?,
    };
    let (report, readings) = read(&ask.report, ask.at).map_err(|error| error.to_string())?;
    let profile = profile(&model, ask.profile.as_deref(), &report)?;
    let span = Span { shortest: ask.shortest, longest: ask.longest };
    let scored = tell((&model, profile), (&[report], &readings), span, ask.at);
    if ask.json { pretty(&scored) } else { Ok(in_words(&scored)) }
}

fn load(file: &ModelFile) -> Result<Model, String> {
    parse(&file.text).map_err(|flaws| {
        let one = |flaw: &DocumentError| format!("{}:{}: {}", file.name, flaw.line, flaw.why);
        flaws.each().iter().map(one).collect::<Vec<_>>().join("\n")
    })
}

/// The profile that is named, or else the one that the report's machine fits, or the only one.
fn profile<'m>(
    model: &'m Model,
    named: Option<&str>,
    report: &Report,
) -> Result<&'m Profile, String> {
    let laptop = report.facts.get("chassis").is_some_and(|kind| kind == "laptop");
    let fitting = if laptop { "linux-laptop" } else { "linux-server" };
    let alone = || model.profiles.first().filter(|_| model.profiles.len() == 1 && named.is_none());
    model.profile(named.unwrap_or(fitting)).or_else(alone).ok_or_else(|| {
        let there: Vec<&str> = model.profiles.iter().map(|profile| &*profile.name).collect();
        format!(
            "the model {} has the profiles {}: name one with `--profile`",
            model.name,
            there.join(", ")
        )
    })
}

fn pretty<T: serde::Serialize>(document: &T) -> Result<String, String> {
    serde_json::to_string_pretty(document).map_err(|error| error.to_string())
}

/// For people: the score, each signal, what holds it down, what helps, and what a credential would get.
fn in_words(scored: &ScoredDocument) -> String {
    let points = |basis: u16| BasisPoints::new(basis).to_string();
    let model = &scored.model;
    let mut text = format!(
        "score       {} of 100: {}\nconfidence  {} %\nmodel       {} {}, profile {}, digest {}\nas of       {}\n\n",
        points(scored.score_basis_points),
        scored.level,
        points(scored.confidence_basis_points),
        model.name,
        model.version,
        model.profile,
        model.digest,
        scored.evaluated_at,
    );
    text += &table(&scored.signals);
    let lost = format!("\n100 less what was lost is {}.", points(scored.ungated_basis_points));
    text += &lost;
    for gate in &scored.gates {
        let why = if gate.unknown { "as nothing is known" } else { "as it is wrong" };
        let line = format!("\nThe gate {} allows {} at most, {why}.", gate.gate, gate.cap_points);
        text += &line;
    }
    if !scored.improvements.is_empty() {
        text += "\n\nWhat helps most, each by itself:";
    }
    for one in &scored.improvements {
        let held = match one.held_by.as_slice() {
            [] => String::new(),
            gates => format!(", held there by {}", gates.join(", ")),
        };
        let leads = points(one.score_basis_points);
        let line = format!("\n  {}: leads to {leads}{held}\n    {}", one.signal, one.remedy);
        text += &line;
    }
    text + "\n\n" + &lifetimes(scored)
}

fn lifetimes(scored: &ScoredDocument) -> String {
    let lives = |seconds| Lifetime::seconds(seconds).to_string();
    let lifetime = &scored.lifetime;
    let ends = match scored.evidence_ends {
        Some(at) => format!(" The evidence that gates look at ends at {at}."),
        None => String::new(),
    };
    format!(
        "A credential would live {} (between {} and {}).{ends}\n\
         If the device's own hardware vouched for every reading: score {}, {}.\n\
         What a server issues follows the score that it works out itself: `weft device status`.",
        lives(lifetime.seconds),
        lives(lifetime.shortest_seconds),
        lives(lifetime.longest_seconds),
        BasisPoints::new(lifetime.attested_score_basis_points),
        lives(lifetime.attested_seconds),
    )
}

fn table(signals: &[ScoredSignal]) -> String {
    let points = |basis: u16| BasisPoints::new(basis).to_string();
    let dash = || "-".to_owned();
    let mut rows =
        vec![["SIGNAL", "WEIGHT", "VALUE", "CLASS", "AGE", "LOST", "WHY"].map(ToOwned::to_owned)];
    rows.extend(signals.iter().map(|signal| {
        [
            signal.signal.clone(),
            points(signal.weight_basis_points),
            signal.value_basis_points.map_or_else(dash, |value| format!("{} %", points(value))),
            signal.class.clone().unwrap_or_else(dash),
            signal.age_seconds.map_or_else(dash, age),
            points(signal.loss_basis_points),
            plain(&format!("{}: {}", signal.reason, signal.seen)),
        ]
    }));
    let widths: Vec<usize> = (0..COLUMNS)
        .map(|n| {
            rows.iter()
                .filter_map(|row| row.get(n))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |row: &[String; COLUMNS]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn age(seconds: i64) -> String {
    if seconds == 0 { "now".to_owned() } else { Lifetime::seconds(seconds).to_string() }
}

/// What a report says cannot move the cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

const COLUMNS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Timestamp;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn report(signals: &str) -> Vec<u8> {
        let at = NOW.minus(Lifetime::minutes(2));
        let text = format!(
            r#"{{"format":"weft-posture-1","collected_at":"{at}","platform":"linux","facts":{{"chassis":"laptop"}},
            "signals":[{signals}]}}"#
        );
        text.replace("AT", &at.to_string()).into_bytes()
    }

    fn ask(signals: &str, json: bool) -> ScoreAsk {
        ScoreAsk {
            model: None,
            profile: None,
            report: report(signals),
            at: NOW,
            shortest: Lifetime::minutes(5),
            longest: Lifetime::hours(8),
            json,
        }
    }

    const DISK: &str = r#"{"signal":"disk_encryption","value":0,"class":"bearer_agent","at":"AT","source":"/sys","seen":"open"}"#;
    const LOCK: &str = r#"{"signal":"screen_lock","class":"bearer_agent","at":"AT","source":"/etc","unknown":"not \u001b[2J read"}"#;

    #[test]
    fn a_score_is_told_with_its_reasons_and_what_helps() {
        let text = score(&ask(&format!("{DISK},{LOCK}"), false)).unwrap();
        for part in [
            "score       0.00 of 100: quarantine",
            "profile linux-laptop",
            "disk_encryption      15.00   0.00 %  bearer_agent  2 min  15.00  failing: open",
            "unknown: not \u{fffd}[2J read",
            "The gate disk_not_encrypted allows 39 at most, as it is wrong.",
            "The gate no_endpoint_protection allows 79 at most, as nothing is known.",
            "What helps most, each by itself:\n  secure_boot: leads to 11.70",
            "disk_encryption: leads to 9.75",
            "A credential would live 5 min (between 5 min and 8 h)",
            "What a server issues follows the score that it works out itself",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_scores_document_adds_up() {
        let text = score(&ask(&format!("{DISK},{LOCK}"), true)).unwrap();
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        let losses: u64 = told["signals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["loss_basis_points"].as_u64().unwrap())
            .sum();
        let rest = told["gate_loss_basis_points"].as_u64().unwrap()
            + told["score_basis_points"].as_u64().unwrap();
        assert_eq!(losses + rest, 10_000, "{text}");
        assert_eq!(told["model"]["digest"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn what_cannot_be_scored_is_refused_with_the_reason() {
        let at = |from: &str, to: &str| {
            let bent = String::from_utf8(report(DISK)).unwrap().replacen(from, to, 1);
            score(&ScoreAsk { report: bent.into_bytes(), ..ask("", false) }).unwrap_err()
        };
        let table = [
            ("weft-posture-1", "weft-posture-2", "its format is not `weft-posture-1`"),
            ("\"value\":0", "\"value\":10001", "`disk_encryption`: a value is 0 to 10000"),
            ("\"value\":0", "\"value\":\"0\"", "invalid type"),
            ("\"value\":0,", "", "has either a value, or says why"),
            ("disk_encryption", "Disk", "a name is 1 to 63"),
            ("bearer_agent", "god", "its class is none that there is"),
            ("\"collected_at\":\"2027-01", "\"collected_at\":\"2027-02", "has not come yet"),
            (
                "\"collected_at\":\"2027-01",
                "\"collected_at\":\"2026-01",
                "after the report was made",
            ),
            ("{\"format\"", "[{\"format\"", "not what `weft device posture"),
        ];
        for (from, to, why) in table {
            let error = at(from, to);
            assert!(error.contains(why), "{to}: {error}");
        }
        let twice = score(&ask(&format!("{DISK},{DISK}"), false)).unwrap_err();
        assert!(twice.contains("is there twice"), "{twice}");
        let long = score(&ScoreAsk { report: vec![b' '; 300_000], ..ask("", false) }).unwrap_err();
        assert!(long.contains("262144 at most"), "{long}");
        let other = ScoreAsk { profile: Some("watch".to_owned()), ..ask("", false) };
        assert!(score(&other).unwrap_err().contains("has the profiles linux-laptop, linux-server"));
    }

    #[test]
    fn a_model_is_checked_with_file_and_line() {
        let file = |text: &str| ModelFile { name: "m.toml".to_owned(), text: text.to_owned() };
        let good = file(include_str!("../../../config/posture/linux.toml"));
        let said = check(&good, false).unwrap();
        assert!(said.contains("model    weft-linux 1"), "{said}");
        assert!(said.contains("profile  linux-laptop: 15 signals, 5 gates"), "{said}");
        assert!(check(&good, true).unwrap().contains("\"version\": 1"));
        let bad = file(&good.text.replacen("version = 1", "version = 0x", 1));
        assert!(check(&bad, false).unwrap_err().starts_with("m.toml:9: "));
    }
}
