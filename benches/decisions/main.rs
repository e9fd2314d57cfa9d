//! What one decision takes in process, with 100 and with 10,000 policies of a realm's own: not remembered, and remembered.
//! A small table; ends with a failure when a target does not hold.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use weft::access::Access;
use weft::env::SystemClock;
use weft::kernel::{
    BasisPoints, Evidence, EvidenceSource, Level, Lifetime, RealmId, Situation, SpiffeId, Standing,
    Strength, Subject, SubjectId, SubjectKind, Timestamp,
};
use weft::svid::IssueX509;

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Policies of the realm's own.
const FEW: usize = 100;
const MANY: usize = 10_000;
/// Decisions measured in a row.
const DECISIONS: usize = 20_000;
/// Decision in process, at 10,000 policies.
const FRESH_MAX: Duration = Duration::from_micros(25);
const REMEMBERED_MAX: Duration = Duration::from_micros(1);
/// How much slower 10,000 may be than 100, in percent.
const RATIO_MAX: u128 = 160;

/// The times of one row.
struct Row {
    p50: Duration,
    p99: Duration,
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "decisions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Outcome<bool> {
    let (few, many) = (House::with(FEW)?, House::with(MANY)?);
    let fresh = [few.fresh()?, many.fresh()?];
    let remembered = [few.remembered()?, many.remembered()?];
    let mut out = std::io::stdout().lock();
    let mut fine = true;
    for (what, [few, many], most) in
        [("not memoised", &fresh, FRESH_MAX), ("memoised", &remembered, REMEMBERED_MAX)]
    {
        let ratio = many.p50.as_nanos() * 100 / few.p50.as_nanos().max(1);
        let holds = many.p50 <= most && ratio <= RATIO_MAX;
        fine &= holds;
        writeln!(
            out,
            "decision {what:<13} p50/p99 at {FEW} policies {:?}/{:?}, at {MANY} policies {:?}/{:?} \
             (p50 at most {most:?}), ratio {}.{:02} (at most 1.60): {}",
            few.p50,
            few.p99,
            many.p50,
            many.p99,
            ratio / 100,
            ratio % 100,
            if holds { "holds" } else { "DOES NOT HOLD" },
        )?;
    }
    Ok(fine)
}

/// A realm with so many policies of its own, each for one path.
struct House {
    access: Access,
    paths: usize,
    agent: Subject,
}

impl House {
    fn with(policies: usize) -> Outcome<Self> {
        let access = Access::new(Arc::new(SystemClock::new()), 0)?;
        let text: Vec<String> = (0..policies)
            .map(|n| {
                format!(
                    "@id(\"{n}\") @lifetime_seconds(\"600\")\n\
                     forbid (principal, action in Action::\"Issue\", resource in Path::\"{DOMAIN}/ns/{n}\")\n\
                     when {{ context.score < 20 && resource.path like \"*/admin\" }};\n"
                )
            })
            .collect();
        access.open_with(RealmId::FIRST, &[("own", &text.concat())])?;
        let agent = subject(SubjectKind::Node, "/spire/agent/a", 1)?;
        Ok(Self { access, paths: policies, agent })
    }

    /// A workload that nobody asked for before, each time, below a hundred paths: the sets of their policies are put together at
    /// the first question of each, which counts too.
    fn fresh(&self) -> Outcome<Row> {
        let stride = self.paths / FEW;
        let asks = (0..DECISIONS).map(|n| self.ask(&format!("/ns/{}/w{n}", n % FEW * stride)));
        self.run(asks.collect::<Outcome<Vec<_>>>()?)
    }

    /// The same workload, again and again.
    fn remembered(&self) -> Outcome<Row> {
        self.run((0..DECISIONS).map(|_| self.ask("/ns/7/web")).collect::<Outcome<Vec<_>>>()?)
    }

    fn ask(&self, path: &str) -> Outcome<IssueX509> {
        let now = Timestamp::FOREVER.minus(Lifetime::days(1));
        let evidence = Evidence {
            subject: subject(SubjectKind::Workload, path, 2)?,
            source: EvidenceSource::WorkloadAttestation,
            strength: Strength::Software,
            at: now,
            expires: Timestamp::FOREVER,
            device: None,
            situation: Situation::default(),
        };
        let standing = Standing {
            level: Level::Standard,
            score: Some(BasisPoints::new(7400)),
            confidence: BasisPoints::new(8200),
            ..Standing::unknown()
        };
        let ask = IssueX509::for_holder(RealmId::FIRST, evidence, standing, Lifetime::hours(1));
        Ok(IssueX509 { requester: Some(self.agent.clone()), ..ask })
    }

    fn run(&self, asks: Vec<IssueX509>) -> Outcome<Row> {
        let mut times = Vec::with_capacity(asks.len());
        for ask in asks {
            let from = now();
            let permit = self.access.permit(ask);
            times.push(now().duration_since(from));
            permit?.spend();
        }
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        Ok(Row { p50: at(50), p99: at(99) })
    }
}

fn subject(kind: SubjectKind, path: &str, number: u128) -> Outcome<Subject> {
    let number = SubjectId::new(uuid::Uuid::from_u128(number));
    Ok(Subject { kind, id: SpiffeId::parse(&format!("{DOMAIN}{path}"))?, number })
}

#[expect(clippy::disallowed_methods, reason = "this is what measures time")]
fn now() -> Instant {
    Instant::now()
}

const DOMAIN: &str = "spiffe://example.org";
