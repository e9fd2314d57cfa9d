//! The connection to a Workload API, and its refusals in sentences.

use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use weft_proto::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;

use super::super::error::Error;
use super::super::places;
use super::SocketArgs;

/// A client of one socket.
pub(super) struct Workload {
    pub(super) api: SpiffeWorkloadApiClient<Channel>,
    place: String,
}

impl Workload {
    /// At the socket that was said, or the default one.
    pub(super) async fn open(socket: &SocketArgs) -> Result<Self, Error> {
        match &socket.socket {
            Some(socket) => Self::at(socket).await,
            None => Self::at(&places::agent_socket()).await,
        }
    }

    /// At a path, or `unix:` and an absolute path (Workload Endpoint §4).
    pub(super) async fn at(socket: &str) -> Result<Self, Error> {
        let place = path(socket)?.to_owned();
        let endpoint = Endpoint::from_shared(format!("unix://{place}")).map_err(|error| {
            Error::usage(format!("`{place}` cannot be the path of a socket: {error}"))
        })?;
        let channel = endpoint.connect().await.map_err(|error| unreachable(&place, &error))?;
        Ok(Self { api: SpiffeWorkloadApiClient::new(channel), place })
    }

    /// What the agent said instead.
    pub(super) fn refusal(&self, status: &Status) -> Error {
        let words = match status.code() {
            Code::PermissionDenied => return no_identity(),
            Code::InvalidArgument => "the agent does not take this",
            Code::Unimplemented => "the agent does not serve this",
            Code::ResourceExhausted => "too many calls of this user",
            Code::Unavailable => {
                return Error::Unreachable {
                    what: format!("the agent at {} is not ready: {}", self.place, status.message()),
                    next: "Its log says why; it needs to have joined, and to know its entries."
                        .to_owned(),
                };
            }
            _ => "the agent failed",
        };
        Error::local(format!("{words}: {}", status.message()))
    }
}

/// Every call shows the header that no browser sends (Workload Endpoint §3).
pub(super) fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
    request
}

fn no_identity() -> Error {
    let uid = nix::unistd::geteuid();
    Error::Local {
        what: "this process has no identity: no entry matches it".to_owned(),
        next: format!(
            "On the server, `weft entry explain --uid {uid}` says which entry is nearest, and \
             `weft entry create --selector unix:uid:{uid} --spiffe-id …` makes one."
        ),
    }
}

fn path(socket: &str) -> Result<&str, Error> {
    if socket.starts_with("tcp:") {
        return Err(Error::usage(
            "a Workload API over TCP cannot tell who asks; name a Unix socket",
        ));
    }
    let bare = socket.strip_prefix("unix:").unwrap_or(socket);
    let bare = if bare.starts_with("///") { bare.trim_start_matches("//") } else { bare };
    if bare.is_empty() || bare.starts_with("//") {
        return Err(Error::usage(format!("`{socket}` is no path of a socket")));
    }
    Ok(bare)
}

fn unreachable(place: &str, error: &tonic::transport::Error) -> Error {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    let mut words = error.to_string();
    while let Some(error) = next {
        words = error.to_string();
        next = error.source();
    }
    Error::Unreachable {
        what: format!("no agent answers at {place}: {words}"),
        next:
            "Start one with `weft agent --join STRING`, or say where it is with `--socket PATH` or \
               SPIFFE_ENDPOINT_SOCKET."
                .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_a_path_or_a_unix_address() {
        let table = [
            ("/run/weft/agent.sock", Some("/run/weft/agent.sock")),
            ("agent.sock", Some("agent.sock")),
            ("unix:/run/a.sock", Some("/run/a.sock")),
            ("unix:///run/a.sock", Some("/run/a.sock")),
            ("unix://host/a.sock", None),
            ("tcp://127.0.0.1:8000", None),
            ("unix:", None),
            ("", None),
        ];
        for (socket, expected) in table {
            assert_eq!(path(socket).ok(), expected, "{socket}");
        }
    }
}
