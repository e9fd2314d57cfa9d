//! Failures as statuses: the one mapping from `Kind` to gRPC, and details as `google.rpc.Status` carries them.

use prost::Message;
use prost_types::Any;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::http::causes;
use crate::kernel::{Failure, Kind};

/// The metadata key of a failure's stable code, for programs of our own.
pub const CODE_KEY: &str = "weft-code";

/// The status of a slice's error: its public text, its code as metadata. Logs the cause; use it once, in `grpc.rs`:
/// `.map_err(grpc::status)`.
pub fn status(error: impl Into<Failure>) -> Status {
    let failure: Failure = error.into();
    let code = code(failure.kind);
    log(&failure, code);
    let mut status = Status::new(code, failure.public);
    if let Ok(value) = MetadataValue::try_from(failure.code) {
        status.metadata_mut().insert(CODE_KEY, value);
    }
    status
}

/// A status with one detail, as clients of `google.rpc.Status` read it: `type_url` is
/// `type.googleapis.com/<full message name>`.
pub fn detailed(code: Code, message: &str, type_url: &str, detail: &impl Message) -> Status {
    let detail = Any { type_url: type_url.to_owned(), value: detail.encode_to_vec() };
    let whole = RpcStatus { code: code.into(), message: message.to_owned(), details: vec![detail] };
    Status::with_details(code, message, whole.encode_to_vec().into())
}

/// The details of a status from a peer; none if there are none, or they are not readable.
pub fn details(status: &Status) -> Vec<Any> {
    RpcStatus::decode(status.details()).map(|whole| whole.details).unwrap_or_default()
}

/// Who can act on it, as gRPC says it.
const fn code(kind: Kind) -> Code {
    match kind {
        Kind::Invalid => Code::InvalidArgument,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::StepUp => Code::FailedPrecondition,
        Kind::Denied => Code::PermissionDenied,
        Kind::NotFound => Code::NotFound,
        Kind::Conflict => Code::Aborted,
        Kind::Limited => Code::ResourceExhausted,
        Kind::Upstream | Kind::Unavailable => Code::Unavailable,
        Kind::Bug => Code::Internal,
    }
}

fn log(failure: &Failure, code: Code) {
    let cause = causes(failure.cause.as_deref());
    let (name, public) = (failure.code, &failure.public);
    match code {
        Code::Internal => {
            tracing::error!(error.code = name, error.cause = cause, "call failed: {public}");
        }
        Code::Unavailable => {
            tracing::warn!(error.code = name, error.cause = cause, "call failed: {public}");
        }
        _ => tracing::info!(error.code = name, error.cause = cause, "call refused: {public}"),
    }
}

/// `google.rpc.Status`, which travels in the `grpc-status-details-bin` trailer.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}
