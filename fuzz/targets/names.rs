//! Names that people and peers write.

use weft::kernel::limits::{SPIFFE_ID_BYTES_MAX, TRUST_DOMAIN_BYTES_MAX};
use weft::kernel::{Selector, SpiffeId, TrustDomain};
use weft::wire::join::JoinString;

use super::World;

/// A SPIFFE ID prints as it was read, is put together again from its parts, and stands under each of its own prefixes.
pub(crate) fn spiffe_id(_: &World, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(domain) = TrustDomain::parse(&text) {
        assert_eq!(domain.as_str(), text);
        assert_eq!(SpiffeId::parse(domain.id().as_str()).unwrap(), domain.id());
        assert!(text.len() <= TRUST_DOMAIN_BYTES_MAX, "a longer trust domain was taken");
    }
    if let Ok(selector) = Selector::parse(&text) {
        assert_eq!(Selector::new(selector.kind(), selector.value()).unwrap(), selector);
    }
    let Ok(id) = SpiffeId::parse(&text) else { return };
    assert_eq!(id.as_str(), text);
    assert!(text.len() <= SPIFFE_ID_BYTES_MAX, "a longer ID was taken");
    assert_eq!(id.trust_domain().with_path(id.path()).unwrap(), id);
    assert_eq!(id.has_path(), id != id.trust_domain().id());
    let ends = id.path().char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at);
    for end in ends.chain([id.path().len()]) {
        let (prefix, _) = id.path().split_at(end);
        assert!(id.is_under(prefix), "{id} is not under its own prefix {prefix}");
    }
}

/// A join string prints as it was read, but for white space around it.
pub(crate) fn join_string(_: &World, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // The checksum keeps a fuzzer out: what follows the mark is taken for a body, and gets its own.
    let with_sum = text.strip_prefix("body:").map(|body| {
        let body = super::world::base64url(body.as_bytes());
        format!("weft-join-1.{body}.{:08x}", super::world::crc32c(body.as_bytes()))
    });
    let text = with_sum.as_deref().unwrap_or(&text);
    let Ok(read) = JoinString::parse(text) else { return };
    assert_eq!(read.format().expose(), text.trim());
    let again = JoinString::parse(read.format().expose()).unwrap();
    assert_eq!(again.pins, read.pins);
    assert_eq!(again.address, read.address);
}
