//! SVIDs as files: PEM for X.509, one token a file; keys and tokens can be read by their owner only, and no reader ever
//! sees half of one.

use std::fs;
use std::path::Path;

use weft_proto::workload::{Jwtsvid, X509svidResponse};

use super::super::error::Error;
use super::super::file::{Readers, replace};
use super::super::print::Printer;
use super::identity::{chain_pem, key_pem};

/// `svid.<n>.pem`, `svid.<n>.key`, `bundle.<n>.pem`, and `federated.<trust domain>.pem`.
pub(super) fn x509(
    directory: &Path,
    message: &X509svidResponse,
    print: &mut Printer,
) -> Result<(), Error> {
    make(directory)?;
    for (at, svid) in message.svids.iter().enumerate() {
        // The key first: whoever watches the certificate finds the key that belongs to it.
        file(
            directory,
            &format!("svid.{at}.key"),
            key_pem(svid).as_bytes(),
            Readers::Owner,
            print,
        )?;
        let chain = chain_pem(&svid.x509_svid)?;
        file(directory, &format!("svid.{at}.pem"), chain.as_bytes(), Readers::Everybody, print)?;
        let bundle = chain_pem(&svid.bundle)?;
        file(directory, &format!("bundle.{at}.pem"), bundle.as_bytes(), Readers::Everybody, print)?;
    }
    for (id, bundle) in &message.federated_bundles {
        let name = id.strip_prefix("spiffe://").unwrap_or(id);
        // It becomes part of a file's name.
        let name = crate::kernel::TrustDomain::parse(name)
            .map_err(|error| Error::local(format!("the agent's bundle of `{id}`: {error}")))?;
        let name = format!("federated.{name}.pem");
        file(directory, &name, chain_pem(bundle)?.as_bytes(), Readers::Everybody, print)?;
    }
    Ok(())
}

/// `jwt_svid.<n>.token`.
pub(super) fn jwt(directory: &Path, svids: &[Jwtsvid], print: &mut Printer) -> Result<(), Error> {
    make(directory)?;
    for (at, svid) in svids.iter().enumerate() {
        let name = format!("jwt_svid.{at}.token");
        file(directory, &name, svid.svid.as_bytes(), Readers::Owner, print)?;
    }
    Ok(())
}

fn make(directory: &Path) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(|error| Error::file("made", directory, &error))
}

fn file(
    directory: &Path,
    name: &str,
    bytes: &[u8],
    readers: Readers,
    print: &mut Printer,
) -> Result<(), Error> {
    let path = replace(directory, name, bytes, readers)?;
    print.note(&format!("wrote {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_written_for_its_owner_only_also_over_an_open_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("jwt_svid.0.token");
        fs::write(&path, "old").expect("an old file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("readable by all");
        let mut print = Printer::to(Box::new(io::sink()), Box::new(io::sink()), None);
        let svid = Jwtsvid { svid: "t0ken".to_owned(), ..Jwtsvid::default() };
        jwt(directory.path(), &[svid], &mut print).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "t0ken");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).expect("there").count(), 1);
    }
}
