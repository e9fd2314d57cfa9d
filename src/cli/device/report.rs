//! `weft device report` and `weft device status`: what this machine says of itself, and what is made of it, at the door `mtls`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::args::Connection;
use super::super::client::Api;
use super::super::error::Error;
use super::super::print::Printer;
use super::super::table::Fields;
use super::super::transport::Transport;
use super::super::value;
use super::enrol::PlaceArgs;
use super::files::Files;
use crate::env::Clock;
use crate::kernel::{BasisPoints, Lifetime, Timestamp};
use crate::machine::{self, Root};
use crate::wire::posture::{DevicePosture, ReportAnswer, ScoredDocument};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ReportArgs {
    /// The directory that stands for `/`.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Looks at this machine and reports it, once.
pub(in crate::cli) async fn report(
    args: ReportArgs,
    connection: &Connection,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let root = open(&args.root)?;
    let api = api(&args.place.settled()?, connection)?;
    let answer = send(&api, &root, clock.now()).await?;
    print.show(&answer, answered)
}

/// What is known of this machine, and what to do about it.
pub(in crate::cli) async fn status(
    args: StatusArgs,
    connection: &Connection,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let api = api(&args.place.settled()?, connection)?;
    let known: DevicePosture = api.get(&["devices", "self", "posture"]).await?;
    let now = clock.now();
    print.show(&known, |known| {
        let mut fields = Fields::default();
        fields.add("device", &known.device);
        told(&mut fields, known, now);
        fields
    })
}

/// The API, asked with the SVID of this device.
pub(super) fn api(files: &Files, connection: &Connection) -> Result<Api, Error> {
    let transport = Transport::with_svid(connection, files.identity()?.as_bytes())?;
    Api::new(transport, connection.realm.as_deref())
}

/// A directory that stands for `/`.
pub(super) fn open(root: &std::path::Path) -> Result<Root, Error> {
    Root::open(root).map_err(|error| Error::file("read", root, &error))
}

/// Looks at this machine, and reports it.
pub(super) async fn send(api: &Api, root: &Root, now: Timestamp) -> Result<ReportAnswer, Error> {
    // Some files are large, and whoever looks after a device may have more to do.
    let root = root.clone();
    let report = tokio::task::spawn_blocking(move || machine::report(&root, now)).await;
    let report = report.map_err(|error| Error::local(format!("no report: {error}")))?;
    let packed = serde_json::to_vec(&report).map_err(std::io::Error::from).and_then(|plain| {
        let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
        writer.write_all(&plain)?;
        writer.finish()
    });
    let packed = packed.map_err(|error| Error::local(format!("no report: {error}")))?;
    api.post_packed(&["devices", "self", "reports"], packed).await
}

fn answered(answer: &ReportAnswer) -> Fields {
    let mut fields = Fields::default();
    fields.add("report", &answer.detail);
    let score = points(answer.score_basis_points);
    fields.add("level", in_words(&answer.level, answer.rising_to.as_deref()));
    fields.add("score", format!("{score} of 100"));
    fields.add("confidence", format!("{} %", points(answer.confidence_basis_points)));
    let fix = |one: &crate::wire::posture::ReportFix| {
        format!("{} (costs {}): {}", one.signal, points(one.loss_basis_points), one.remedy)
    };
    fields.list("to mend", &answer.fix.iter().map(fix).collect::<Vec<_>>());
    fields.add("next report", format!("in {}", Lifetime::seconds(answer.report_in_seconds)));
    fields
}

/// What is known of a device, for its owner and for administrators.
pub(super) fn told(fields: &mut Fields, known: &DevicePosture, now: Timestamp) {
    fields.add("level", in_words(&known.level, known.rising_to.as_deref()));
    if let Some(scored) = &known.scored {
        scored_fields(fields, scored);
    }
    fields.list("why", &known.reasons);
    let helps = known.scored.iter().flat_map(|scored| &scored.improvements).map(|one| {
        let leads = points(one.score_basis_points);
        format!("{}: leads to {leads}: {}", one.signal, one.remedy)
    });
    fields.list("what helps most", &helps.collect::<Vec<_>>());
    let source = |one: &crate::wire::posture::PostureSource| {
        format!("{} ({}), {}", one.source, one.class, value::moment(one.received_at, now))
    };
    // One alone is the collector, and told by `reported`.
    if known.sources.len() > 1 {
        fields.list("sources", &known.sources.iter().map(source).collect::<Vec<_>>());
    }
    let never = || "never; `weft device run` on it reports".to_owned();
    fields.add("reported", known.received_at.map_or_else(never, |at| value::moment(at, now)));
}

fn scored_fields(fields: &mut Fields, scored: &ScoredDocument) {
    fields.add("score", format!("{} of 100", points(scored.score_basis_points)));
    fields.add("confidence", format!("{} %", points(scored.confidence_basis_points)));
    let gates = scored.gates.iter().map(|gate| {
        let why = if gate.unknown { "nothing is known" } else { "it is wrong" };
        format!("{}: {} at most, as {why}", gate.gate, gate.cap_points)
    });
    fields.list("gates", &gates.collect::<Vec<_>>());
    let (life, span) = (&scored.lifetime, |seconds| Lifetime::seconds(seconds).to_string());
    let attested = points(life.attested_score_basis_points);
    fields.add(
        "lives",
        format!(
            "what is given for {} lives {} here; with all of it vouched for by hardware {} ({attested} of 100)",
            span(life.longest_seconds),
            span(life.seconds),
            span(life.attested_seconds),
        ),
    );
    let model = &scored.model;
    fields.add("model", format!("{} {}, profile {}", model.name, model.version, model.profile));
    fields.add("digest", &model.digest);
}

fn in_words(level: &str, rising: Option<&str>) -> String {
    match rising {
        Some(to) => format!("{level}, on its way to {to}: one more good report"),
        None => level.to_owned(),
    }
}

/// A score, or a share in percent.
pub(super) fn points(basis: u16) -> BasisPoints {
    BasisPoints::new(basis)
}
