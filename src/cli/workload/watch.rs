//! `weft workload watch`: every new X.509-SVID as it comes.

use tonic::Code;
use weft_proto::workload::X509svidRequest;

use super::super::error::Error;
use super::super::print::Printer;
use super::connect::{Workload, request};
use super::{SocketArgs, fetch};
use crate::env::Clock;
use crate::kernel::Lifetime;

/// Goes on over losses of the agent and of the identity, until interrupted; only a first agent that cannot be reached ends
/// it.
pub(super) async fn run(
    socket: &SocketArgs,
    print: &mut Printer,
    clock: &dyn Clock,
) -> Result<(), Error> {
    let mut workload = Workload::open(socket).await?;
    let (mut pause, mut told) = (PAUSE_MIN, String::new());
    loop {
        match stream(&mut workload, print, clock).await? {
            End::Updated => (pause, told) = (PAUSE_MIN, String::new()),
            End::Lost(words) => {
                // The same loss is told once, not every few seconds.
                if words != told {
                    print.note(&words)?;
                    told = words;
                }
            }
        }
        clock.sleep(pause).await;
        pause = pause.times(2).capped_by(PAUSE_MAX);
        if let Ok(again) = Workload::open(socket).await {
            workload = again;
        }
    }
}

/// How a stream ended.
enum End {
    /// After something came.
    Updated,
    /// Before anything came, because of this.
    Lost(String),
}

async fn stream(
    workload: &mut Workload,
    print: &mut Printer,
    clock: &dyn Clock,
) -> Result<End, Error> {
    let mut stream = match workload.api.fetch_x509svid(request(X509svidRequest {})).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return Ok(End::Lost(lost(workload, &status))),
    };
    let mut came = false;
    loop {
        match stream.message().await {
            Ok(Some(message)) => {
                let now = clock.now();
                print.note(&format!("{now}: {} identities", message.svids.len()))?;
                fetch::show(&message, print, now)?;
                print.note("")?;
                came = true;
            }
            Ok(None) if came => return Ok(End::Updated),
            Ok(None) => return Ok(End::Lost("the agent closed the stream".to_owned())),
            Err(status) => {
                let words = lost(workload, &status);
                if !came {
                    return Ok(End::Lost(words));
                }
                print.note(&words)?;
                return Ok(End::Updated);
            }
        }
    }
}

fn lost(workload: &Workload, status: &tonic::Status) -> String {
    match status.code() {
        Code::PermissionDenied => "no identity: no entry matches this process; waiting".to_owned(),
        _ => format!("{}; trying again", workload.refusal(status)),
    }
}

const PAUSE_MIN: Lifetime = Lifetime::seconds(1);
/// As long as people wait at a terminal.
const PAUSE_MAX: Lifetime = Lifetime::seconds(15);
