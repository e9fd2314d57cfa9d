//! What is read from files and standard input; `-` is standard input.

use std::io::{BufRead, Read};
use std::path::Path;

use super::error::Error;

/// The largest file that is read whole: bigger than any document the server takes.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A whole file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| Error::file("read", path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > BYTES_MAX) {
        return Err(Error::local(format!("`{}` is larger than 16 MiB", path.display())));
    }
    Ok(bytes)
}

/// A whole file of text.
pub(super) fn text(path: &Path) -> Result<String, Error> {
    String::from_utf8(bytes(path)?)
        .map_err(|_| Error::local(format!("`{}` is not UTF-8 text", path.display())))
}

/// A secret in a file, without the line end an editor leaves.
pub(super) fn secret(path: &Path) -> Result<String, Error> {
    let text = text(path)?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(Error::local(format!("`{}` is empty", path.display())));
    }
    Ok(secret.to_owned())
}

/// One line of standard input.
pub(super) fn line_of_stdin(what: &str) -> Result<String, Error> {
    let mut line = String::new();
    let read = std::io::stdin().lock().take(BYTES_MAX).read_line(&mut line);
    read.map_err(|error| Error::local(format!("{what} cannot be read: {error}")))?;
    let line = line.trim();
    if line.is_empty() {
        return Err(Error::usage(format!("{what} was not on standard input")));
    }
    Ok(line.to_owned())
}
