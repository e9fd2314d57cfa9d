//! What a realm's pages say of themselves: read by every page from memory, changed while the server runs.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::{BRAND, BRAND_CHANGED, Error, Realm};
use super::{Realms, store};
use crate::access::{Action, Administrator, Request};
use crate::crypto::digest::{hex, sha256};
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::http::pages::Brand;
use crate::kernel::{Fault, RealmId, Timestamp};

/// May they say how the realm's pages look?
struct SetBrand<'a> {
    by: &'a Administrator,
    realm: &'a Realm,
}

impl Action for SetBrand<'_> {
    const NAME: &'static str = "SetBrand";

    fn request(&self) -> Request<'_> {
        self.by.request(("Realm", self.realm.name.as_str()), None)
    }
}

/// What one run of the write needs.
#[derive(Debug)]
struct Input {
    brand: Option<Brand>,
    event: Event,
    now: Timestamp,
}

impl Realms {
    /// What a realm's pages say of themselves: what was set, else the realm's own name.
    pub fn brand(&self, realm: &Realm) -> Arc<Brand> {
        let set = self.brands.load().get(&realm.id).cloned();
        set.unwrap_or_else(|| Arc::new(unset(realm)))
    }

    /// The same for an administrator; and whether it was set.
    pub fn read_brand(&self, by: &Administrator) -> Result<(Arc<Brand>, bool), Error> {
        let realm = self.get(by.realm).ok_or(Error::Unknown)?;
        self.access.permit(super::ReadRealm { asker: &by.asker, realm: &realm })?.spend();
        let set = self.brands.load().contains_key(&realm.id);
        Ok((self.brand(&realm), set))
    }

    /// Sets it; nothing: pages say the realm's own name again.
    ///
    /// Errors: `Invalid` for a brand that cannot be read well; `Denied`.
    pub async fn set_brand(&self, by: &Administrator, brand: Option<Brand>) -> Result<(), Error> {
        let realm = self.get(by.realm).ok_or(Error::Unknown)?;
        if let Some(brand) = &brand {
            brand.check()?;
        }
        let granted = self.access.permit(SetBrand { by, realm: &realm })?.spend().1;
        let event = by.asker.sign(told(by.realm, brand.as_ref()));
        let input = Input { brand, event, now: self.env.clock.now() };
        self.events
            .change_in(by.realm, granted, input, |tx, input| {
                Box::pin(async move {
                    match &input.brand {
                        Some(brand) => store::put_brand(tx, brand, input.now).await?,
                        None => store::delete_brand(tx).await?,
                    }
                    let changes = vec![(BRAND, BRAND.to_owned(), input.event.clone())];
                    Ok(Changed { value: (), changes, rights: false })
                })
            })
            .await
    }

    /// Reads the brand of the transaction's realm. Idempotent.
    pub async fn apply_brand(&self, tx: &mut Tx) -> Result<(), Fault> {
        let (realm, brand) = (tx.realm(), store::brand(tx).await?.map(Arc::new));
        self.brands.rcu(|brands| {
            let mut brands = HashMap::clone(brands);
            match &brand {
                Some(brand) => brands.insert(realm, Arc::clone(brand)),
                None => brands.remove(&realm),
            };
            brands
        });
        Ok(())
    }
}

/// Its name, and Weft's where it is the only one and nobody has named it.
fn unset(realm: &Realm) -> Brand {
    let name = realm.name.as_str();
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let shown = first.into_iter().chain(letters).collect::<String>();
    if name == "default" { Brand::default() } else { Brand::named(shown) }
}

fn told(realm: RealmId, brand: Option<&Brand>) -> Event {
    let event = Event::new(realm, BRAND_CHANGED);
    let Some(brand) = brand else { return event.about("reset", true) };
    event
        .about("name", brand.name.as_str())
        .about("accent", brand.accent.map(crate::http::pages::Colour::css))
        .about("accent_dark", brand.accent_dark.map(crate::http::pages::Colour::css))
        .about("logo", brand.logo.as_ref().map(|logo| hex(&sha256(&logo.bytes))))
}
