//! Take a report of a device: read, weigh against what is known, write, and only then answer.
//!
//! A report that says what the one before said is a plain write; one that says something else, or moves the level, is a change
//! of the log with its event. Which of the two it is, memory guesses and the transaction decides.

use std::sync::Arc;

use bytes::Bytes;

use crate::crypto::digest::sha256;
use crate::db::Tx;
use crate::devices::Device;
use crate::events::{Changed, Event, Unrecorded};
use crate::kernel::{Caller, Fault, Granted, RealmId, Timestamp};

use super::hold::{Step, step};
use super::inflate::inflate;
use super::model::{Charted, POSTURE, events};
use super::scoring::{Class, Held, REPORT_BYTES_MAX, Reading, ReportError, Score, read, score};
use super::words::Current;
use super::{Error, Known, Posture, store};

/// A report as it came.
#[derive(Debug, Clone)]
pub struct Sent {
    /// True if it is packed (RFC 1952).
    pub gzip: bool,
    /// What came.
    pub bytes: Bytes,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is what is known of the device from now on.
    Taken,
    /// It was taken before.
    Known,
    /// A later one is held: this one counts nothing.
    Older,
}

/// A report that was answered.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What became of it.
    pub outcome: Outcome,
    /// What is known of the device now.
    pub known: Arc<Known>,
    /// Its score now.
    pub score: Score,
}

/// A report that was read, and everything that weighing it needs: the transaction may run again.
#[derive(Debug, Clone)]
struct Ask {
    device: Arc<Device>,
    /// As it would be held; the level is not known yet.
    new: Known,
    readings: String,
    text: String,
    memory: Option<Arc<Known>>,
    current: Arc<Current>,
    now: Timestamp,
}

/// What a transaction did.
enum Kept {
    Done(Outcome, Known),
    /// Nothing: others must hear of it, or somebody else wrote meanwhile.
    Again,
}

impl Posture {
    /// Takes a report of the device that calls.
    pub async fn take(&self, caller: &Caller, sent: Sent) -> Result<Taken, Error> {
        let (realm, device, _) = self.inner.below.devices.calling(caller).await?;
        // The door asked a moment ago; it may have been locked since.
        device.state.check()?;
        let now = self.inner.env.clock.now();
        match self.read(Arc::clone(&device), &sent, now) {
            Ok(ask) => self.keep(realm, ask).await,
            Err(error) => {
                metrics::counter!("weft_posture_reports_refused_total").increment(1);
                if self.inner.refusals.due(device.id, now) {
                    let event = events::report_refused(realm, &device, &error.to_string());
                    self.inner.below.events.record(Unrecorded::new((), event)).await?;
                }
                Err(error)
            }
        }
    }

    fn read(&self, device: Arc<Device>, sent: &Sent, now: Timestamp) -> Result<Ask, Error> {
        let inflated = if sent.gzip { Some(inflate(&sent.bytes)?) } else { None };
        let bytes = inflated.as_deref().unwrap_or(&sent.bytes);
        if bytes.len() > REPORT_BYTES_MAX {
            return Err(ReportError::TooLarge(bytes.len()).into());
        }
        let (report, mut readings) = read(bytes, now)?;
        let (current, digest) = (self.current(), sha256(bytes));
        let evidence = store::evidence(&digest);
        for reading in &mut readings {
            // What a device says of its own class and time is believed only where it makes less of its word.
            reading.class = reading.class.min(SOFTWARE_KEY);
            reading.at = reading.at.min(now);
            reading.evidence = Arc::clone(&evidence);
        }
        readings.sort_by(|a, b| a.signal.cmp(&b.signal));
        let written = store::write_readings(&readings);
        let named = |reading: Reading| {
            Some(Reading { signal: current.known_name(&reading.signal)?, ..reading })
        };
        let new = Known {
            device: device.id,
            collected_at: report.collected_at.0,
            received_at: now,
            digest,
            came_as: SOFTWARE_KEY,
            laptop: report.facts.get("chassis").is_some_and(|kind| kind == "laptop"),
            readings: readings.into_iter().filter_map(named).collect(),
            held: Held::new(),
            charted_at: Timestamp::EPOCH,
        };
        let text =
            serde_json::to_string(&report).map_err(|error| ReportError::Form(error.to_string()))?;
        Ok(Ask { device, new, readings: written, text, memory: None, current, now })
    }

    async fn keep(&self, realm: RealmId, mut ask: Ask) -> Result<Taken, Error> {
        for turn in 0..TURNS_MAX {
            ask.memory = self.inner.index.find(ask.new.device);
            let quiet = turn == 0 && ask.guess();
            let kept = if quiet {
                self.inner
                    .env
                    .db
                    .write(realm, ask.clone(), |tx, ask| Box::pin(write(tx, ask)))
                    .await?
            } else {
                self.change(realm, ask.clone()).await?
            };
            if let Kept::Done(outcome, known) = kept {
                self.inner.index.put(realm, known.clone());
                metrics::counter!("weft_posture_reports_total").increment(1);
                return ask.answer(outcome, known);
            }
        }
        Err(Error::Busy)
    }

    async fn change(&self, realm: RealmId, ask: Ask) -> Result<Kept, Error> {
        let granted = Granted::to_server("TakeReport");
        self.inner
            .below
            .events
            .change_in(realm, granted, ask, |tx, ask| {
                Box::pin(async move {
                    let (value, event) = weigh(tx, ask, true).await?;
                    let key = ask.new.device.to_string();
                    let changes = event.map(|event| (POSTURE, key, event)).into_iter().collect();
                    Ok::<_, Error>(Changed { value, changes, rights: false })
                })
            })
            .await
    }
}

impl Ask {
    fn step(&self, before: Option<&Known>) -> Result<Step, Fault> {
        let profile = self.current.profile(Some(&self.device), &self.new)?;
        Ok(step((profile, self.current.model.levels), before, &self.new, self.now))
    }

    /// True if nobody else needs to hear of it, as far as memory knows.
    fn guess(&self) -> bool {
        let step = self.memory.as_deref().map(|memory| self.step(Some(memory)));
        step.is_some_and(|step| !matches!(step, Ok(Step::Newest { news: true, .. }) | Err(_)))
    }

    fn answer(&self, outcome: Outcome, known: Known) -> Result<Taken, Error> {
        let profile = self.current.profile(Some(&self.device), &known)?;
        let score = score(profile, &known.readings, self.now);
        Ok(Taken { outcome, known: Arc::new(known), score })
    }
}

async fn write(tx: &mut Tx, ask: &Ask) -> Result<Kept, Error> {
    Ok(weigh(tx, ask, false).await?.0)
}

/// The one body of both: weighs the report against the row, and writes it where it is the newest. `loud`: others may hear of it.
async fn weigh(tx: &mut Tx, ask: &Ask, loud: bool) -> Result<(Kept, Option<Event>), Error> {
    let id = ask.new.device;
    let before = match (store::held(tx, id).await?, &ask.memory) {
        (None, _) => None,
        // Reading less is what makes a quiet report cheap.
        (Some(digest), Some(memory)) if memory.digest == digest => Some(Known::clone(memory)),
        (Some(_), _) => store::known(tx, id, &ask.current).await?,
    };
    let (known, from, news, scored) = match (ask.step(before.as_ref())?, before.clone()) {
        (Step::Newest { known, from, news, score }, _) => (known, from, news, score),
        (Step::Same, Some(held)) => return Ok((Kept::Done(Outcome::Known, held), None)),
        (Step::Older, Some(held)) => return Ok((Kept::Done(Outcome::Older, held), None)),
        (Step::Same | Step::Older, None) => return Ok((Kept::Again, None)),
    };
    if news && !loud {
        return Ok((Kept::Again, None));
    }
    let row = (&known, ask.readings.as_str(), ask.text.as_str());
    if !store::put(tx, row, before.as_ref().map(|before| before.digest)).await? {
        return Ok((Kept::Again, None));
    }
    if before.is_none_or(|before| before.charted_at != known.charted_at) {
        let point = Charted { at: ask.now, score: scored.score, level: known.held.level };
        store::chart(tx, id, point).await?;
    }
    let event = news.then(|| {
        let (realm, device) = (tx.realm(), &*ask.device);
        if from == known.held.level {
            events::signals_changed(realm, device, &known, &scored)
        } else {
            events::level_changed(realm, device, (from, &known), (&scored, &ask.current.name))
        }
    });
    Ok((Kept::Done(Outcome::Taken, known), event))
}

/// A device's key is in a file: whoever copies it may say what it says.
const SOFTWARE_KEY: Class = Class::BearerAgent;
/// The first is a guess; each further one means that another report came between.
const TURNS_MAX: usize = 6;
