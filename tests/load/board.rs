//! Where a change is waited for: whoever expects something hangs a note, whoever sees it happen takes the note down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Outcome;

/// Notes by what they wait for.
#[derive(Debug, Default)]
pub(crate) struct Board {
    notes: Mutex<HashMap<Seen, oneshot::Sender<Instant>>>,
}

/// What can be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Seen {
    /// The SVID of the entry with this id is with its agent.
    Svid(String),
    /// The agent was told that the entry with this id is gone.
    Gone(String),
}

/// Something that is waited for.
#[derive(Debug)]
pub(crate) struct Note {
    of: Seen,
    comes: oneshot::Receiver<Instant>,
}

impl Board {
    /// Hangs a note, before anything is done that could make it happen.
    pub(crate) fn expect(&self, of: Seen) -> Note {
        let (sender, comes) = oneshot::channel();
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(of.clone(), sender);
        Note { of, comes }
    }

    /// It happened, now.
    pub(crate) fn saw(&self, what: &Seen) {
        let note = self.notes.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
        if let Some(note) = note {
            // Whoever has given up does not listen.
            let _heard = note.send(Instant::now());
        }
    }
}

impl Note {
    /// How long after `from` it happened.
    pub(crate) async fn since(self, from: Instant) -> Outcome<Duration> {
        let at = tokio::time::timeout(PATIENCE, self.comes).await;
        let at = at.map_err(|_| format!("{:?} did not come within {PATIENCE:?}", self.of))??;
        Ok(at.saturating_duration_since(from))
    }
}

/// Far beyond every target: whoever waits so long waits in vain.
const PATIENCE: Duration = Duration::from_secs(30);
