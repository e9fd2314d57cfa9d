//! What is left of a permit once it is spent: the facts that a write needs and its event tells.

use super::ids::SubjectId;

/// The facts of a positive decision, after its permit was used up. Plain data: it permits nothing by itself, but a
/// write that carries it is refused if the rights behind it changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Who acted; nobody for the server's own background work.
    pub actor: Option<SubjectId>,
    /// The action's name.
    pub action: &'static str,
    /// Which version of the policies decided.
    pub policy_version: u64,
    /// The change number of the last change of rights the decision saw; `None` where rights do not matter.
    pub rights_seq: Option<i64>,
}

impl Granted {
    /// The server acts on its own settings: rotation, expiry, clean-up. `action` names the work.
    pub const fn to_server(action: &'static str) -> Self {
        Self { actor: None, action, policy_version: 0, rights_seq: None }
    }

    /// Somebody acts on what is theirs, a session or a device: that needs no right but its being theirs.
    pub const fn to_owner(action: &'static str, owner: SubjectId) -> Self {
        Self { actor: Some(owner), action, policy_version: 0, rights_seq: None }
    }
}
