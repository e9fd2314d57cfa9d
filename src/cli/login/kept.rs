//! What is kept of a sign-in: one file of its owner alone, replaced whole, behind a lock that one process holds.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::device::Files;
use super::super::error::Error;
use super::super::{file, places};
use super::provider::Provider;
use crate::kernel::Secret;
use crate::wire::api::Time;

/// The directory of a sign-in.
#[derive(Debug, Clone)]
pub(super) struct Place(PathBuf);

/// The right to read and write it, for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held open, which is what locks")] File);

/// A sign-in.
#[derive(Debug)]
pub(super) struct Kept {
    /// What is not secret.
    pub(super) open: Open,
    /// Opens what a person may open, for minutes.
    pub(super) access_token: Secret<String>,
    /// Gets the next ones, once.
    pub(super) refresh_token: Secret<String>,
    /// Shown with it, and there only while its answer is waited for: who crashes then may ask for the same answer again.
    pub(super) attempt: Option<Secret<String>>,
}

/// What is not secret about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Open {
    /// Where.
    pub(super) issuer: String,
    /// The certificates to check the server against, if not the system's.
    pub(super) ca: Option<PathBuf>,
    pub(super) token_endpoint: String,
    pub(super) revocation_endpoint: String,
    pub(super) userinfo_endpoint: String,
    /// The directory of the device that it is bound to: without that one's key no token is renewed.
    #[serde(default)]
    pub(super) device: Option<PathBuf>,
    /// When the access token ends.
    pub(super) access_expires_at: Time,
    /// Whose it is, once an SVID has said so.
    pub(super) spiffe_id: Option<String>,
    /// When all of it ends, at the latest.
    pub(super) session_expires_at: Option<Time>,
}

impl Open {
    /// The server that it is at, which the device it is bound to is shown to.
    pub(super) fn provider(&self) -> Result<Provider, Error> {
        let device = self.device.as_ref().map(|directory| Files::at(directory.clone()).identity());
        let device = device.transpose()?;
        Provider::new(&self.issuer, self.ca.as_deref(), device.as_ref().map(|pem| pem.as_bytes()))
    }
}

/// The file. It has no `Debug`: it holds the secrets.
#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(flatten)]
    open: Open,
    access_token: String,
    refresh_token: String,
    attempt: Option<String>,
}

impl Place {
    /// Of whoever runs this.
    pub(super) fn of_process() -> Self {
        Self(places::login())
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.0
    }

    /// True if somebody is signed in.
    pub(super) fn is_there(&self) -> bool {
        self.0.join(SESSION).exists()
    }

    /// Waits until no other process holds it.
    pub(super) fn lock(&self) -> Result<Lock, Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        let path = self.0.join("lock");
        let open = || {
            made?;
            // Somebody may have made it before, for everybody.
            fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700))?;
            let mut options = File::options();
            options.create(true).truncate(false).write(true).mode(0o600).open(&path)
        };
        let locked = open().and_then(|file| {
            file.lock()?;
            Ok(Lock(file))
        });
        locked.map_err(|error| Error::file("locked", &path, &error))
    }

    /// What is kept, if anything.
    pub(super) fn read(&self, _lock: &Lock) -> Result<Option<Kept>, Error> {
        let path = self.0.join(SESSION);
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", &path, &error)),
        };
        let mode = fs::metadata(&path).map(|file| file.permissions().mode()).unwrap_or_default();
        if mode & 0o077 != 0 {
            return Err(Error::Local {
                what: format!("`{}` can be read by others", path.display()),
                next: "Whoever read it can be you: `chmod 600` it and `weft logout`.".to_owned(),
            });
        }
        let document: Document = serde_json::from_str(&text).map_err(|_| Error::Local {
            what: format!("`{}` is not what `weft login` wrote", path.display()),
            next: "Remove it, and `weft login` again.".to_owned(),
        })?;
        let Document { open, access_token, refresh_token, attempt } = document;
        let (access_token, refresh_token) = (Secret::new(access_token), Secret::new(refresh_token));
        Ok(Some(Kept { open, access_token, refresh_token, attempt: attempt.map(Secret::new) }))
    }

    /// Keeps this.
    pub(super) fn write(&self, _lock: &Lock, kept: &Kept) -> Result<(), Error> {
        let mut document = Document {
            open: kept.open.clone(),
            access_token: kept.access_token.expose().clone(),
            refresh_token: kept.refresh_token.expose().clone(),
            attempt: kept.attempt.as_ref().map(|attempt| attempt.expose().clone()),
        };
        let text = serde_json::to_string_pretty(&document).map(Zeroizing::new);
        let Document { access_token, refresh_token, attempt, .. } = &mut document;
        [Some(access_token), Some(refresh_token), attempt.as_mut()]
            .into_iter()
            .flatten()
            .for_each(zeroize::Zeroize::zeroize);
        let text = text.map_err(|error| Error::local(format!("no document: {error}")))?;
        file::replace(&self.0, SESSION, text.as_bytes(), file::Readers::Owner).map(drop)
    }

    /// Removes what is kept, and the SVID beside it. The lock stays: who waits for it finds nothing.
    pub(super) fn remove(&self, _lock: &Lock) -> Result<(), Error> {
        for name in [SESSION, "key.pem", "svid.pem", "bundle.pem"] {
            let path = self.0.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::file("removed", &path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

const SESSION: &str = "session.json";

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let at = Time(crate::kernel::Timestamp::from_seconds(1_000));
        Kept {
            open: Open {
                issuer: "https://weft.example".to_owned(),
                ca: None,
                token_endpoint: "https://weft.example/token".to_owned(),
                revocation_endpoint: "https://weft.example/revoke".to_owned(),
                userinfo_endpoint: "https://weft.example/userinfo".to_owned(),
                device: None,
                access_expires_at: at,
                spiffe_id: Some("spiffe://weft.example/user/ann".to_owned()),
                session_expires_at: None,
            },
            access_token: Secret::new("access".to_owned()),
            refresh_token: Secret::new("wrt_refresh".to_owned()),
            attempt: None,
        }
    }

    #[test]
    fn a_sign_in_is_for_its_owner_alone_and_comes_back_whole() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place(directory.path().join("weft").join("login"));
        let lock = place.lock().unwrap();
        assert!(place.read(&lock).unwrap().is_none() && !place.is_there());
        place.write(&lock, &kept()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(place.directory()), 0o700);
        assert_eq!(mode(&place.directory().join(SESSION)), 0o600);
        assert_eq!(mode(&place.directory().join("lock")), 0o600);
        let read = place.read(&lock).unwrap().unwrap();
        assert_eq!(read.refresh_token.expose(), "wrt_refresh");
        assert_eq!(read.open.spiffe_id.as_deref(), Some("spiffe://weft.example/user/ann"));
        let shown = format!("{read:?}");
        assert!(!shown.contains("wrt_refresh") && !shown.contains("\"access\""), "{shown}");
        place.remove(&lock).unwrap();
        assert!(!place.is_there());
    }

    #[test]
    fn a_sign_in_that_others_could_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place(directory.path().join("login"));
        let lock = place.lock().unwrap();
        place.write(&lock, &kept()).unwrap();
        let path = place.directory().join(SESSION);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = place.read(&lock).unwrap_err().to_string();
        assert!(error.contains("can be read by others"), "{error}");
    }

    #[test]
    fn a_second_process_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place(directory.path().join("login"));
        let lock = place.lock().unwrap();
        let again = File::options().write(true).open(place.directory().join("lock")).unwrap();
        assert!(again.try_lock().is_err());
        drop(lock);
        assert!(again.try_lock().is_ok());
    }
}
