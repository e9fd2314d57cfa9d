//! The file of a Unix socket: made with its mode from the first moment, and a stale one replaced without harm.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::env::{hold_file, patiently};

/// A bound socket's file. Removed when dropped, if it is still ours.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
    /// Locked as long as we live, so that two servers never take the file from each other.
    _lock: File,
}

impl SocketFile {
    /// Binds a listener at `path` with exactly this mode, and makes the directory if there is none.
    pub(super) fn bind(path: &Path, mode: u32) -> io::Result<(UnixListener, Self)> {
        check_length(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
        let lock = take(path)?;
        // Bound under another name and renamed when its mode is right: at no moment is it open to others, and at no
        // moment is there no socket where a stale one was.
        let waiting = directory.join(format!(".weft-{}", std::process::id()));
        check_length(&waiting)?;
        remove_if_there(&waiting)?;
        let listener = UnixListener::bind(&waiting)?;
        std::fs::set_permissions(&waiting, Permissions::from_mode(mode))?;
        std::fs::rename(&waiting, path)?;
        let inode = std::fs::symlink_metadata(path)?.ino();
        listener.set_nonblocking(true)?;
        Ok((listener, Self { path: path.to_owned(), inode, _lock: lock }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(socket = %self.path.display(), %error, "socket file stays behind");
        }
    }
}

fn check_length(path: &Path) -> io::Result<()> {
    let bytes = path.as_os_str().len();
    if bytes <= PATH_BYTES_MAX {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "the socket path `{}` has {bytes} bytes, and the kernel takes at most {PATH_BYTES_MAX}: choose a shorter \
         directory",
        path.display()
    )))
}

/// Takes the path for ourselves, once nobody else holds it or listens on it.
fn take(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let taken = hold_file(Path::new(&name)).and_then(|lock| {
        patiently(|| check_stale(path))?;
        Ok(lock)
    });
    taken.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(
            io::ErrorKind::AddrInUse,
            format!(
                "another process listens on `{}`: stop it, or choose another path",
                path.display()
            ),
        ),
        _ => error,
    })
}

/// Something is there: a socket nobody listens on may go; anything else may not.
fn check_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(file) if !file.file_type().is_socket() => Err(io::Error::other(format!(
            "`{}` is there and is not a socket; it is left alone: remove it, or choose another path",
            path.display()
        ))),
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::WouldBlock.into()),
        },
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `sun_path` has 108 bytes, the last of which is zero (unix(7)).
const PATH_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn a_path_that_is_too_long_is_refused_in_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("x".repeat(110));
        let error = SocketFile::bind(&path, 0o600).expect_err("too long").to_string();
        assert!(error.contains("at most 107") && error.contains("shorter"), "{error}");
    }

    #[test]
    fn what_is_not_a_socket_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        std::fs::write(&path, "precious").expect("written");
        let error = SocketFile::bind(&path, 0o600).expect_err("not a socket").to_string();
        assert!(error.contains("not a socket"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "precious");
    }

    #[test]
    fn a_socket_somebody_listens_on_is_not_taken_from_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let ours = SocketFile::bind(&path, 0o600).expect("bound");
        let error = SocketFile::bind(&path, 0o600).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(ours);

        let _foreign = UnixListener::bind(&path).expect("bound without our lock");
        let error = SocketFile::bind(&path, 0o600).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_stale_socket_is_replaced_and_ours_goes_with_us() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("run/weft/s");
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        drop(UnixListener::bind(&path).expect("a socket left behind by a crash"));
        let bound = SocketFile::bind(&path, 0o660).expect("replaced");
        assert_eq!(mode(&path), 0o660);
        assert!(UnixStream::connect(&path).is_ok());
        drop(bound);
        assert!(!path.exists());
    }
}
