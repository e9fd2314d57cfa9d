//! How sure a sign-in is: the methods that were shown (RFC 8176), and the assurance level they make (NIST SP 800-63B-4 §2).

use std::collections::BTreeSet;

use super::Strength;

/// The authentication assurance level of a sign-in. Ordered: a surer one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Assurance {
    /// One factor.
    Aal1,
    /// Two factors, or one authenticator that is two; resists replay.
    Aal2,
    /// Resists phishing, with a key held in hardware that does not leave it.
    Aal3,
}

impl Assurance {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::Aal1, Self::Aal2, Self::Aal3];

    /// The name in `acr`, `acr_values`, policies and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
            Self::Aal3 => "aal3",
        }
    }

    /// Reads the name that `as_str` prints.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// The level as policies compare it: 1, 2, 3.
    pub const fn level(self) -> i64 {
        match self {
            Self::Aal1 => 1,
            Self::Aal2 => 2,
            Self::Aal3 => 3,
        }
    }

    /// The next surer level, if there is one.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Aal1 => Some(Self::Aal2),
            Self::Aal2 => Some(Self::Aal3),
            Self::Aal3 => None,
        }
    }

    /// How strong evidence of such a sign-in is.
    pub const fn strength(self) -> Strength {
        match self {
            Self::Aal1 | Self::Aal2 => Strength::Software,
            Self::Aal3 => Strength::Hardware,
        }
    }
}

/// One thing that a person showed at a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// A password.
    Password,
    /// A time-based one-time password.
    Totp,
    /// A passkey that may be synchronised between devices, with its user verified.
    Passkey,
    /// A passkey bound to one piece of hardware, with its user verified.
    HardwarePasskey,
    /// One of the codes kept for a bad day.
    RecoveryCode,
    /// A link or code sent to a verified address.
    Mail,
    /// The word of another identity provider.
    Upstream,
    /// What another identity provider showed to be two factors (its `amr` or `acr`, where that provider is trusted in it).
    UpstreamTwoFactor,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::Totp,
        Self::Passkey,
        Self::HardwarePasskey,
        Self::RecoveryCode,
        Self::Mail,
        Self::Upstream,
        Self::UpstreamTwoFactor,
    ];

    /// The name in rows, policies and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::HardwarePasskey => "hardware_passkey",
            Self::RecoveryCode => "recovery_code",
            Self::Mail => "mail",
            Self::Upstream => "upstream",
            Self::UpstreamTwoFactor => "upstream_two_factor",
        }
    }

    /// Reads the name that `as_str` prints.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Its values in `amr` (RFC 8176 §2).
    pub const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::Totp | Self::RecoveryCode | Self::Mail => &["otp"],
            Self::Passkey => &["swk", "user"],
            Self::HardwarePasskey => &["hwk", "user"],
            Self::Upstream => &["fed"],
            Self::UpstreamTwoFactor => &["fed", "mfa"],
        }
    }
}

/// The values in `amr` (RFC 8176 §2) of these methods together, in a fixed order.
pub fn amr_of(methods: &BTreeSet<Method>) -> BTreeSet<&'static str> {
    methods.iter().flat_map(|method| method.amr().iter().copied()).collect()
}

/// The level that these methods make together.
///
/// A passkey that verified its user is two factors in one. A one-time password or a recovery code is a second factor beside a
/// password or another provider. Mail replaces a forgotten password and adds nothing to one.
pub fn assurance_of(methods: &BTreeSet<Method>) -> Assurance {
    let has = |method| methods.contains(&method);
    let second = has(Method::Totp) || has(Method::RecoveryCode);
    if has(Method::HardwarePasskey) {
        Assurance::Aal3
    } else if has(Method::Passkey)
        || has(Method::UpstreamTwoFactor)
        || (second && (has(Method::Password) || has(Method::Upstream)))
    {
        Assurance::Aal2
    } else {
        Assurance::Aal1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_make_a_level() {
        use Method as M;
        let check = |methods: &[Method], level: Assurance| {
            assert_eq!(assurance_of(&methods.iter().copied().collect()), level, "{methods:?}");
        };
        check(&[], Assurance::Aal1);
        check(&[M::Password], Assurance::Aal1);
        check(&[M::Mail], Assurance::Aal1);
        check(&[M::Upstream], Assurance::Aal1);
        check(&[M::RecoveryCode], Assurance::Aal1);
        check(&[M::Password, M::Mail], Assurance::Aal1);
        check(&[M::Password, M::Totp], Assurance::Aal2);
        check(&[M::Password, M::RecoveryCode], Assurance::Aal2);
        check(&[M::Upstream, M::Totp], Assurance::Aal2);
        check(&[M::UpstreamTwoFactor], Assurance::Aal2);
        check(&[M::Passkey], Assurance::Aal2);
        check(&[M::HardwarePasskey], Assurance::Aal3);
    }

    #[test]
    fn names_are_read_back() {
        for method in Method::ALL {
            assert_eq!(Method::parse(method.as_str()), Some(method));
        }
        for level in Assurance::ALL {
            assert_eq!(Assurance::parse(level.as_str()), Some(level));
        }
    }
}
