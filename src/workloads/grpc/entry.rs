//! `spire.api.server.entry.v1.Entry`: what agents poll for (SPIFFE checklist §5.2.4).

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, stream};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};
use weft_proto::spire::api::server::entry::v1 as wire;
use weft_proto::spire::api::types::{self, EntryMask};

use super::{Service, convert};
use crate::grpc::status;
use crate::kernel::limits::SYNC_PAGE_ENTRIES;
use crate::nodes::NodeCaller;
use crate::nodes::grpc::caller;
use crate::workloads::{Entry, Workloads};

type SyncStream =
    Pin<Box<dyn Stream<Item = Result<wire::SyncAuthorizedEntriesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl wire::entry_server::Entry for Service {
    async fn get_authorized_entries(
        &self,
        request: Request<wire::GetAuthorizedEntriesRequest>,
    ) -> Result<Response<wire::GetAuthorizedEntriesResponse>, Status> {
        let caller = caller(&request)?;
        let mask = request.into_inner().output_mask.unwrap_or(convert::ALL);
        let entries = self.workloads.authorised(&caller).map_err(status)?;
        let entries = entries.iter().map(|entry| convert::entry(entry, &mask)).collect();
        Ok(Response::new(wire::GetAuthorizedEntriesResponse { entries }))
    }

    type SyncAuthorizedEntriesStream = SyncStream;

    async fn sync_authorized_entries(
        &self,
        request: Request<Streaming<wire::SyncAuthorizedEntriesRequest>>,
    ) -> Result<Response<SyncStream>, Status> {
        let caller = caller(&request)?;
        let requests = request.into_inner();
        let sync = Exchange::new(Arc::clone(&self.workloads), caller);
        Ok(Response::new(Box::pin(answers(sync, requests))))
    }
}

/// Answers each request of the agent, page by page, until it has no more.
pub(super) fn answers<S>(
    sync: Exchange,
    requests: S,
) -> impl Stream<Item = Result<wire::SyncAuthorizedEntriesResponse, Status>> + Send
where
    S: Stream<Item = Result<wire::SyncAuthorizedEntriesRequest, Status>> + Send + Unpin,
{
    stream::try_unfold((sync, requests), |(mut sync, mut requests)| async move {
        loop {
            if let Some(page) = sync.next_page() {
                return Ok(Some((page, (sync, requests))));
            }
            if sync.done {
                return Ok(None);
            }
            match futures_util::StreamExt::next(&mut requests).await {
                Some(request) => sync.take(&request?)?,
                None => return Ok(None),
            }
        }
    })
}

/// One synchronisation.
pub(super) struct Exchange {
    workloads: Arc<Workloads>,
    caller: NodeCaller,
    mask: EntryMask,
    /// What the agent is authorised for, from its first request on.
    entries: Option<BTreeMap<String, Arc<Entry>>>,
    /// What is still to be sent of the answer to the last request.
    pages: Option<Pages>,
    done: bool,
}

/// The rest of an answer.
enum Pages {
    Revisions(std::vec::IntoIter<Arc<Entry>>),
    Entries(std::vec::IntoIter<Arc<Entry>>),
}

impl Exchange {
    pub(super) fn new(workloads: Arc<Workloads>, caller: NodeCaller) -> Self {
        Self { workloads, caller, mask: convert::ALL, entries: None, pages: None, done: false }
    }

    fn take(&mut self, request: &wire::SyncAuthorizedEntriesRequest) -> Result<(), Status> {
        match &self.entries {
            None => self.open(request),
            Some(entries) => {
                let wanted: Vec<_> =
                    request.ids.iter().filter_map(|id| entries.get(id)).cloned().collect();
                self.pages = Some(Pages::Entries(wanted.into_iter()));
                Ok(())
            }
        }
    }

    fn open(&mut self, request: &wire::SyncAuthorizedEntriesRequest) -> Result<(), Status> {
        if !request.ids.is_empty() {
            return Err(Status::invalid_argument("the first request must not contain ids"));
        }
        self.mask = request.output_mask.unwrap_or(convert::ALL);
        if !self.mask.revision_number {
            return Err(Status::invalid_argument("the mask must not leave out `revision_number`"));
        }
        let entries = self.workloads.authorised(&self.caller).map_err(status)?;
        // Few and small enough for one message: all of them, and no revisions.
        if entries.len() <= SYNC_PAGE_ENTRIES {
            let size: usize =
                entries.iter().map(|e| convert::entry(e, &self.mask).encoded_len()).sum();
            self.done = size <= PAGE_BYTES_MAX;
        }
        if self.done {
            self.pages = Some(Pages::Entries(entries.into_iter()));
        } else {
            self.entries = Some(
                entries.iter().map(|entry| (entry.id.to_string(), Arc::clone(entry))).collect(),
            );
            self.pages = Some(Pages::Revisions(entries.into_iter()));
        }
        Ok(())
    }

    /// The next page of the answer; `more` says that it is not the last.
    fn next_page(&mut self) -> Option<wire::SyncAuthorizedEntriesResponse> {
        let mut page = wire::SyncAuthorizedEntriesResponse::default();
        match self.pages.as_mut()? {
            Pages::Revisions(rest) => {
                page.entry_revisions = rest.take(SYNC_PAGE_ENTRIES).map(|e| revision(&e)).collect();
                page.more = rest.len() > 0;
            }
            Pages::Entries(rest) => {
                page.entries = entries(rest, &self.mask, PAGE_BYTES_MAX);
                page.more = rest.len() > 0;
            }
        }
        if !page.more {
            self.pages = None;
        }
        Some(page)
    }
}

/// As many as a page takes, by number and by size.
pub(super) fn entries(
    rest: &mut std::vec::IntoIter<Arc<Entry>>,
    mask: &EntryMask,
    bytes: usize,
) -> Vec<types::Entry> {
    let (mut page, mut size) = (Vec::new(), 0_usize);
    while page.len() < SYNC_PAGE_ENTRIES && size < bytes {
        let Some(next) = rest.next() else { break };
        let wire = convert::entry(&next, mask);
        size = size.saturating_add(wire.encoded_len());
        page.push(wire);
    }
    page
}

fn revision(entry: &Entry) -> wire::EntryRevision {
    wire::EntryRevision {
        id: entry.id.to_string(),
        revision_number: entry.revision,
        created_at: entry.created_at.seconds(),
    }
}

/// An entry is at most some 200 KiB, so a page stays well below the 4 MiB at which gRPC clients refuse a message.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
