//! Records facts: seals them, makes them durable, and only then gives out what they tell of.

use std::collections::HashMap;

use crate::kernel::{Fault, Timestamp};

use super::keys::{KeyOwner, Slot, Unsealed};
use super::model::{Error, Event, Header, Sealed, Unrecorded};
use super::{Events, Sink, frame};

impl Events {
    /// Makes the event durable, then gives the value out: the only way to what was issued. On any error nothing may be
    /// handed out; `Kind::Unavailable` when the ledger is full or broken.
    pub async fn record<T>(&self, item: Unrecorded<T>) -> Result<T, Error> {
        let Unrecorded { value, event } = item;
        self.append(std::slice::from_ref(&event)).await?;
        Ok(value)
    }

    /// Makes all events durable in one append, then gives the values out in order.
    pub async fn record_all<T>(&self, items: Vec<Unrecorded<T>>) -> Result<Vec<T>, Error> {
        let (values, events): (Vec<T>, Vec<Event>) =
            items.into_iter().map(|Unrecorded { value, event }| (value, event)).unzip();
        self.append(&events).await?;
        Ok(values)
    }

    /// Seals an event's body for the change log (`Tx::changed`). Pure CPU; no database. `Kind::Unavailable` when a key it
    /// needs is not in memory: the realm's and the day's always are, once `load` ran.
    pub fn seal(&self, event: &Event) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        let now = self.inner.env.clock.now();
        match self.inner.keys.seal(event, now, &HashMap::new(), &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(Unsealed::Fault(fault)) => Err(fault.into()),
            Err(Unsealed::Missing(owner)) => {
                Err(Fault::away("event key", format_args!("`{}` is not in memory", owner.text()))
                    .into())
            }
        }
    }

    async fn append(&self, events: &[Event]) -> Result<(), Fault> {
        if events.is_empty() {
            return Ok(());
        }
        #[cfg(feature = "testkit")]
        if self.inner.nothing.load(std::sync::atomic::Ordering::Relaxed) {
            return Ok(());
        }
        let now = self.inner.env.clock.now();
        match &self.inner.sink {
            Sink::Disk(ledger) => {
                let mut records = Vec::with_capacity(USUAL_BYTES * events.len());
                for event in events {
                    self.push(event, now, &mut records).await?;
                }
                ledger.append(records).await
            }
            Sink::Database(inserter) => {
                let mut facts = Vec::with_capacity(events.len());
                for event in events {
                    facts.push((event.realm, self.sealed(event, now).await?));
                }
                inserter.append(&self.inner.background, facts).await
            }
        }
    }

    /// Writes the event's record straight into the append; a key that is not in memory is fetched first.
    async fn push(&self, event: &Event, now: Timestamp, out: &mut Vec<u8>) -> Result<(), Fault> {
        let none = HashMap::new();
        for _ in 0..KEYS_OF_AN_EVENT_MAX {
            let sealed =
                frame::push(out, event.realm, |out| self.inner.keys.seal(event, now, &none, out));
            match sealed {
                Ok(()) => return Ok(()),
                Err(Unsealed::Fault(fault)) => return Err(fault),
                Err(Unsealed::Missing(owner)) => self.fetch_key(event.realm, owner).await?,
            }
        }
        Err(Fault::bug("the keys of an event do not stay in memory"))
    }

    async fn sealed(&self, event: &Event, now: Timestamp) -> Result<Sealed, Fault> {
        let none = HashMap::new();
        for _ in 0..KEYS_OF_AN_EVENT_MAX {
            match self.seal_apart(event, now, &none) {
                Ok(sealed) => return Ok(sealed),
                Err(Unsealed::Fault(fault)) => return Err(fault),
                Err(Unsealed::Missing(owner)) => self.fetch_key(event.realm, owner).await?,
            }
        }
        Err(Fault::bug("the keys of an event do not stay in memory"))
    }

    /// Header and sealed body apart, as rows have them.
    pub(super) fn seal_apart(
        &self,
        event: &Event,
        now: Timestamp,
        extra: &HashMap<KeyOwner, Slot>,
    ) -> Result<Sealed, Unsealed> {
        let header = Header {
            time: now,
            kind: event.kind.to_owned(),
            subject: event.subject,
            actor: event.actor,
        };
        let mut body = Vec::with_capacity(USUAL_BYTES);
        self.inner.keys.seal_body(event, &header.head(), extra, &mut body)?;
        Ok(Sealed { header, body })
    }
}

/// Most events are smaller.
const USUAL_BYTES: usize = 1024;
/// Two owners, each of whom may turn out to be erased and be replaced by the day.
pub(super) const KEYS_OF_AN_EVENT_MAX: usize = 5;
