//! The settings in force, and a reload that takes a new file whole or not at all.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::load::{Refused, Sources, load};
use super::section::Setting;

/// The settings in force. Cheap to clone; clones share them.
#[derive(Debug)]
pub struct Current<T> {
    sources: Arc<Sources>,
    value: watch::Sender<Arc<T>>,
}

/// Why a reload changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// The new settings have mistakes.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// These keys take a restart.
    #[error("nothing was reloaded, because {} need{} a restart", keys(.0), if .0.len() == 1 { "s" } else { "" })]
    Restart(Vec<String>),
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self { sources: Arc::clone(&self.sources), value: self.value.clone() }
    }
}

impl<T: Setting + Default + DeserializeOwned + fmt::Debug> Current<T> {
    /// Loads them for the first time.
    pub fn load(sources: Sources) -> Result<Self, Refused> {
        let value = load::<T>(&sources)?;
        Ok(Self { sources: Arc::new(sources), value: watch::Sender::new(Arc::new(value)) })
    }

    /// As they are now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.borrow())
    }

    /// To be told when they change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<T>> {
        self.value.subscribe()
    }

    /// Loads again from the same places. All that changed is taken and named, or nothing is.
    pub fn reload(&self) -> Result<Vec<String>, ReloadError> {
        let new = load::<T>(&self.sources)?;
        let mut changes = Vec::new();
        self.get().changed(&new, "", false, &mut changes);
        let (live, fixed): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.live);
        if !fixed.is_empty() {
            return Err(ReloadError::Restart(fixed.into_iter().map(|change| change.key).collect()));
        }
        if !live.is_empty() {
            self.value.send_replace(Arc::new(new));
        }
        Ok(live.into_iter().map(|change| change.key).collect())
    }
}

fn keys(keys: &[String]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
