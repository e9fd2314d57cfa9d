//! Take a report of a device, from its own collector or from another source: read, weigh against what is known, write, and
//! only then answer.
//!
//! A report that says what the one before said is a plain write; one that says something else, or moves the level, is a change
//! of the log with its event. Which of the two it is, memory guesses and the transaction decides.

use std::sync::Arc;

use bytes::Bytes;

use crate::crypto::digest::sha256;
use crate::db::Tx;
use crate::devices::Device;
use crate::events::{Changed, Event, Unrecorded};
use crate::kernel::{Caller, DeviceId, Fault, Granted, RealmId, Timestamp};
use crate::wire::posture::Report;

use super::add_words::added;
use super::hold::{Step, step};
use super::inflate::inflate;
use super::keep_worse::{after, beside};
use super::model::{Charted, POSTURE, SOURCES_MAX, events};
use super::scoring::{
    LATE_MAX, REPORT_BYTES_MAX, Reading, ReportError, Score, read, readings, score,
};
use super::words::Current;
use super::{Error, Known, Posture, Said, Source, store};

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
    /// A later one is held, and this one says nothing worse: it counts nothing.
    Older,
}

/// A report that was answered.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What became of it.
    pub outcome: Outcome,
    /// What is known of the device now.
    pub known: Arc<Known>,
    /// What its source says of it now.
    pub said: Said,
    /// Its score now.
    pub score: Score,
    /// The model that made it: name, version and digest.
    pub model: Arc<str>,
}

/// A report that was read, and everything that weighing it needs: the transaction may run again.
#[derive(Debug, Clone)]
struct Ask {
    device: Arc<Device>,
    source: Source,
    report: Arc<Report>,
    /// As it would be held; of a source that adds to its word, only where it said nothing before.
    alone: Arc<Spoken>,
    memory: Option<Arc<Known>>,
    current: Arc<Current>,
    now: Timestamp,
}

/// What a source says, as a row has it.
#[derive(Debug)]
struct Spoken {
    said: Said,
    /// Those too that the model does not count.
    readings: Vec<Reading>,
    text: Arc<str>,
}

/// What a transaction did.
enum Kept {
    Done(Outcome, Known, Arc<Current>),
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
        let ask = self.read((realm, Arc::clone(&device)), &sent, now);
        self.taken(realm, device.id, ask).await
    }

    /// Takes what another source says of a device. Whoever calls has made sure that this source may speak for this device.
    pub async fn hear(
        &self,
        realm: RealmId,
        device: Arc<Device>,
        (source, report): (Source, Report),
    ) -> Result<Taken, Error> {
        device.state.check()?;
        let (id, now) = (device.id, self.inner.env.clock.now());
        let ask = self.asked((realm, device), (source, report), (None, now));
        self.taken(realm, id, ask).await
    }

    /// Keeps what could be read, and records what could not, once a minute for each device.
    async fn taken(
        &self,
        realm: RealmId,
        device: DeviceId,
        ask: Result<Ask, Error>,
    ) -> Result<Taken, Error> {
        let refused = match ask {
            Ok(ask) => return self.keep(realm, ask).await,
            Err(error) => error,
        };
        self.note_refusal(realm, device, &refused.to_string()).await?;
        Err(refused)
    }

    /// Records that something said of a device was not taken, once a minute for each.
    pub async fn note_refusal(
        &self,
        realm: RealmId,
        device: DeviceId,
        why: &str,
    ) -> Result<(), Error> {
        metrics::counter!("weft_posture_reports_refused_total").increment(1);
        let known = self.inner.below.devices.device(realm, device);
        let due = self.inner.refusals.due(device, self.inner.env.clock.now());
        if let Some(device) = known.filter(|_| due) {
            let event = events::report_refused(realm, &device, why);
            self.inner.below.events.record(Unrecorded::new((), event)).await?;
        }
        Ok(())
    }

    fn read(
        &self,
        device: (RealmId, Arc<Device>),
        sent: &Sent,
        now: Timestamp,
    ) -> Result<Ask, Error> {
        let inflated = if sent.gzip { Some(inflate(&sent.bytes, REPORT_BYTES_MAX)?) } else { None };
        let bytes = inflated.as_deref().unwrap_or(&sent.bytes);
        if bytes.len() > REPORT_BYTES_MAX {
            return Err(ReportError::TooLarge(bytes.len()).into());
        }
        let (report, _) = read(bytes, now)?;
        let made = report.collected_at.0;
        if made.plus(LATE_MAX) < now {
            return Err(ReportError::Past { made, now }.into());
        }
        self.asked(device, (Source::Collector, report), (Some(sha256(bytes)), now))
    }

    fn asked(
        &self,
        (realm, device): (RealmId, Arc<Device>),
        (source, report): (Source, Report),
        (digest, now): (Option<[u8; 32]>, Timestamp),
    ) -> Result<Ask, Error> {
        let current = self.current(realm);
        let alone = Arc::new(Spoken::new(&current, (&source, &report), (digest, now))?);
        Ok(Ask { device, source, report: Arc::new(report), alone, memory: None, current, now })
    }

    async fn keep(&self, realm: RealmId, mut ask: Ask) -> Result<Taken, Error> {
        for turn in 0..TURNS_MAX {
            ask.memory = self.inner.index.find(ask.device.id);
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
            if let Kept::Done(outcome, known, current) = kept {
                if !self.inner.index.put(realm, &current, known.clone()) {
                    // Another model counts by now, or memory has not heard of it yet.
                    self.confirmed(realm, ask.device.id).await?;
                }
                metrics::counter!("weft_posture_reports_total").increment(1);
                ask.current = current;
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
                    let key = ask.device.id.to_string();
                    let changes = event.map(|event| (POSTURE, key, event)).into_iter().collect();
                    Ok::<_, Error>(Changed { value, changes, rights: false })
                })
            })
            .await
    }
}

impl Spoken {
    /// A report as it would be held. `digest` is of the bytes that came, where there are any.
    fn new(
        current: &Current,
        (source, report): (&Source, &Report),
        (digest, now): (Option<[u8; 32]>, Timestamp),
    ) -> Result<Self, Error> {
        let text =
            serde_json::to_string(report).map_err(|error| ReportError::Form(error.to_string()))?;
        let digest = digest.unwrap_or_else(|| sha256(text.as_bytes()));
        let evidence = store::evidence(source, &digest);
        let mut readings = readings(report, &evidence, now)?;
        for reading in &mut readings {
            // What a source says of its own class and time is believed only where it makes less of its word.
            reading.class = reading.class.min(source.class());
            reading.at = reading.at.min(now);
        }
        readings.sort_by(|a, b| a.signal.cmp(&b.signal));
        let said = Said {
            source: source.clone(),
            collected_at: report.collected_at.0,
            received_at: now,
            digest,
            evidence,
            came_as: source.class(),
            laptop: report.facts.get("chassis").is_some_and(|kind| kind == "laptop"),
            readings: Arc::from([]),
        };
        Ok(Self { said, readings: Vec::new(), text: text.into() }.with(current, readings))
    }

    /// The same with these readings.
    fn with(&self, current: &Current, readings: Vec<Reading>) -> Self {
        let evidence = store::evidence(&self.said.source, &self.said.digest);
        let counts = |reading: &Reading| {
            let (signal, evidence) = (current.known_name(&reading.signal)?, Arc::clone(&evidence));
            Some(Reading { signal, evidence, ..reading.clone() })
        };
        let said =
            Said { readings: readings.iter().filter_map(counts).collect(), ..self.said.clone() };
        Self { said, readings, text: Arc::clone(&self.text) }
    }

    /// The same, with what it does not take back of what its source is held to have said; nothing where it leaves that as it
    /// is, because it was made before.
    fn beside(self: &Arc<Self>, current: &Current, held: &Said) -> Option<Arc<Self>> {
        let model = &current.model;
        if self.said.digest == held.digest {
            return Some(Arc::clone(self));
        }
        if self.said.source.adds() || self.said.collected_at > held.collected_at {
            let readings = after(model, &held.readings, &self.readings);
            return Some(Arc::new(self.with(current, readings)));
        }
        let mut spoken = self.with(current, beside(model, &held.readings, &self.said.readings)?);
        // What says something worse comes later, wherever the two are compared.
        let after = held.collected_at.micros().saturating_add(1);
        spoken.said.collected_at = Timestamp::from_micros(after);
        Some(Arc::new(spoken))
    }
}

impl Ask {
    /// The same under another model.
    fn under(&self, current: Arc<Current>) -> Result<Self, Error> {
        let from = (Some(self.alone.said.digest), self.now);
        let alone = Arc::new(Spoken::new(&current, (&self.source, &self.report), from)?);
        Ok(Self { alone, current, ..self.clone() })
    }

    fn step(&self, before: Option<&Known>, new: &Said) -> Result<Step, Fault> {
        step((&self.current, &self.device), before, new, self.now)
    }

    /// True if nobody else needs to hear of it, as far as memory knows. What adds to an earlier word is weighed with that.
    fn guess(&self) -> bool {
        let memory = self.memory.as_deref();
        if self.source.adds() {
            return memory.is_some_and(|memory| memory.of(&self.source).is_some());
        }
        let step = memory.and_then(|memory| {
            let spoken = match memory.of(&self.source) {
                Some(held) => self.alone.beside(&self.current, held)?,
                None => Arc::clone(&self.alone),
            };
            Some(self.step(Some(memory), &spoken.said))
        });
        memory.is_some()
            && step.is_none_or(|step| !matches!(step, Ok(Step::Newest { news: true, .. }) | Err(_)))
    }

    /// As it would be held, where its source is held to have said `before`; nothing where it says nothing that is newer.
    async fn spoken(
        &self,
        tx: &mut Tx,
        before: Option<&Said>,
    ) -> Result<Option<Arc<Spoken>>, Error> {
        let Some(before) = before else { return Ok(Some(Arc::clone(&self.alone))) };
        if !self.source.adds() {
            return Ok(self.alone.beside(&self.current, before));
        }
        let Some(words) = store::words_of(tx, self.device.id, &self.source).await? else {
            return Ok(None);
        };
        let Some(report) = added(&words, &self.report) else { return Ok(None) };
        let mut spoken = Spoken::new(&self.current, (&self.source, &report), (None, self.now))?;
        // Clocks of replicas differ; what holds more comes later all the same.
        let after = Timestamp::from_micros(before.received_at.micros().saturating_add(1));
        spoken.said.received_at = self.now.max(after);
        Ok(Arc::new(spoken).beside(&self.current, before))
    }

    fn answer(&self, outcome: Outcome, known: Known) -> Result<Taken, Error> {
        let profile = self.current.profile(Some(&self.device), &known)?;
        let score = score(profile, &known.readings(profile, self.now), self.now);
        let said = known.of(&self.source).cloned().unwrap_or_else(|| self.alone.said.clone());
        let model = Arc::clone(&self.current.name);
        Ok(Taken { outcome, known: Arc::new(known), said, score, model })
    }
}

async fn write(tx: &mut Tx, ask: &Ask) -> Result<Kept, Error> {
    Ok(weigh(tx, ask, false).await?.0)
}

/// The one body of both: weighs the report against the rows, and writes it where it is the newest of its source. `loud`:
/// others may hear of it, so it is weighed by the model that counts as of this very change.
async fn weigh(tx: &mut Tx, ask: &Ask, loud: bool) -> Result<(Kept, Option<Event>), Error> {
    if loud {
        let current = store::current(tx, &ask.current).await?;
        if !Arc::ptr_eq(&current, &ask.current) {
            return weighed(tx, &ask.under(current)?, loud).await;
        }
    }
    weighed(tx, ask, loud).await
}

async fn weighed(tx: &mut Tx, ask: &Ask, loud: bool) -> Result<(Kept, Option<Event>), Error> {
    let done = |outcome, known| Kept::Done(outcome, known, Arc::clone(&ask.current));
    let before = before(tx, ask, loud).await?;
    let replaced = before.as_ref().and_then(|before| before.of(&ask.source));
    let Some(spoken) = ask.spoken(tx, replaced).await? else {
        return Ok((before.map_or(Kept::Again, |held| done(Outcome::Older, held)), None));
    };
    let (known, from, news, scored) = match (ask.step(before.as_ref(), &spoken.said)?, &before) {
        (Step::Newest { known, from, news, score }, _) => (known, from, news, score),
        (Step::Same, Some(held)) => return Ok((done(Outcome::Known, held.clone()), None)),
        (Step::Older, Some(held)) => return Ok((done(Outcome::Older, held.clone()), None)),
        (Step::Same | Step::Older, None) => return Ok((Kept::Again, None)),
    };
    if news && !loud {
        return Ok((Kept::Again, None));
    }
    if known.said.len() > SOURCES_MAX {
        return Err(Error::Sources);
    }
    let readings = store::write_readings(&spoken.readings);
    let row = (&spoken.said, readings.as_str(), &*spoken.text);
    if !store::put_said(tx, known.device, row, replaced.map(|replaced| replaced.digest)).await? {
        return Ok((Kept::Again, None));
    }
    if news {
        store::put_state(tx, &known).await?;
    }
    if before.is_none_or(|before| before.charted_at != known.charted_at) {
        let point = Charted { at: ask.now, score: scored.score, level: known.held.level };
        store::chart(tx, known.device, point).await?;
    }
    let event = news.then(|| {
        let (realm, device) = (tx.realm(), &*ask.device);
        let facts = (&scored, &*ask.current.name);
        if from == known.held.level {
            events::signals_changed(realm, device, &spoken.said, facts)
        } else {
            events::level_changed(realm, device, (from, &known, &spoken.said), facts)
        }
    });
    Ok((done(Outcome::Taken, known), event))
}

/// What is known of the device before the report. Reading less is what makes a quiet report cheap: where memory has this
/// source's newest word, it says enough of the others too to tell whether anybody needs to hear.
async fn before(tx: &mut Tx, ask: &Ask, loud: bool) -> Result<Option<Known>, Fault> {
    let id = ask.device.id;
    if let Some(memory) = ask.memory.as_deref().filter(|_| !loud) {
        let held = store::held(tx, id, &ask.source).await?;
        if held.is_some() && memory.of(&ask.source).map(|said| said.digest) == held {
            return Ok(Some(memory.clone()));
        }
    }
    store::known(tx, id, &ask.current).await
}

/// The first is a guess; each further one means that another report came between.
const TURNS_MAX: usize = 6;
