//! The questions that administrators' operations ask.

use crate::access::{Action, Administrator, Request};
use crate::kernel::{SpiffeId, UserId};

/// Look at people.
#[derive(Debug)]
pub(super) struct ReadAccount<'a> {
    pub(super) by: &'a Administrator,
    pub(super) user: Option<UserId>,
    pub(super) spiffe_id: Option<&'a SpiffeId>,
}

impl Action for ReadAccount<'_> {
    const NAME: &'static str = "ReadAccount";

    fn request(&self) -> Request<'_> {
        let id = if self.user.is_some() { "one" } else { "all" };
        self.by.request(("Account", id), self.spiffe_id)
    }
}

macro_rules! on_account {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name<'a> {
            pub(super) by: &'a Administrator,
            pub(super) id: &'a str,
            pub(super) spiffe_id: Option<&'a SpiffeId>,
        }

        impl Action for $name<'_> {
            const NAME: &'static str = stringify!($name);

            fn request(&self) -> Request<'_> {
                self.by.request(("Account", self.id), self.spiffe_id)
            }
        }
    )*};
}

on_account! {
    /// Make a person.
    CreateAccount;
    /// Change what is said of a person.
    UpdateAccount;
    /// Keep a person from signing in, or let them again.
    LockAccount;
    /// Erase a person.
    DeleteAccount;
    /// Read everything that is known of a person.
    ExportAccount;
    /// Take all credentials of a person away, or give them a link to make a first one.
    EnrolAccount;
}

macro_rules! on_group {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name<'a> {
            pub(super) by: &'a Administrator,
            pub(super) group: &'a str,
        }

        impl Action for $name<'_> {
            const NAME: &'static str = stringify!($name);

            fn request(&self) -> Request<'_> {
                self.by.request(("Group", self.group), None)
            }
        }
    )*};
}

on_group! {
    /// Look at groups.
    ReadGroup;
    /// Make a group, or change it or its members.
    SetGroup;
    /// Remove a group.
    DeleteGroup;
}
