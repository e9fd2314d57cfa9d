//! What is to be sent, as it waits: sealed, because it names people, and bound to its delivery.

use serde_json::{Value, json};

use crate::accounts::model::{Error, ProofPurpose};
use crate::crypto::digest::{base64url, from_base64url};
use crate::crypto::seal::KekRing;
use crate::env::Entropy;
use crate::http::pages::Language;
use crate::jobs::deliveries::Delivery;
use crate::kernel::{Fault, RealmId, Timestamp, UserId};

/// A letter that is not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Letter {
    /// Shows that its reader gets the mail of this person's address.
    Verify(UserId),
    /// Shows that its reader gets the mail of an address that this person wants in the place of theirs.
    Move(UserId, String),
    /// Lets whoever may type this in without the password, if there is somebody.
    Recover(String),
    /// Tells of a link that came or went.
    Link(LinkNews),
    /// Tells that something else changed by which they sign in.
    Credential(CredentialNews),
}

/// What a letter about a credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::accounts) struct CredentialNews {
    /// Whom.
    pub(in crate::accounts) user: UserId,
    /// What changed.
    pub(in crate::accounts) what: Turn,
    /// When.
    pub(in crate::accounts) at: Timestamp,
    /// To which address, if that is the account's no more.
    pub(in crate::accounts) to: Option<String>,
}

/// What became of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::accounts) enum Turn {
    PasswordSet,
    PasswordRemoved,
    PasskeyAdded,
    PasskeyRemoved,
    TotpAdded,
    TotpRemoved,
    CodesMade,
    CodeUsed,
    Reset,
    AddressChanged,
}

impl Turn {
    /// All of them.
    pub(super) const ALL: [Self; 10] = [
        Self::PasswordSet,
        Self::PasswordRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::TotpAdded,
        Self::TotpRemoved,
        Self::CodesMade,
        Self::CodeUsed,
        Self::Reset,
        Self::AddressChanged,
    ];

    /// The word in the letter that waits.
    const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordSet => "password_set",
            Self::PasswordRemoved => "password_removed",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::TotpAdded => "totp_added",
            Self::TotpRemoved => "totp_removed",
            Self::CodesMade => "codes_made",
            Self::CodeUsed => "code_used",
            Self::Reset => "reset",
            Self::AddressChanged => "address_changed",
        }
    }
}

/// What a letter about a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::accounts) struct LinkNews {
    /// Whom.
    pub(in crate::accounts) user: UserId,
    /// Whether it came or went.
    pub(in crate::accounts) what: News,
    /// The provider, as people know it.
    pub(in crate::accounts) provider: String,
    /// Who one is there.
    pub(in crate::accounts) display: Option<String>,
    /// When.
    pub(in crate::accounts) at: Timestamp,
    /// From which address, and what the browser calls itself.
    pub(in crate::accounts) from: Option<(String, String)>,
    /// The digest of the identity: what the letter's link takes back.
    pub(in crate::accounts) identity: Vec<u8>,
}

/// What became of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::accounts) enum News {
    Linked,
    Unlinked,
}

/// A letter as it was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posted {
    /// What it is about.
    pub(super) letter: Letter,
    /// The language in which somebody asked for it: it counts where the account has none.
    pub(super) language: Option<Language>,
}

impl Letter {
    /// What its link is good for, and what that is bound to; nothing for a letter that only tells.
    pub(super) fn asks(&self) -> Option<(ProofPurpose, Option<Vec<u8>>)> {
        match self {
            Self::Verify(_) => Some((ProofPurpose::VerifyAddress, None)),
            Self::Move(..) => Some((ProofPurpose::ChangeAddress, None)),
            Self::Recover(_) => Some((ProofPurpose::Recover, None)),
            Self::Link(news) => match news.what {
                News::Linked => Some((ProofPurpose::Unlink, Some(news.identity.clone()))),
                News::Unlinked => None,
            },
            Self::Credential(_) => None,
        }
    }
}

impl Posted {
    pub(super) fn sealed(
        &self,
        realm: RealmId,
        id: String,
        (ring, entropy): (&KekRing, &dyn Entropy),
    ) -> Result<Delivery, Error> {
        let mut document = match &self.letter {
            Letter::Verify(user) => json!({ "verify": user.to_string() }),
            Letter::Move(user, address) => {
                json!({ "move": user.to_string(), "address": address })
            }
            Letter::Recover(typed) => json!({ "recover": typed }),
            Letter::Link(news) => news.written(),
            Letter::Credential(news) => news.written(),
        };
        if let (Some(members), Some(language)) = (document.as_object_mut(), self.language) {
            members.insert("language".to_owned(), language.tag().into());
        }
        let text = serde_json::to_vec(&document).map_err(Fault::bug)?;
        let body = ring.seal(&place(realm, &id), &text, entropy)?;
        Ok(Delivery { id, kind: KIND.into(), body })
    }

    pub(super) fn open(realm: RealmId, delivery: &Delivery, ring: &KekRing) -> Result<Self, Fault> {
        let bad = || Fault::malformed("letter", "it says nothing that is known");
        let text = ring.open(&place(realm, &delivery.id), &delivery.body)?;
        let document: Value = serde_json::from_slice(text.expose()).map_err(|_| bad())?;
        let field = |name: &str| document.get(name).and_then(Value::as_str);
        let user = |name: &str| field(name).and_then(|id| UserId::parse(id).ok());
        let language = field("language").and_then(Language::of_tag);
        let letter = if let Some(user) = user("verify") {
            Letter::Verify(user)
        } else if let (Some(user), Some(address)) = (user("move"), field("address")) {
            Letter::Move(user, address.to_owned())
        } else if let Some(typed) = field("recover") {
            Letter::Recover(typed.to_owned())
        } else if let Some(news) = CredentialNews::read(&document) {
            Letter::Credential(news)
        } else {
            LinkNews::read(&document).map(Letter::Link).ok_or_else(bad)?
        };
        Ok(Self { letter, language })
    }
}

impl CredentialNews {
    fn written(&self) -> Value {
        json!({
            "credential": self.user.to_string(),
            "what": self.what.as_str(),
            "at": self.at.micros(),
            "to": self.to,
        })
    }

    fn read(document: &Value) -> Option<Self> {
        let text = |name: &str| document.get(name)?.as_str();
        let what = text("what")?;
        Some(Self {
            user: UserId::parse(text("credential")?).ok()?,
            what: Turn::ALL.into_iter().find(|turn| turn.as_str() == what)?,
            at: Timestamp::from_micros(document.get("at")?.as_i64()?),
            to: text("to").map(str::to_owned),
        })
    }
}

impl LinkNews {
    fn written(&self) -> Value {
        let (address, agent) = self.from.clone().unzip();
        json!({
            "link": self.user.to_string(),
            "what": match self.what { News::Linked => "linked", News::Unlinked => "unlinked" },
            "provider": self.provider,
            "display": self.display,
            "at": self.at.micros(),
            "address": address,
            "agent": agent,
            "identity": base64url(&self.identity),
        })
    }

    fn read(document: &Value) -> Option<Self> {
        let text = |name: &str| document.get(name)?.as_str().map(str::to_owned);
        Some(Self {
            user: UserId::parse(&text("link")?).ok()?,
            what: match text("what")?.as_str() {
                "linked" => News::Linked,
                "unlinked" => News::Unlinked,
                _ => return None,
            },
            provider: text("provider")?,
            display: text("display"),
            at: Timestamp::from_micros(document.get("at")?.as_i64()?),
            from: text("address").zip(text("agent")),
            identity: from_base64url(&text("identity")?)?,
        })
    }
}

fn place(realm: RealmId, id: &str) -> Vec<u8> {
    format!("letter|{realm}|{id}").into_bytes()
}

/// The kind of delivery.
pub(super) const KIND: &str = "mail";
