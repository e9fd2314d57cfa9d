//! The certificate of `public` and `mtls`: that of the settings' files, read again when they change, or one made at the start
//! for trying out.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, Weak};

use futures_util::future::BoxFuture;

use super::build::{Server, unreadable};
use crate::crypto::keys::{Algorithm, PrivateKey, read_key_file};
use crate::crypto::tls::CurrentCertificate;
use crate::crypto::x509::{
    Serial, WebTemplate, pem, pem_certificates, pem_private_key, self_signed_web,
};
use crate::env::{Readers, replace_file};
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Failure, Fault, Kind, Lifetime};

/// What both doors show, and which files it is from.
#[derive(Debug, Default)]
pub(super) struct WebCertificate {
    current: CurrentCertificate,
    /// The files as they were when they were last read; nothing where it was made here.
    seen: Mutex<Option<[Stamp; 2]>>,
}

/// What tells a file from what it was: whoever replaces one changes at least one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    /// Seconds and nanoseconds of its last change, of its rights too.
    changed: (i64, i64),
}

impl WebCertificate {
    /// What handshakes show, from now on and after each `take`.
    pub(super) fn current(&self) -> CurrentCertificate {
        self.current.clone()
    }

    /// Shows the pair that the settings name, as it is in its files now; where they name none, one made now. What does not fit
    /// is an error, and what was shown before stays.
    pub(super) fn take(&self, server: &Server) -> Result<(), Failure> {
        let listen = &server.settings.listen;
        match (&listen.certificate, &listen.certificate_key) {
            (Some(chain), Some(key)) => {
                // Looked at before they are read: what is written meanwhile is seen at the next look.
                self.see([stamp(chain)?, stamp(key)?]);
                let (certificates, key) = (read_chain(chain)?, read_key(key)?);
                self.current.set(&certificates, &key).map_err(|fault| bad(chain, fault))
            }
            (None, None) if self.current.is_set() => Ok(()),
            (None, None) => {
                let (chain, key) = self_made(server)?;
                Ok(self.current.set(&chain, &key)?)
            }
            _ => {
                let words = "`listen.certificate` and `listen.certificate_key` go together: name both or none";
                Err(Failure::new(Kind::Invalid, "listen.certificate", words))
            }
        }
    }

    /// The same where a file is not what it was when it was last read; true if it was.
    pub(super) fn take_changed(&self, server: &Server) -> Result<bool, Failure> {
        let listen = &server.settings.listen;
        let (Some(chain), Some(key)) = (&listen.certificate, &listen.certificate_key) else {
            return Ok(false);
        };
        if *self.seen() == Some([stamp(chain)?, stamp(key)?]) {
            return Ok(false);
        }
        self.take(server).map(|()| true)
    }

    fn see(&self, stamps: [Stamp; 2]) {
        *self.seen() = Some(stamps);
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<[Stamp; 2]>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Reads the certificate of `public` and `mtls` again. New connections see what came; of a pair that does not fit nothing
    /// is taken, and the one before goes on.
    pub fn take_web_certificate(&self) -> Result<(), Failure> {
        self.web.get().map_or(Ok(()), |web| web.take(self))
    }

    /// The same if a file is not what it was when it was last read; true if it was.
    pub fn take_changed_web_certificate(&self) -> Result<bool, Failure> {
        self.web.get().map_or(Ok(false), |web| web.take_changed(self))
    }

    /// Where the certificate is to be read that was made here: what clients on trial check `public` and `mtls` against. None where
    /// the settings name one.
    pub fn self_made_certificate(&self) -> Option<PathBuf> {
        self.settings.listen.certificate.is_none().then(|| self.data_dir().join(SELF_MADE))
    }
}

/// The reconciler `listen.certificate`: a renewed certificate is shown without anybody saying so.
pub(super) struct Changed(pub(super) Weak<Server>);

impl Reconciler for Changed {
    fn name(&self) -> &'static str {
        "listen.certificate"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let Some(server) = self.0.upgrade() else { return Ok(Summary::nothing()) };
            let looking = move || server.take_changed_web_certificate();
            match tokio::task::spawn_blocking(looking).await.map_err(Fault::bug)? {
                Ok(false) => Ok(Summary::nothing()),
                Ok(true) => {
                    tracing::info!("the certificate of `public` and `mtls` was read again");
                    Ok(Summary::did(1, "certificate read again"))
                }
                Err(failure) => Err(Fault::away("listen.certificate", failure.public)),
            }
        })
    }
}

fn stamp(path: &Path) -> Result<Stamp, Failure> {
    let found = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    Ok(Stamp { inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) })
}

fn read_chain(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    pem_certificates(&text).map_err(|error| bad(path, error))
}

fn read_key(path: &Path) -> Result<PrivateKey, Failure> {
    let wrong = |words: String| Failure::new(Kind::Invalid, "listen.certificate_key", words);
    let text = read_key_file(path, KEY_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
    pem_private_key(text.expose()).map_err(|error| bad(path, error))
}

fn bad(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Invalid, "listen.certificate", format!("`{}`: {error}", path.display()))
}

fn self_made(server: &Server) -> Result<(Vec<Vec<u8>>, PrivateKey), Failure> {
    let now = server.env.clock.now();
    let names: Vec<String> = server
        .realms
        .all()
        .iter()
        .flat_map(|realm| realm.hosts.iter().map(|host| host.as_str().to_owned()))
        .chain(["localhost".to_owned()])
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let key = PrivateKey::generate(Algorithm::P256)?;
    let template = WebTemplate {
        names: &names,
        serial: Serial::new(server.env.entropy.as_ref())?,
        not_before: now.minus(Lifetime::hours(1)),
        not_after: now.plus(SELF_MADE_LIFE),
    };
    let certificate = self_signed_web(&template, &key)?;
    let text = pem("CERTIFICATE", &certificate);
    let kept = replace_file(server.data_dir(), SELF_MADE, text.as_bytes(), Readers::Everybody);
    if let Err(error) = kept {
        // Whoever trusts it by other means can use it all the same.
        tracing::warn!(cause = %error, file = SELF_MADE, "the certificate made just now was not written");
    }
    tracing::warn!(
        "`public` and `mtls` show a certificate made just now: good for trying out, and for nothing else"
    );
    Ok((vec![certificate], key))
}

/// The file with it in the data directory, new at each start.
const SELF_MADE: &str = "web.pem";
/// A key in PEM, with words around it.
const KEY_BYTES_MAX: usize = 16 * 1024;
/// A self-made certificate lasts until the next start, and at most this long.
const SELF_MADE_LIFE: Lifetime = Lifetime::days(30);
