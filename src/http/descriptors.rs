//! File descriptors: each connection takes one, and the usual limit of 1,024 was meant for programs that use `select`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's limit of open files to the highest it may have without privileges, and gives it; nothing if there
/// is no limit.
pub fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return maximum;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_open_as_many_files_as_it_is_allowed_to_ask_for() {
        let allowed = getrlimit(Resource::Nofile).maximum;
        let low = Rlimit { current: Some(256), maximum: allowed };
        // Tests beside this one meet the lower limit for no longer than two system calls take.
        setrlimit(Resource::Nofile, low).expect("lowered");
        assert_eq!(raise_limit(), allowed);
        assert_eq!(getrlimit(Resource::Nofile).current, allowed);
    }
}
