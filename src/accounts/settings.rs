//! Settings of people's accounts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::crypto::password::{PASSWORD_CHARS_MAX, PasswordCost};
use crate::settings::{section, value};

section! {
    /// `[accounts]`: people, and what they sign in with.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// Characters that a new password has at least. NIST SP 800-63B-4 asks for 15 where a password is the only factor, and
        /// for 8 where there is a second one.
        pub password_chars_min: usize,
        /// Memory that the hash of a password takes, in KiB.
        pub password_memory_kib: u32,
        /// Passes over that memory.
        pub password_passes: u32,
        /// Threads that hash passwords, at a lower priority than all others. 0: one for each core.
        pub password_threads: usize,
        /// A sorted file of passwords that are known to others, a line each: the first 5 to 40 hexadecimal digits of their
        /// SHA-1. Not set: none is looked up.
        pub breached_passwords: Option<PathBuf>,
        /// Wrong tries that an account, as it was typed, has at once; after them each takes longer than the one before.
        pub tries_per_account: u32,
        /// The same for an address that tries come from.
        pub tries_per_address: u32,
        /// The same for a network: /24 of IPv4, /48 of IPv6.
        pub tries_per_network: u32,
        /// Mail.
        pub mail: MailSettings,
    }
    fits { problem }
}

section! {
    /// `[accounts.mail]`: how mail leaves.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct MailSettings {
        /// `none`: no mail is sent, and what needs it is not offered. `smtp`: through a server. `maildir`: into a directory, for
        /// trying out.
        pub transport: MailTransport,
        /// Who it comes from: an address, or a name and an address in angle brackets.
        pub from: String,
        /// The mail server's host name.
        pub host: String,
        /// Its port. 0: 465 with `tls`, 587 with `starttls`, 25 with `plain`.
        pub port: u16,
        /// How the connection is protected: `tls` from its first byte, `starttls`, or `plain`, for a server on this machine.
        pub security: MailSecurity,
        /// The name to sign in with at the mail server; empty: not at all.
        pub username: String,
        /// A file with the password for it.
        pub password_file: Option<PathBuf>,
        /// PEM file with the certificates of those who vouch for the mail server, and nobody else. Not set: the authorities
        /// that browsers trust.
        pub certificates: Option<PathBuf>,
        /// The directory of `maildir`.
        pub directory: Option<PathBuf>,
    }
    fits { problem }
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// It does not.
    None,
    /// Through a mail server.
    Smtp,
    /// Into a directory.
    Maildir,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after a greeting; a server that does not offer it gets nothing.
    Starttls,
    /// Not at all.
    Plain,
}

value!(MailTransport);
value!(MailSecurity);

impl Default for Settings {
    fn default() -> Self {
        let PasswordCost { memory_kib, passes, .. } = PasswordCost::default();
        Self {
            password_chars_min: 15,
            password_memory_kib: memory_kib,
            password_passes: passes,
            password_threads: 0,
            breached_passwords: None,
            tries_per_account: 5,
            tries_per_address: 20,
            tries_per_network: 100,
            mail: MailSettings::default(),
        }
    }
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            transport: MailTransport::None,
            from: "Weft <weft@localhost>".to_owned(),
            host: "localhost".to_owned(),
            port: 0,
            security: MailSecurity::Tls,
            username: String::new(),
            password_file: None,
            certificates: None,
            directory: None,
        }
    }
}

impl Settings {
    /// What a hash costs.
    pub fn password_cost(&self) -> PasswordCost {
        PasswordCost {
            memory_kib: self.password_memory_kib,
            passes: self.password_passes,
            lanes: 1,
        }
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        if !(8..=PASSWORD_CHARS_MAX).contains(&self.password_chars_min) {
            return Some(("password_chars_min", format!("must be 8 to {PASSWORD_CHARS_MAX}")));
        }
        if !(8..=4 * 1024 * 1024).contains(&self.password_memory_kib) {
            return Some(("password_memory_kib", "must be 8 to 4194304".to_owned()));
        }
        if !(1..=100).contains(&self.password_passes) {
            return Some(("password_passes", "must be 1 to 100".to_owned()));
        }
        [
            ("tries_per_account", self.tries_per_account),
            ("tries_per_address", self.tries_per_address),
            ("tries_per_network", self.tries_per_network),
        ]
        .into_iter()
        .find_map(|(key, tries)| (tries == 0).then(|| (key, "must be at least 1".to_owned())))
    }
}

impl MailSettings {
    fn problem(&self) -> Option<(&'static str, String)> {
        if self.transport == MailTransport::Maildir && self.directory.is_none() {
            return Some(("directory", "is needed with the transport `maildir`".to_owned()));
        }
        let signs_in = !self.username.is_empty();
        if signs_in != self.password_file.is_some() {
            return Some(("password_file", "goes together with `username`".to_owned()));
        }
        if signs_in && self.security == MailSecurity::Plain {
            return Some(("security", "must protect the password: `tls` or `starttls`".to_owned()));
        }
        None
    }
}
