//! `weft config check` and `weft config render`.

use std::process::ExitCode;

use super::{SETTINGS_WRONG, refuse, say};
use crate::server::settings::Settings;

/// Every setting with its default and its reason.
pub(super) fn render() -> ExitCode {
    done(say(crate::settings::render::<Settings>().trim_end()))
}

/// The settings were loaded without a mistake.
pub(super) fn check() -> ExitCode {
    done(say("The settings are good."))
}

fn done(said: Result<(), crate::kernel::Failure>) -> ExitCode {
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => refuse(&failure, SETTINGS_WRONG),
    }
}
