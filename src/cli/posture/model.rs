//! `weft posture model`: the model that a realm scores its devices by.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::super::client::When;
use super::super::error::Error;
use super::super::input;
use super::super::session::Session;
use super::super::table::{Fields, Table};
use super::super::{policy_past, value};
use crate::kernel::{BasisPoints, Timestamp};
use crate::wire::api::{
    PostureModel, PostureModelInput, PostureModelLoss, PostureModelTrial, PostureModelTrialInput,
    PostureReplay, PostureReplayInput,
};
use crate::wire::posture::{DevicePosture, ScoredDocument};

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum ModelCommand {
    /// List those that count and counted, newest first: who set which, when and why.
    List,
    /// Print the document of the one that counts, or of an earlier one.
    Show {
        /// Its number in `weft posture model list`; 0 is the one that is shipped.
        number: Option<i64>,
    },
    /// Say what another would make of the fleet as it is now; nothing is changed.
    WhatIf(Which),
    /// Compare a document with the one that counts, line by line.
    Diff {
        /// The document, in TOML [default: the one that is shipped].
        file: Option<PathBuf>,
    },
    /// Score by a document from now on; what is wrong with it is told line by line, and then nothing is changed.
    Set {
        /// The document, in TOML; `-` reads standard input.
        file: PathBuf,
        /// Why, for whoever reads the list.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Put back the model before the one that counts, or an earlier one.
    Rollback {
        /// Its number in `weft posture model list`; 0 is the one that is shipped.
        #[arg(long, value_name = "NUMBER")]
        to: Option<i64>,
        /// Why, for whoever reads the list.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Work a device's score out again from what is kept, and compare it byte by byte with what was said.
    Replay {
        /// The device, `dev_…`.
        device: String,
        /// What was said: what `weft device status --output json` printed [default: what the server says now].
        #[arg(long, value_name = "FILE")]
        said: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Which {
    /// The document, in TOML; `-` reads standard input.
    file: Option<PathBuf>,
    /// One that is kept, by its number in `weft posture model list`; 0 is the one that is shipped.
    #[arg(long, value_name = "NUMBER")]
    number: Option<i64>,
}

pub(in crate::cli) async fn run(
    command: ModelCommand,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    match command {
        ModelCommand::List => {
            let all: Vec<PostureModel> = session.api.all(&["posture-models"], &[], None).await?;
            let now = session.now();
            session.print.list(&all, |all| table(all, now), "No model was ever set.")
        }
        ModelCommand::Show { number } => {
            let model = kept(number, session).await?;
            if session.print.is_json() {
                return session.print.json(&model);
            }
            session.print.line(model.document.unwrap_or_default().trim_end())
        }
        ModelCommand::WhatIf(which) => what_if(which, session).await,
        ModelCommand::Diff { file } => diff(file.as_deref(), session).await,
        ModelCommand::Set { file, note } => {
            let document = Some(input::text(&file)?);
            put(&PostureModelInput { document, number: None, note }, When::Always, session).await
        }
        ModelCommand::Rollback { to, note } => rollback(to, note, session).await,
        ModelCommand::Replay { device, said } => replay(&device, said.as_deref(), session).await,
    }
}

async fn kept(number: Option<i64>, session: &Session<'_>) -> Result<PostureModel, Error> {
    let number = number.map_or_else(|| "active".to_owned(), |number| number.to_string());
    session.api.get(&["posture-models", &number]).await
}

async fn what_if(which: Which, session: &mut Session<'_>) -> Result<(), Error> {
    let document = which.file.as_deref().map(input::text).transpose()?;
    let ask = PostureModelTrialInput { document, number: which.number };
    let trial: PostureModelTrial = session.api.post(&["posture-model-trials"], &ask).await?;
    if session.print.is_json() {
        return session.print.json(&trial);
    }
    for line in trial.in_words() {
        session.print.line(&line)?;
    }
    if trial.worst.is_empty() {
        return Ok(());
    }
    session.print.line("")?;
    session.print.list(&trial.worst, losses, "")
}

async fn diff(file: Option<&Path>, session: &mut Session<'_>) -> Result<(), Error> {
    let active = kept(None, session).await?.document.unwrap_or_default();
    let (from, to) = match file {
        Some(file) => (active, input::text(file)?),
        None => (kept(Some(0), session).await?.document.unwrap_or_default(), active),
    };
    match policy_past::lines(&from, &to) {
        changed if changed.is_empty() => session.print.note("no difference"),
        changed => session.print.line(&changed.join("\n")),
    }
}

/// Refused where another counts by the time that the question was answered.
async fn rollback(to: Option<i64>, note: String, session: &mut Session<'_>) -> Result<(), Error> {
    let (active, tag): (PostureModel, _) =
        session.api.get_tagged(&["posture-models", "active"]).await?;
    let to = match to {
        Some(number) => number,
        None if active.number == 0 => return Err(Error::local("no model was ever set".to_owned())),
        None => active.number - 1,
    };
    let PostureModel { name, version, .. } = kept(Some(to), session).await?;
    let question = format!("Score by {name} {version} again, which is number {to}?");
    session.confirm(&question)?;
    let ask = PostureModelInput { document: None, number: Some(to), note };
    put(&ask, When::Is(&tag), session).await
}

async fn put(
    ask: &PostureModelInput,
    when: When<'_>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let model: PostureModel = session.api.put(&["posture-models", "active"], ask, when).await?;
    let now = session.now();
    session.print.show(&model, |model| fields(model, now))
}

async fn replay(device: &str, said: Option<&Path>, session: &mut Session<'_>) -> Result<(), Error> {
    let scored = if let Some(file) = said {
        read(file)?
    } else {
        let known: DevicePosture = session.api.get(&["devices", device, "posture"]).await?;
        known.scored.ok_or_else(|| Error::local(format!("{device} never reported")))?
    };
    let (model, at) = (scored.model.clone(), scored.evaluated_at);
    let ask = PostureReplayInput { device: device.to_owned(), scored };
    let replay: PostureReplay = session.api.post(&["posture-replays"], &ask).await?;
    if session.print.is_json() {
        session.print.json(&replay)?;
    } else {
        let score = BasisPoints::new(replay.scored.score_basis_points);
        let PostureReplay { equal, differences, .. } = &replay;
        let how = if *equal { "equal to the byte" } else { "not the same" };
        let (name, version, digest) = (&model.name, model.version, &model.digest);
        session.print.line(&format!(
            "{device} as of {at}, by {name} {version} {digest}: score {score}, {how}"
        ))?;
        let dash = || "-".to_owned();
        for one in differences {
            let (said, again) = (one.said.clone(), one.again.clone());
            let (said, again) = (said.unwrap_or_else(dash), again.unwrap_or_else(dash));
            session.print.line(&format!("{}: said {said}, now {again}", one.at))?;
        }
        if differences.iter().any(|one| one.at.ends_with("/evidence")) {
            session.print.note("The evidence is another: the device has reported since.")?;
        }
    }
    if replay.equal { Ok(()) } else { Err(Error::local("the score is not the same".to_owned())) }
}

/// A score by itself, or what a device was told with it.
fn read(file: &Path) -> Result<ScoredDocument, Error> {
    let text = input::text(file)?;
    let bad = |error: serde_json::Error| Error::local(format!("{}: {error}", file.display()));
    let document: serde_json::Value = serde_json::from_str(&text).map_err(bad)?;
    let scored = document.get("scored").cloned().unwrap_or(document);
    serde_json::from_value(scored).map_err(bad)
}

fn table(all: &[PostureModel], now: Timestamp) -> Table {
    let mut table = Table::new(&["NUMBER", "MODEL", "DIGEST", "SET", "BY", "NOTE"]);
    for one in all {
        let number = if one.active { format!("{} *", one.number) } else { one.number.to_string() };
        let digest: String = one.digest.chars().take(DIGEST_CHARS).collect();
        let note = match one.restores {
            Some(number) => format!("[{number} again] {}", one.note).trim_end().to_owned(),
            None => one.note.clone(),
        };
        table.row([
            number,
            model(one),
            digest,
            one.set_at.map(|at| value::distance(at, now)).unwrap_or_default(),
            one.set_by.clone(),
            note,
        ]);
    }
    table
}

fn fields(one: &PostureModel, now: Timestamp) -> Fields {
    let mut fields = Fields::default();
    fields.add("number", one.number.to_string());
    fields.add("model", model(one));
    fields.add("digest", &one.digest);
    if let Some(at) = one.set_at {
        fields.add("set", value::moment(at, now));
    }
    fields
}

fn model(one: &PostureModel) -> String {
    let from = if one.shipped { ", as shipped" } else { "" };
    format!("{} {}{from}", one.name, one.version)
}

fn losses(all: &[PostureModelLoss]) -> Table {
    let mut table = Table::new(&["DEVICE", "NAME", "PROFILE", "SCORE", "WOULD BE"]);
    let told = |score: u16, level: &str| format!("{} {level}", BasisPoints::new(score));
    for one in all {
        table.row([
            one.device.clone(),
            one.name.clone(),
            one.profile.clone(),
            told(one.score_basis_points, &one.level),
            told(one.score_then_basis_points, &one.level_then),
        ]);
    }
    table
}

/// Enough to tell two models apart.
const DIGEST_CHARS: usize = 12;
