//! The SPIFFE Workload API (`SPIFFE_Workload_API.md`, `SPIFFE_Workload_Endpoint.md`) on the agent's Unix socket.
//!
//! Owns: the security header, the rate of each user, attesting the caller, messages and streams, validation of JWT-SVIDs,
//! reflection. Does not own: what the caller is entitled to (`cache.rs`) and tokens (`tokens.rs`).
//!
//! Everybody may connect: the socket's mode is 0777, as every container runtime and user must reach it, and what a
//! process gets is decided by attesting it. Invariants: without the header nothing is answered, on any service; a caller
//! who is entitled to nothing gets `PermissionDenied`; every message is the complete state; identities come in a stable
//! order, the oldest entry first, which is the default; of several entries with one hint the oldest alone is given.
//!
//! WIT-SVIDs are not served: `Unimplemented`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use weft_proto::workload::spiffe_workload_api_server::SpiffeWorkloadApi;
use weft_proto::workload::{
    JwtBundlesRequest, JwtBundlesResponse, JwtsvidRequest, JwtsvidResponse, ValidateJwtsvidRequest,
    ValidateJwtsvidResponse, WitBundlesRequest, WitBundlesResponse, WitsvidRequest,
    WitsvidResponse, X509BundlesRequest, X509BundlesResponse, X509svidRequest, X509svidResponse,
};

use crate::env::Clock;

use super::attestors::WorkloadAttestor;
use super::cache::Cache;
use super::tokens::Tokens;

mod door;
mod header;
mod jwt;
mod messages;
mod serve;
mod streams;

pub(crate) use serve::routes;
use streams::Updates;

/// The service with what it needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkloadApi {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    cache: Cache,
    tokens: Tokens,
    attestors: Vec<Box<dyn WorkloadAttestor>>,
    clock: Arc<dyn Clock>,
    stop: tokio_util::sync::CancellationToken,
}

impl WorkloadApi {
    /// The service over this cache; streams end when `stop` is cancelled.
    pub fn new(
        cache: Cache,
        tokens: Tokens,
        attestors: Vec<Box<dyn WorkloadAttestor>>,
        clock: Arc<dyn Clock>,
        stop: tokio_util::sync::CancellationToken,
    ) -> Self {
        Self { inner: Arc::new(Inner { cache, tokens, attestors, clock, stop }) }
    }
}

#[tonic::async_trait]
impl SpiffeWorkloadApi for WorkloadApi {
    type FetchX509SVIDStream = Updates<X509svidResponse>;
    type FetchX509BundlesStream = Updates<X509BundlesResponse>;
    type FetchJWTBundlesStream = Updates<JwtBundlesResponse>;
    type FetchWITSVIDStream = Updates<WitsvidResponse>;
    type FetchWITBundlesStream = Updates<WitBundlesResponse>;

    async fn fetch_x509svid(
        &self,
        request: Request<X509svidRequest>,
    ) -> Result<Response<Self::FetchX509SVIDStream>, Status> {
        let guest = self.enter(request.extensions()).await?;
        Ok(self.stream(guest, messages::x509_svids))
    }

    async fn fetch_x509_bundles(
        &self,
        request: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        let guest = self.enter(request.extensions()).await?;
        Ok(self.stream(guest, messages::x509_bundles))
    }

    async fn fetch_jwtsvid(
        &self,
        request: Request<JwtsvidRequest>,
    ) -> Result<Response<JwtsvidResponse>, Status> {
        let guest = self.enter(request.extensions()).await?;
        self.tokens_for(&guest, request.into_inner()).await.map(Response::new)
    }

    async fn fetch_jwt_bundles(
        &self,
        request: Request<JwtBundlesRequest>,
    ) -> Result<Response<Self::FetchJWTBundlesStream>, Status> {
        let guest = self.enter(request.extensions()).await?;
        Ok(self.stream(guest, messages::jwt_bundles))
    }

    async fn validate_jwtsvid(
        &self,
        request: Request<ValidateJwtsvidRequest>,
    ) -> Result<Response<ValidateJwtsvidResponse>, Status> {
        let guest = self.enter(request.extensions()).await?;
        self.validate(&guest, &request.into_inner()).map(Response::new)
    }

    async fn fetch_witsvid(
        &self,
        _: Request<WitsvidRequest>,
    ) -> Result<Response<Self::FetchWITSVIDStream>, Status> {
        Err(Status::unimplemented(NO_WIT))
    }

    async fn fetch_wit_bundles(
        &self,
        _: Request<WitBundlesRequest>,
    ) -> Result<Response<Self::FetchWITBundlesStream>, Status> {
        Err(Status::unimplemented(NO_WIT))
    }
}

const NO_WIT: &str = "this agent serves no WIT-SVIDs";
