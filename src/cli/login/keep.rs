//! `weft login --keep`: renews in the foreground for as long as the session lives, and says plainly when it ended.

use std::sync::Arc;

use super::super::error::Error;
use super::super::print::Printer;
use super::held::Held;
use super::kept::Place;
use super::{Wish, svid};
use crate::env::Clock;
use crate::kernel::{Lifetime, Timestamp};

/// Returns when the session has ended, or something stands in the way that waiting does not mend.
pub(super) async fn run(
    place: &Place,
    wish: &Wish,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    print.note("Renewing it from here on; interrupt to stop (you stay signed in).")?;
    let mut told = String::new();
    loop {
        let pause = match round(place, wish, (print, &clock)).await {
            Ok(due) => {
                told.clear();
                due.since(clock.now()).capped_by(LOOK_AGAIN)
            }
            Err(Error::Unreachable { what, .. }) => {
                // The same loss is told once, not every few seconds.
                if what != told {
                    print.note(&format!("{}: {what}; trying again", clock.now()))?;
                    told = what;
                }
                TRY_AGAIN
            }
            Err(error) => return Err(error),
        };
        clock.sleep(pause.max(PAUSE_MIN)).await;
    }
}

/// Looks whether the session lives, and has an SVID that is not due. The lock is free between two rounds.
async fn round(
    place: &Place,
    wish: &Wish,
    (print, clock): (&mut Printer, &Arc<dyn Clock>),
) -> Result<Timestamp, Error> {
    let mut held = Held::open(place, Arc::clone(clock))?;
    held.person().await?;
    let files = svid::ensure(&mut held, wish).await?;
    if files.renewed {
        print.note(&format!("{}: renewed until {}", clock.now(), files.expires_at))?;
    }
    Ok(files.due)
}

/// A session that somebody ended is noticed within this.
const LOOK_AGAIN: Lifetime = Lifetime::seconds(30);
const TRY_AGAIN: Lifetime = Lifetime::seconds(5);
/// One that is due at once would keep the server busy.
const PAUSE_MIN: Lifetime = Lifetime::seconds(1);
