//! The gRPC health service (`grpc.health.v1`): the service name `""` is the whole process.

use std::pin::Pin;

use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::health::Health;

/// The service, which says SERVING while `health` is ready.
pub fn health_service(health: Health) -> HealthServer<impl HealthService> {
    HealthServer::new(Service(health))
}

pub(super) struct Service(pub(super) Health);

impl Service {
    /// One process is one service: whatever it serves is ready when it is.
    fn known(request: &Request<HealthCheckRequest>) -> Result<(), Status> {
        match request.get_ref().service.as_str() {
            "" => Ok(()),
            _ => Err(Status::not_found(
                "only the empty service name, the whole process, has a health",
            )),
        }
    }
}

#[tonic::async_trait]
impl HealthService for Service {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Self::known(&request)?;
        Ok(Response::new(answer(self.0.is_ready())))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Self::known(&request)?;
        let changes = WatchStream::new(self.0.ready()).map(|ready| Ok(answer(ready)));
        Ok(Response::new(Box::pin(changes)))
    }
}

fn answer(ready: bool) -> HealthCheckResponse {
    let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}
