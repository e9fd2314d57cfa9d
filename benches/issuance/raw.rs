//! The cryptography that no issuer can do without, and nothing around it: in a loop, on keys that are ready.

use std::thread::ScopedJoinHandle;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use rustix::time::{ClockId, clock_gettime};
use weft::crypto::password::{Password, PasswordCost, Scratch, hash};
use weft::kernel::Secret;

use crate::Outcome;

/// CPU time of one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw {
    /// A signing request verified, under the key that came with it.
    pub(crate) verify: Duration,
    /// A certificate, or a token, signed.
    pub(crate) sign: Duration,
    /// A password hashed, in memory that is there already, while every core does the same, as they do while people sign in:
    /// they share the way to the memory.
    pub(crate) hash: Duration,
}

/// Measures all on this thread, but the hash.
pub(crate) fn measure() -> Outcome<Raw> {
    let (random, message) = (SystemRandom::new(), [7_u8; MESSAGE_BYTES]);
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let signature = pair.sign(&random, &message)?;
    let sign = each(TURNS, || pair.sign(&random, &message).map(drop))?;
    let verify = each(TURNS, || {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref())
            .verify(&message, signature.as_ref())
    })?;
    let hash = hashes()?;
    Ok(Raw { verify, sign, hash })
}

fn hashes() -> Outcome<Duration> {
    let threads = std::thread::available_parallelism()?.get();
    let spans = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(hashes_here)).collect();
        let joined = running.into_iter().map(ScopedJoinHandle::join);
        joined.map(|span| span.map_err(|_| "a thread panicked")?).collect::<Outcome<Vec<_>>>()
    })?;
    Ok(spans.iter().sum::<Duration>() / u32::try_from(threads)?)
}

fn hashes_here() -> Outcome<Duration> {
    let typed = Secret::new("correct horse battery staple".to_owned());
    let password = Password::typed(&typed).ok_or("no password")?;
    let mut scratch = Scratch::default();
    let mut hash = || hash(&password, PasswordCost::default(), &[7; 16], &mut scratch).map(drop);
    // The first one asks the system for the memory.
    hash()?;
    each(HASHES, hash)
}

fn each<E: std::error::Error + Send + Sync + 'static>(
    turns: u32,
    mut work: impl FnMut() -> Result<(), E>,
) -> Outcome<Duration> {
    let before = thread_cpu()?;
    for _ in 0..turns {
        work()?;
    }
    Ok(thread_cpu()?.saturating_sub(before) / turns)
}

/// What this thread has used of a CPU.
fn thread_cpu() -> Outcome<Duration> {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Ok(Duration::new(u64::try_from(spent.tv_sec)?, u32::try_from(spent.tv_nsec)?))
}

/// Some half a second.
const TURNS: u32 = 5_000;
/// The same.
const HASHES: u32 = 25;
/// About what a leaf's body and a token's text have.
const MESSAGE_BYTES: usize = 400;
