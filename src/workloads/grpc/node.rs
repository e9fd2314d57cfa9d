//! `weft.node.v1.Node/Watch`: the push stream (architecture §6).
//!
//! A stream is a state machine that the connection polls: no task and, beside the end of its certificate, no timer of its
//! own, so an agent that nothing concerns costs nothing.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{Stream, stream};
use tonic::{Request, Response, Status, Streaming};
use weft_proto::node::v1 as wire;

use super::feed::Feed;
use super::{Service, convert};
use crate::grpc::status;
use crate::kernel::Lifetime;
use crate::nodes::NodeCaller;
use crate::nodes::grpc::caller;
use crate::workloads::Workloads;
use crate::workloads::push::Goodbye;

type WatchStream = Pin<Box<dyn Stream<Item = Result<wire::Update, Status>> + Send>>;

#[tonic::async_trait]
impl wire::node_server::Node for Service {
    type WatchStream = WatchStream;

    async fn watch(
        &self,
        request: Request<Streaming<wire::Ack>>,
    ) -> Result<Response<WatchStream>, Status> {
        let caller = caller(&request)?;
        let acks = request.into_inner();
        Ok(Response::new(Box::pin(updates(Arc::clone(&self.workloads), caller, acks))))
    }
}

/// What one agent is told, for as long as its certificate holds.
pub(super) fn updates<S>(
    workloads: Arc<Workloads>,
    caller: NodeCaller,
    acks: S,
) -> impl Stream<Item = Result<wire::Update, Status>> + Send
where
    S: Stream<Item = Result<wire::Ack, Status>> + Send + Unpin,
{
    let clock = &workloads.env.clock;
    let ends = clock.sleep(caller.svid.expires.since(clock.now()));
    let push = Push { workloads, caller, acks, ends, feed: None, over: false };
    // Boxed, because a stream keeps room for its state twice.
    stream::try_unfold(Box::new(push), |mut push| async move {
        Ok(push.next().await?.map(|update| (update, push)))
    })
}

struct Push<S> {
    workloads: Arc<Workloads>,
    caller: NodeCaller,
    acks: S,
    /// The end of the certificate.
    ends: BoxFuture<'static, ()>,
    /// From the agent's first word on.
    feed: Option<Feed>,
    over: bool,
}

/// What a stream wakes up for.
enum Woken {
    Ack(wire::Ack),
    Bell,
    CertificateEnd,
    /// The agent has hung up.
    Gone,
}

impl<S: Stream<Item = Result<wire::Ack, Status>> + Send + Unpin> Push<S> {
    async fn next(&mut self) -> Result<Option<wire::Update>, Status> {
        loop {
            if self.over {
                return Ok(None);
            }
            if let Some(reason) = self.feed.as_ref().and_then(Feed::goodbye) {
                return Ok(Some(self.end(reason)));
            }
            if let Some(update) = self.feed.as_mut().and_then(Feed::next_page) {
                return Ok(Some(update));
            }
            match self.woken().await? {
                Woken::Ack(ack) => self.take(&ack)?,
                Woken::Bell => self.collect().await,
                Woken::CertificateEnd => return Ok(Some(self.end(Goodbye::SvidExpired))),
                Woken::Gone => self.over = true,
            }
        }
    }

    async fn woken(&mut self) -> Result<Woken, Status> {
        let bell = async {
            match &self.feed {
                Some(feed) => feed.rung().await,
                None => std::future::pending().await,
            }
        };
        let opened = self.feed.is_some();
        let silent = async {
            if opened {
                std::future::pending::<()>().await;
            } else {
                self.workloads.env.clock.sleep(FIRST_WORD_WITHIN).await;
            }
        };
        tokio::select! {
            ack = futures_util::StreamExt::next(&mut self.acks) => Ok(match ack {
                Some(ack) => Woken::Ack(ack?),
                None => Woken::Gone,
            }),
            () = bell => Ok(Woken::Bell),
            () = &mut self.ends => Ok(Woken::CertificateEnd),
            () = silent => Err(Status::deadline_exceeded("the first acknowledgement did not come")),
        }
    }

    fn take(&mut self, ack: &wire::Ack) -> Result<(), Status> {
        let at = ack.revision.as_ref().and_then(convert::cursor);
        if let Some(feed) = &self.feed {
            feed.acknowledge(at, ack.bundle_sequence);
            return Ok(());
        }
        let watching = self.workloads.watch(&self.caller, at).map_err(status)?;
        let feed = Feed::new(self.caller.realm, watching, ack.bundle_sequence);
        feed.acknowledge(at, ack.bundle_sequence);
        self.feed = Some(feed);
        self.collect_now();
        Ok(())
    }

    /// What comes within a few milliseconds goes out together.
    async fn collect(&mut self) {
        let wait = self.workloads.settings.coalesce();
        if !wait.is_zero() && self.feed.as_ref().is_some_and(|feed| feed.goodbye().is_none()) {
            self.workloads.env.clock.sleep(wait).await;
        }
        self.collect_now();
    }

    fn collect_now(&mut self) {
        if let Some(feed) = &mut self.feed {
            feed.collect();
        }
    }

    fn end(&mut self, reason: Goodbye) -> wire::Update {
        use wire::goodbye::Reason;
        let (reason, message, retry_after_ms) = match reason {
            Goodbye::ShuttingDown => (Reason::ShuttingDown, "the server stops", 1_000),
            Goodbye::SvidExpired => {
                (Reason::SvidExpired, "the SVID of this connection has ended", 0)
            }
            Goodbye::Replaced => {
                (Reason::Replaced, "another stream of this agent took over", 1_000)
            }
            Goodbye::Evicted => (Reason::Evicted, "the agent was evicted: attest again", 0),
            Goodbye::Banned => (Reason::Banned, "the agent is banned", 0),
        };
        self.over = true;
        // Its place is free at once, not only when the connection notices.
        self.feed = None;
        let goodbye =
            wire::Goodbye { reason: reason.into(), message: message.to_owned(), retry_after_ms };
        wire::Update { goodbye: Some(goodbye), ..wire::Update::default() }
    }
}

/// An agent that opens a stream has its first acknowledgement ready.
const FIRST_WORD_WITHIN: Lifetime = Lifetime::seconds(30);
