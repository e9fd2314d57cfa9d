//! `spire.api.server.bundle.v1.Bundle`: ours for everybody, foreign ones for agents.

use tonic::{Request, Response, Status};
use weft_proto::spire::api::server::bundle::v1 as wire;
use weft_proto::spire::api::types;

use super::{Service, convert};
use crate::grpc::status;
use crate::kernel::RealmId;
use crate::nodes::grpc::caller;
use crate::workloads::Error;

#[tonic::async_trait]
impl wire::bundle_server::Bundle for Service {
    /// A bundle is public: an agent that has nothing yet asks for it, too.
    async fn get_bundle(
        &self,
        request: Request<wire::GetBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        let realm = request.extensions().get::<RealmId>().copied();
        let realm = realm.ok_or(Error::Realm).map_err(status)?;
        let bundle = self.workloads.own_bundle(realm).map_err(status)?;
        Ok(Response::new(convert::bundle(&bundle, request.into_inner().output_mask)))
    }

    async fn get_federated_bundle(
        &self,
        request: Request<wire::GetFederatedBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        let caller = caller(&request)?;
        let wire::GetFederatedBundleRequest { trust_domain, output_mask } = request.into_inner();
        let bundle = self.workloads.foreign_bundle(&caller, &trust_domain).map_err(status)?;
        Ok(Response::new(convert::bundle(&bundle, output_mask)))
    }
}
