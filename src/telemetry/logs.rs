//! The log: structured lines on standard error, with a level that changes at run time.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::{EnvFilter, Registry};

use super::settings::{LogFormat, Settings};
use crate::kernel::{Failure, Fault, Kind};

/// The running log. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    filter: Arc<Handle<EnvFilter, Registry>>,
}

impl Logs {
    /// Starts the log of this process, on standard error. Once; a second start is an error.
    pub fn start(settings: &Settings) -> Result<Self, Failure> {
        let (logs, subscriber) = Self::build(settings, std::io::stderr)?;
        tracing::subscriber::set_global_default(subscriber).map_err(Fault::bug)?;
        Ok(logs)
    }

    /// The log with another output, to be set by the caller.
    pub fn build<W>(
        settings: &Settings,
        writer: W,
    ) -> Result<(Self, Box<dyn Subscriber + Send + Sync>), Failure>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let (filter, handle) = reload::Layer::new(filter(&settings.level).map_err(refused)?);
        let registry = tracing_subscriber::registry().with(filter);
        let lines = tracing_subscriber::fmt::layer().with_writer(writer);
        let subscriber: Box<dyn Subscriber + Send + Sync> = match settings.format {
            // Fields of the event at the top; those of the request's span in `span`.
            LogFormat::Json => {
                Box::new(registry.with(lines.json().flatten_event(true).with_span_list(false)))
            }
            // Colours only get in the way of journals and pipes.
            LogFormat::Text => Box::new(registry.with(lines.with_ansi(false))),
        };
        Ok((Self { filter: Arc::new(handle) }, subscriber))
    }

    /// Changes what is written, from the next line on.
    pub fn set_level(&self, level: &str) -> Result<(), Failure> {
        let filter = filter(level).map_err(refused)?;
        self.filter.reload(filter).map_err(|error| Failure::from(Fault::bug(error)))
    }
}

/// Reads what shall be written; or says what it should look like.
pub(super) fn filter(level: &str) -> Result<EnvFilter, String> {
    let wrong = |why: &dyn fmt::Display| {
        format!(
            "`{level}` is neither a level (`error`, `warn`, `info`, `debug`, `trace`) nor a list such as \
             `info,weft::http=debug`: {why}"
        )
    };
    // The library takes any word for the name of a part, all of whose lines are written: a misspelt level would silence us.
    let is_level = |part: &str| !part.is_empty() && LevelFilter::from_str(part).is_ok();
    let mut parts = level.split(',').map(str::trim);
    if let Some(part) = parts.find(|part| !part.contains('=') && !is_level(part)) {
        return Err(wrong(&format_args!("`{part}` is no level")));
    }
    EnvFilter::try_new(level).map_err(|error| wrong(&error))
}

fn refused(words: String) -> Failure {
    Failure::new(Kind::Invalid, "log.level", words)
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.filter.with_current(ToString::to_string).unwrap_or_default();
        f.debug_struct("Logs").field("level", &level).finish()
    }
}
