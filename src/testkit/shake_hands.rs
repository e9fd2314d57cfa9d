//! A TLS handshake in memory.

use rustls::{ClientConnection, ServerConnection};

use super::database::must;

/// Carries what each side says to the other, until both are silent; the first that objects ends it with its error.
pub fn shake_hands(
    client: &mut ClientConnection,
    server: &mut ServerConnection,
) -> Result<(), rustls::Error> {
    loop {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        while client.wants_write() {
            must(client.write_tls(&mut there), "written to memory");
        }
        let mut rest = there.as_slice();
        while !rest.is_empty() {
            must(server.read_tls(&mut rest), "read from memory");
            server.process_new_packets()?;
        }
        while server.wants_write() {
            must(server.write_tls(&mut back), "written to memory");
        }
        let mut rest = back.as_slice();
        while !rest.is_empty() {
            must(client.read_tls(&mut rest), "read from memory");
            client.process_new_packets()?;
        }
        if there.is_empty() && back.is_empty() {
            return Ok(());
        }
    }
}
