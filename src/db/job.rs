//! A body on its way to a transaction: what its run gave, held back until the commit.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::count::Counter;
use super::{Cursor, Tx};
use crate::kernel::{Fault, Granted, RealmId};

/// What a caller asked for, besides the body.
#[derive(Debug)]
pub(super) struct Order {
    /// Bound as `$1`.
    pub(super) realm: RealmId,
    /// Present for a change: the facts of the permit behind it.
    pub(super) granted: Option<Granted>,
    /// Where its statements are counted.
    pub(super) counter: Counter,
}

/// How a body's run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// With a value: what it wrote may be committed.
    Done,
    /// With an error or a fault: what it wrote must go.
    Failed,
    /// In a panic: what it wrote must go, and its connection may be in the middle of something.
    Panicked,
}

/// What a caller waits for: the body's answer, and after a change the place that indexes must reach.
pub(super) type Answer<T, E> = (Result<T, E>, Option<Cursor>);

/// A body with its types hidden.
pub(super) trait Job: Send {
    /// What was asked for.
    fn order(&self) -> &Order;
    /// Runs the body once; what an earlier run gave is forgotten.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Ran>;
    /// Replaces what the run gave by this fault.
    fn fail(&mut self, fault: Fault);
    /// True if the last run gave a value, not an error.
    fn succeeded(&self) -> bool;
    /// Notes the number of the body's last change.
    fn numbered(&mut self, cursor: Cursor);
    /// Gives the caller, if still there, what the last run gave.
    fn answer(self: Box<Self>);
}

/// A body, its input and its caller.
pub(super) struct Body<I, T, E, F> {
    order: Order,
    input: I,
    run: F,
    result: Option<Result<T, E>>,
    cursor: Option<Cursor>,
    caller: oneshot::Sender<Answer<T, E>>,
}

impl<I, T, E, F> Body<I, T, E, F>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<Fault> + Send + 'static,
    F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
{
    /// The job, and where its answer comes out.
    pub(super) fn boxed(
        order: Order,
        input: I,
        run: F,
    ) -> (Box<dyn Job>, oneshot::Receiver<Answer<T, E>>) {
        let (caller, answer) = oneshot::channel();
        (Box::new(Self { order, input, run, result: None, cursor: None, caller }), answer)
    }
}

impl<I, T, E, F> Job for Body<I, T, E, F>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<Fault> + Send + 'static,
    F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
{
    fn order(&self) -> &Order {
        &self.order
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Ran> {
        Box::pin(async move {
            self.cursor = None;
            let (body, input) = (&self.run, &self.input);
            let run = AssertUnwindSafe(async { body(&mut *tx, input).await }).catch_unwind().await;
            let (result, ran) = match (run, tx.fault()) {
                (Err(panic), _) => (Err(E::from(panicked(panic.as_ref()))), Ran::Panicked),
                (Ok(Ok(_)), Some(fault)) => (Err(E::from(fault)), Ran::Failed),
                (Ok(Ok(value)), None) => (Ok(value), Ran::Done),
                (Ok(Err(error)), _) => (Err(error), Ran::Failed),
            };
            self.result = Some(result);
            ran
        })
    }

    fn fail(&mut self, fault: Fault) {
        self.result = Some(Err(E::from(fault)));
        self.cursor = None;
    }

    fn succeeded(&self) -> bool {
        matches!(self.result, Some(Ok(_)))
    }

    fn numbered(&mut self, cursor: Cursor) {
        self.cursor = Some(cursor);
    }

    fn answer(self: Box<Self>) {
        let result = self.result.unwrap_or_else(|| Err(E::from(Fault::bug("a body never ran"))));
        // A caller that went away changes nothing: the write is done, only nobody hears of it.
        let _gone = self.caller.send((result, self.cursor));
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Fault {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    Fault::bug(format!("a body panicked: {text}"))
}
