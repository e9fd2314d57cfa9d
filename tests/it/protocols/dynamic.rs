//! A gRPC client without generated code: messages and calls are read from .proto files when the test runs.

use std::path::Path;

use futures_util::stream;
use http::uri::PathAndQuery;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, Value};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Fields of a message, by their names.
pub(crate) type Fields<'a> = Vec<(&'a str, Value)>;

/// What the .proto files describe.
pub(crate) struct Protos(DescriptorPool);

impl Protos {
    /// Compiles these files, which import one another from `root`.
    pub(crate) fn compile(root: &Path, files: &[&str]) -> Self {
        let files = protox::compile(files.iter().map(|file| root.join(file)), [root]).unwrap();
        Self(DescriptorPool::from_file_descriptor_set(files).unwrap())
    }

    /// What these encoded descriptors describe.
    pub(crate) fn of(descriptors: &[&[u8]]) -> Self {
        let mut pool = DescriptorPool::new();
        for encoded in descriptors {
            pool.decode_file_descriptor_set(*encoded).unwrap();
        }
        Self(pool)
    }

    /// The calls of this service: `service/Call`. Nothing if it is not described.
    pub(crate) fn calls(&self, service: &str) -> Vec<String> {
        let service = self.0.get_service_by_name(service);
        let calls = service.iter().flat_map(|service| service.methods().collect::<Vec<_>>());
        calls.map(|call| format!("{}/{}", call.parent_service().full_name(), call.name())).collect()
    }

    /// A message of this name.
    pub(crate) fn message(&self, name: &str, fields: Fields<'_>) -> Value {
        let descriptor =
            self.0.get_message_by_name(name).unwrap_or_else(|| panic!("no message `{name}`"));
        Value::Message(filled(descriptor, fields))
    }

    fn method(&self, rpc: &str) -> MethodDescriptor {
        let (service, name) = rpc.split_once('/').unwrap();
        let service =
            self.0.get_service_by_name(service).unwrap_or_else(|| panic!("no service `{service}`"));
        service
            .methods()
            .find(|method| method.name() == name)
            .unwrap_or_else(|| panic!("no call `{rpc}`"))
    }

    /// Makes a call with one message and gives the first answer.
    pub(crate) async fn call(
        &self,
        channel: &Channel,
        rpc: &str,
        fields: Fields<'_>,
    ) -> Result<DynamicMessage, Status> {
        let method = self.method(rpc);
        let ask = filled(method.input(), fields);
        let codec = Dynamic(method.output());
        let path = PathAndQuery::try_from(format!("/{rpc}")).unwrap();
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        if !method.is_client_streaming() && !method.is_server_streaming() {
            return Ok(grpc.unary(Request::new(ask), path, codec).await?.into_inner());
        }
        let asks = Request::new(stream::iter([ask]));
        let mut answers = grpc.streaming(asks, path, codec).await?.into_inner();
        answers
            .message()
            .await?
            .ok_or_else(|| Status::aborted("the stream ended without an answer"))
    }
}

fn filled(descriptor: MessageDescriptor, fields: Fields<'_>) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor);
    for (name, value) in fields {
        message
            .try_set_field_by_name(name, value)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    message
}

/// The field at this path, such as `result.svid.id.path`.
pub(crate) fn at(message: &DynamicMessage, path: &str) -> Value {
    path.split('.').fold(Value::Message(message.clone()), |value, name| {
        let message = value
            .as_message()
            .unwrap_or_else(|| panic!("`{path}` leads through what is no message"));
        message
            .get_field_by_name(name)
            .unwrap_or_else(|| panic!("no field `{name}` in `{path}`"))
            .into_owned()
    })
}

/// The text at this path.
pub(crate) fn text(message: &DynamicMessage, path: &str) -> String {
    at(message, path).as_str().unwrap_or_else(|| panic!("`{path}` is no text")).to_owned()
}

/// The items at this path.
pub(crate) fn list(message: &DynamicMessage, path: &str) -> Vec<Value> {
    at(message, path).as_list().unwrap_or_else(|| panic!("`{path}` is no list")).to_vec()
}

/// Each item as bytes.
pub(crate) fn bytes(message: &DynamicMessage, path: &str) -> Vec<Vec<u8>> {
    list(message, path).iter().map(|item| item.as_bytes().expect("bytes").to_vec()).collect()
}

struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Wire;
    type Decoder = Read;

    fn encoder(&mut self) -> Wire {
        Wire
    }

    fn decoder(&mut self) -> Read {
        Read(self.0.clone())
    }
}

struct Wire;

impl Encoder for Wire {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(into).map_err(|error| Status::internal(error.to_string()))
    }
}

struct Read(MessageDescriptor);

impl Decoder for Read {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.0.clone(), from)
            .map_err(|error| Status::internal(error.to_string()))?;
        let unknown: Vec<_> =
            message.unknown_fields().map(prost_reflect::UnknownField::number).collect();
        if unknown.is_empty() {
            Ok(Some(message))
        } else {
            Err(Status::internal(format!("unknown fields {unknown:?}")))
        }
    }
}
