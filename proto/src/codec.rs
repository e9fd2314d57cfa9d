//! How much memory a call takes for messages on their way.
//!
//! A server holds one stream for each of thousands of agents, for as long as they are connected, and tonic's buffers of
//! 8 KiB each way, which grow to 32 KiB and never shrink, would be most of what an idle agent costs.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// Protobuf over gRPC, with small buffers. For streams that are open for long and mostly silent.
#[derive(Debug, Clone, Copy)]
pub struct SmallBuffers<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallBuffers<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for SmallBuffers<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(settings())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(settings())
    }
}

/// A larger message makes a buffer grow, so the first number only has to fit small ones. Messages that are ready are sent
/// together up to the second.
fn settings() -> BufferSettings {
    BufferSettings::new(512, 1024)
}
