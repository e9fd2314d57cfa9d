//! `spire.api.server.svid.v1.SVID` (SPIFFE checklist §5.2.6 and §5.2.7).

use tonic::{Code, Request, Response, Status};
use weft_proto::spire::api::server::svid::v1 as wire;
use weft_proto::spire::api::types;

use super::{Service, convert};
use crate::grpc::status;
use crate::nodes::grpc::caller;
use crate::svid::X509Svid;
use crate::workloads::issue_x509::Issued;
use crate::workloads::{Error, JwtAsk, X509Ask};

#[tonic::async_trait]
impl wire::svid_server::Svid for Service {
    async fn batch_new_x509svid(
        &self,
        request: Request<wire::BatchNewX509svidRequest>,
    ) -> Result<Response<wire::BatchNewX509svidResponse>, Status> {
        let caller = caller(&request)?;
        let asks = request.into_inner().params.into_iter();
        let asks = asks.map(|params| X509Ask { entry: params.entry_id, csr: params.csr }).collect();
        let outcomes = self.workloads.issue_x509(&caller, asks).await.map_err(status)?;
        let results = outcomes.into_iter().map(result).collect();
        Ok(Response::new(wire::BatchNewX509svidResponse { results }))
    }

    async fn new_jwtsvid(
        &self,
        request: Request<wire::NewJwtsvidRequest>,
    ) -> Result<Response<wire::NewJwtsvidResponse>, Status> {
        let caller = caller(&request)?;
        let wire::NewJwtsvidRequest { entry_id, audience } = request.into_inner();
        let ask = JwtAsk { entry: entry_id, audience };
        let (entry, svid) = self.workloads.issue_jwt(&caller, ask).await.map_err(status)?;
        Ok(Response::new(wire::NewJwtsvidResponse { svid: Some(convert::jwt_svid(&entry, svid)) }))
    }
}

fn result(outcome: Result<Issued<X509Svid>, Error>) -> wire::batch_new_x509svid_response::Result {
    let (code, message, svid) = match outcome {
        Ok((entry, svid)) => (Code::Ok, "OK".to_owned(), Some(convert::x509_svid(&entry, svid))),
        Err(error) => {
            let refused = status(error);
            (refused.code(), refused.message().to_owned(), None)
        }
    };
    let status = types::Status { code: code.into(), message };
    wire::batch_new_x509svid_response::Result { status: Some(status), svid }
}
