//! The list of passwords that are known to others: a sorted file, searched by halves, never read whole.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use crate::crypto::digest::hex;
use crate::kernel::Fault;

/// The file. Each line begins with 5 to 40 hexadecimal digits of a SHA-1, and may say more behind a colon.
#[derive(Debug, Clone)]
pub(in crate::accounts) struct Breached(pub(in crate::accounts) PathBuf);

impl Breached {
    /// True if a line is the beginning of this digest.
    pub(in crate::accounts) fn has(&self, digest: &[u8; 20]) -> Result<bool, Fault> {
        let wanted = hex(digest);
        let found = self.last_up_to(&wanted).map_err(|error| {
            Fault::away("breached passwords", format!("`{}`: {error}", self.0.display()))
        })?;
        Ok(found.is_some_and(|line| line.len() >= PREFIX_MIN && wanted.starts_with(&line)))
    }

    /// The last line that is not behind `wanted`: where lines have one length, no other can begin it.
    fn last_up_to(&self, wanted: &str) -> io::Result<Option<String>> {
        let mut file = File::open(&self.0)?;
        let (mut low, mut high) = (0, file.metadata()?.len());
        let mut best = None;
        while low < high {
            let middle = low + (high - low) / 2;
            match line_from(&mut file, middle)? {
                Some((end, line)) if line.as_str() <= wanted => {
                    best = Some(line);
                    low = end;
                }
                _ => high = middle,
            }
        }
        Ok(best)
    }
}

/// The first line that begins at or after this place, and where the next one begins.
fn line_from(file: &mut File, at: u64) -> io::Result<Option<(u64, String)>> {
    // One byte earlier: a line that begins exactly here is not skipped.
    let from = at.saturating_sub(1);
    file.seek(SeekFrom::Start(from))?;
    let mut window = Vec::with_capacity(WINDOW_BYTES);
    file.take(u64::try_from(WINDOW_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut window)?;
    let text = String::from_utf8_lossy(&window).to_ascii_lowercase();
    let skip = if at == 0 { 0 } else { text.find('\n').map_or(text.len(), |end| end + 1) };
    let rest = text.get(skip..).unwrap_or_default();
    let Some(line) = rest.split('\n').next().filter(|line| !line.is_empty()) else {
        return Ok(None);
    };
    let end = skip + line.len() + 1;
    let digits = line.split(':').next().unwrap_or_default().trim().to_owned();
    Ok(Some((from + u64::try_from(end).unwrap_or(u64::MAX), digits)))
}

/// Two lines of a full list fit.
const WINDOW_BYTES: usize = 256;
/// Shorter ones would refuse one password in a thousand.
const PREFIX_MIN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::sha1;

    fn list(lines: &[String], end: &str) -> (tempfile::TempDir, Breached) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        std::fs::write(&path, lines.join("\n") + end).unwrap();
        (directory, Breached(path))
    }

    #[test]
    fn each_listed_password_is_found_and_no_other() {
        let mut lines: Vec<String> = (0..500)
            .map(|n| hex(&sha1(format!("password{n}").as_bytes())).to_ascii_uppercase())
            .enumerate()
            .map(|(n, digits)| match n % 3 {
                0 => digits,
                1 => format!("{digits}:{n}"),
                _ => digits.chars().take(20).collect(),
            })
            .collect();
        lines.sort();
        for end in ["", "\n"] {
            let (_directory, list) = list(&lines, end);
            for n in 0..500 {
                assert!(list.has(&sha1(format!("password{n}").as_bytes())).unwrap(), "{n}");
                assert!(!list.has(&sha1(format!("other{n}").as_bytes())).unwrap(), "{n}");
            }
        }
    }

    #[test]
    fn an_empty_list_has_nothing_and_one_that_is_gone_is_an_error() {
        let (_directory, list) = list(&[], "");
        assert!(!list.has(&[0; 20]).unwrap());
        assert!(Breached(PathBuf::from("/nonexistent")).has(&[0; 20]).is_err());
    }
}
