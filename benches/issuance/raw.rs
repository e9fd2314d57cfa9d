//! The cryptography that no issuer can do without, and nothing around it: in a loop, on keys that are ready.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use rustix::time::{ClockId, clock_gettime};

use crate::Outcome;

/// CPU time of one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw {
    /// A signing request verified, under the key that came with it.
    pub(crate) verify: Duration,
    /// A certificate, or a token, signed.
    pub(crate) sign: Duration,
}

/// Measures both, on this thread.
pub(crate) fn measure() -> Outcome<Raw> {
    let (random, message) = (SystemRandom::new(), [7_u8; MESSAGE_BYTES]);
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let signature = pair.sign(&random, &message)?;
    let sign = each(|| pair.sign(&random, &message).map(drop))?;
    let verify = each(|| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref())
            .verify(&message, signature.as_ref())
    })?;
    Ok(Raw { verify, sign })
}

fn each<E: std::error::Error + Send + Sync + 'static>(
    work: impl Fn() -> Result<(), E>,
) -> Outcome<Duration> {
    let before = thread_cpu()?;
    for _ in 0..TURNS {
        work()?;
    }
    Ok(thread_cpu()?.saturating_sub(before) / TURNS)
}

/// What this thread has used of a CPU.
fn thread_cpu() -> Outcome<Duration> {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Ok(Duration::new(u64::try_from(spent.tv_sec)?, u32::try_from(spent.tv_nsec)?))
}

/// Some half a second.
const TURNS: u32 = 5_000;
/// About what a leaf's body and a token's text have.
const MESSAGE_BYTES: usize = 400;
