//! Private keys sealed into rows: bound to their place, so that a row's blob opens nowhere else.

use std::sync::Arc;

use super::model::{OpenedKey, Purpose, Slot};
use crate::crypto::keys::PrivateKey;
use crate::crypto::seal::KekRing;
use crate::env::Entropy;
use crate::kernel::{AuthorityId, Fault, RealmId};

/// Seals a key for a row of this version.
pub(super) fn seal(
    ring: &KekRing,
    key: &PrivateKey,
    (realm, id, purpose, version): (RealmId, AuthorityId, Purpose, i64),
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Fault> {
    ring.seal(&place(realm, id, purpose, version), key.to_pkcs8()?.expose(), entropy)
}

/// Opens the key of a row, and checks that it is the row's.
pub(super) fn open(
    ring: &KekRing,
    realm: RealmId,
    slot: &Slot,
    version: i64,
    blob: &[u8],
) -> Result<OpenedKey, Fault> {
    let key = PrivateKey::from_pkcs8_of(
        slot.algorithm,
        &ring.open(&place(realm, slot.id, slot.purpose, version), blob)?,
    )?;
    if *key.public() != slot.public_key {
        return Err(Fault::malformed(
            "authority row",
            "its private key is not that of its public key",
        ));
    }
    Ok(Arc::new(key))
}

/// realm ‖ authority ‖ purpose ‖ version (architecture §4.5). No part can hold the separator.
fn place(realm: RealmId, id: AuthorityId, purpose: Purpose, version: i64) -> Vec<u8> {
    format!("authority|{realm}|{id}|{purpose}|{version}").into_bytes()
}
