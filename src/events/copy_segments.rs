//! Copies the local ledger into the database, and lets segments go. A normal day and the day after an outage are the same
//! path: whatever segments there are, of this start or earlier ones, oldest first, from where the last run stopped.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::db::{Engine, Tx};
use crate::kernel::{Fault, RealmId};

use super::ledger::{Ledger, Segment};
use super::model::{Fact, Stream};
use super::segment::{self, Chunk, Span};
use super::{Events, Sink, store};

/// How far the copier came. Lost with the process: what is copied twice is found to be there.
#[derive(Debug, Default)]
pub(super) struct Copying {
    places: HashMap<PathBuf, Place>,
    /// The number that the next segment of a stream must begin with.
    next: HashMap<Stream, u64>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    from: u64,
    next: u64,
    damaged: bool,
}

/// One transaction's worth.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) engine: Engine,
    pub(super) stream: Stream,
    pub(super) facts: Vec<Fact>,
}

impl Events {
    /// Copies everything that is durable here and not known to be in the database; gives how many facts were new there.
    /// When the database is away, segments stay, and the next call goes on. Only one call works at a time.
    pub async fn copy(&self) -> Result<u64, Fault> {
        let Sink::Disk(ledger) = &self.inner.sink else { return Ok(0) };
        let mut copying = self.inner.copying.lock().await;
        for path in ledger.take_damaged() {
            self.alarm(Stream::DB, &format!("the header of `{}` is unreadable", path.display()));
        }
        let mut copied = 0;
        let mut outcome = Ok(());
        for segment in ledger.segments() {
            outcome = self.copy_segment(ledger, &segment, &mut copying, &mut copied).await;
            if outcome.is_err() {
                break;
            }
        }
        metrics::counter!("weft_ledger_copied_total").increment(copied);
        self.measure(ledger, &copying);
        outcome.map(|()| copied)
    }

    async fn copy_segment(
        &self,
        ledger: &Ledger,
        segment: &Segment,
        copying: &mut Copying,
        copied: &mut u64,
    ) -> Result<(), Fault> {
        let mut span = segment.span();
        let mut place = self.place(segment, &span, copying);
        (span.from, span.next) = (place.from, place.next);
        while span.from < span.until || !span.durable {
            let chunk = read(&span).await?;
            *copied += self.insert(span.stream, chunk.facts).await?;
            for damage in &chunk.damage {
                self.alarm(span.stream, damage);
            }
            place = Place {
                from: chunk.from,
                next: chunk.next,
                damaged: place.damaged || !chunk.damage.is_empty(),
            };
            (span.from, span.next) = (place.from, place.next);
            copying.places.insert(span.path.clone(), place);
            copying.next.insert(span.stream, span.next);
            if chunk.ended {
                break;
            }
        }
        if !segment.open {
            ledger.release(&segment.path, place.damaged);
            copying.places.remove(&segment.path);
        }
        Ok(())
    }

    /// Where to go on in a segment; one seen for the first time must begin where its stream stopped.
    fn place(&self, segment: &Segment, span: &Span, copying: &mut Copying) -> Place {
        if let Some(place) = copying.places.get(&segment.path) {
            return *place;
        }
        let place = Place { from: span.from, next: span.next, damaged: false };
        copying.places.insert(segment.path.clone(), place);
        if let Some(expected) =
            copying.next.get(&segment.stream).filter(|next| **next != segment.first)
        {
            let last = segment.first.saturating_sub(1);
            self.alarm(segment.stream, &format!("records {expected} to {last} are missing"));
        }
        place
    }

    /// Inserts facts of one stream, a transaction for each realm; gives how many were new.
    async fn insert(&self, stream: Stream, facts: Vec<Fact>) -> Result<u64, Fault> {
        let mut realms: BTreeMap<RealmId, Vec<Fact>> = BTreeMap::new();
        for fact in facts {
            realms.entry(fact.realm).or_default().push(fact);
        }
        let mut inserted = 0;
        for (realm, facts) in realms {
            let db = &self.inner.background;
            let batch = Batch { engine: db.engine(), stream, facts };
            let (new, differing) =
                db.write(realm, batch, |tx, batch| Box::pin(insert(tx, batch))).await?;
            inserted += new;
            for n in differing {
                self.alarm(stream, &format!("the database has something else as record {n}"));
            }
        }
        Ok(inserted)
    }

    fn measure(&self, ledger: &Ledger, copying: &Copying) {
        let left = |segment: Segment| {
            let from =
                copying.places.get(&segment.path).map_or(segment.span().from, |place| place.from);
            segment.until.saturating_sub(from)
        };
        let backlog: u64 = ledger.segments().into_iter().map(left).sum();
        self.inner.backlog.store(backlog, Ordering::Relaxed);
        let gauge =
            |bytes: u64| u32::try_from(bytes / 1024).map_or(f64::INFINITY, f64::from) * 1024.0;
        metrics::gauge!("weft_ledger_backlog_bytes").set(gauge(backlog));
        metrics::gauge!("weft_ledger_allocated_bytes").set(gauge(ledger.allocated()));
    }
}

/// Inserts a batch; gives how many facts were new, and the numbers under which the database has something else.
pub(super) async fn insert(tx: &mut Tx, batch: &Batch) -> Result<(u64, Vec<u64>), Fault> {
    let Batch { engine, stream, facts } = batch;
    let new = store::insert(tx, *engine, *stream, facts).await?;
    let all = u64::try_from(facts.len()).unwrap_or(u64::MAX);
    let differing =
        if new == all { Vec::new() } else { store::differing(tx, *stream, facts).await? };
    Ok((new, differing))
}

async fn read(span: &Span) -> Result<Chunk, Fault> {
    let span = span.clone();
    let reading = tokio::task::spawn_blocking(move || segment::read(&span));
    reading.await.map_err(Fault::bug)?
}
