//! The connection to a Workload API, and its refusals in sentences.

use std::net::SocketAddr;

use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use weft_proto::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;

use super::super::error::Error;
use super::super::places;
use super::SocketArgs;

/// Where a Workload API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    /// The path of a Unix socket.
    Unix(String),
    /// An IP address and a port.
    Tcp(SocketAddr),
}

impl Address {
    /// Reads the form of Workload Endpoint §4: `unix:` and an absolute path without an authority, or `tcp:` with an IP
    /// address and a port; neither has anything else.
    fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::usage(format!(
                "`{text}` is no address of a Workload API: it is `unix:` and an absolute path, or `tcp://`, an IP \
                 address and a port"
            ))
        };
        if let Some(rest) = text.strip_prefix("tcp://") {
            return rest.parse().map(Self::Tcp).map_err(|_| wrong());
        }
        let path = text.strip_prefix("unix:").ok_or_else(wrong)?;
        // An empty authority is none.
        let path = path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path);
        let absolute = path.starts_with('/') && !path.starts_with("//");
        let plain = path.len() > 1 && !path.contains(['?', '#']);
        if absolute && plain { Ok(Self::Unix(path.to_owned())) } else { Err(wrong()) }
    }
}

/// A client of one socket.
pub(super) struct Workload {
    pub(super) api: SpiffeWorkloadApiClient<Channel>,
    place: String,
}

impl Workload {
    /// At the socket that was said, else at the one of the environment, else at the default one.
    pub(super) async fn open(socket: &SocketArgs) -> Result<Self, Error> {
        match (&socket.socket, places::endpoint_socket()) {
            (Some(socket), _) => Self::at(socket).await,
            (None, Some(address)) => Self::dial(&Address::parse(&address)?).await,
            (None, None) => Self::at(&places::agent_socket().to_string_lossy()).await,
        }
    }

    /// At an address as the standard has it, or at a path, which people type.
    pub(super) async fn at(socket: &str) -> Result<Self, Error> {
        let is_address = socket.starts_with("unix:") || socket.starts_with("tcp:");
        if is_address || socket.is_empty() {
            Self::dial(&Address::parse(socket)?).await
        } else {
            Self::dial(&Address::Unix(socket.to_owned())).await
        }
    }

    async fn dial(address: &Address) -> Result<Self, Error> {
        let (place, target) = match address {
            Address::Unix(path) => (path.clone(), format!("unix://{path}")),
            Address::Tcp(address) => (address.to_string(), format!("http://{address}")),
        };
        let endpoint = Endpoint::from_shared(target)
            .map_err(|error| Error::usage(format!("`{place}` cannot be dialled: {error}")))?;
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
        what: "this process has no identity: no entry matches it, or the policy refuses it one"
            .to_owned(),
        next: format!(
            "On the server, `weft entry explain --uid {uid}` says which entry is nearest and what the policy says, and \
             `weft entry create --selector unix:uid:{uid} --spiffe-id …` makes one."
        ),
    }
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
    fn spiffe_076_an_address_is_an_absolute_unix_path_or_an_ip_and_a_port() {
        let unix = |path: &str| Some(Address::Unix(path.to_owned()));
        let tcp = |address: &str| Some(Address::Tcp(address.parse().unwrap()));
        let table = [
            ("unix:/run/a.sock", unix("/run/a.sock")),
            ("unix:///run/a.sock", unix("/run/a.sock")),
            ("tcp://127.0.0.1:8000", tcp("127.0.0.1:8000")),
            ("tcp://[::1]:8000", tcp("[::1]:8000")),
        ];
        for (text, expected) in table {
            assert_eq!(Address::parse(text).ok(), expected, "{text}");
        }
        let refused = [
            "/run/a.sock",
            "run/a.sock",
            "unix:run/a.sock",
            "unix://run/a.sock",
            "unix://host/a.sock",
            "unix:////a.sock",
            "unix:/a.sock?x=1",
            "unix:/a.sock#x",
            "unix:/",
            "unix:",
            "UNIX:/a.sock",
            "tcp:127.0.0.1:8000",
            "tcp://localhost:8000",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:8000/path",
            "tcp://user@127.0.0.1:8000",
            "http://127.0.0.1:8000",
            "",
        ];
        for text in refused {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
