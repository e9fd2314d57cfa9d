//! Groups: made, described, removed; who is in them.

use super::change_user::{LOCAL, touched};
use super::model::{By, Error, Group};
use super::{Accounts, actions, store};
use crate::access::Administrator;
use crate::events::{Changed, Event};
use crate::kernel::{Fault, RealmId, UpstreamId, UserId};

impl Accounts {
    /// A group, for an administrator.
    pub async fn show_group(&self, by: &Administrator, id: &str) -> Result<Group, Error> {
        self.inner.access.permit(actions::ReadGroup { by, group: id })?.spend();
        let read = self.inner.env.db.read(by.realm, id.to_owned(), |tx, id| {
            Box::pin(async move { store::group(tx, id).await })
        });
        read.await.map_err(|fault: Fault| fault)?.ok_or(Error::Unknown("group"))
    }

    /// The members of a group, after a position, for an administrator.
    pub async fn members(
        &self,
        by: &Administrator,
        id: &str,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, Error> {
        self.show_group(by, id).await?;
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let input = (id.to_owned(), after, i64::try_from(limit).unwrap_or(i64::MAX));
        let read = self.inner.env.db.read(by.realm, input, |tx, (id, after, limit)| {
            Box::pin(async move { store::members(tx, id, after, *limit).await })
        });
        Ok(read.await.map_err(|fault: Fault| fault)?)
    }

    /// Makes a group, or describes it anew.
    pub async fn set_group(
        &self,
        by: &Administrator,
        id: &str,
        description: &str,
    ) -> Result<Group, Error> {
        let granted = self.inner.access.permit(actions::SetGroup { by, group: id })?.spend().1;
        check(id, description)?;
        let created_at = self.inner.env.clock.now();
        let group = Group { id: id.to_owned(), description: description.to_owned(), created_at };
        let event = by.asker.sign(Event::new(by.realm, "accounts.group_set")).about("group", id);
        let input = (group, event);
        let events = &self.inner.events;
        events
            .change_in(by.realm, granted, input, |tx, (group, event)| {
                Box::pin(async move {
                    if !store::insert_group(tx, group).await? {
                        store::describe_group(tx, &group.id, &group.description).await?;
                    }
                    let value =
                        store::group(tx, &group.id).await?.ok_or(Error::Unknown("group"))?;
                    let changes = vec![(GROUP, group.id.clone(), event.clone())];
                    Ok::<_, Error>(Changed { value, changes, rights: false })
                })
            })
            .await
    }

    /// Removes a group; nobody is in it any more.
    pub async fn delete_group(&self, by: &Administrator, id: &str) -> Result<(), Error> {
        let granted = self.inner.access.permit(actions::DeleteGroup { by, group: id })?.spend().1;
        let event =
            by.asker.sign(Event::new(by.realm, "accounts.group_deleted")).about("group", id);
        let events = &self.inner.events;
        let done = events
            .change_in(by.realm, granted, (id.to_owned(), event), |tx, (id, event)| {
                Box::pin(async move {
                    if !store::delete_group(tx, id).await? {
                        return Err(Error::Unknown("group"));
                    }
                    let changes = vec![(GROUP, id.clone(), event.clone())];
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            })
            .await;
        self.inner.people.forget_all();
        done
    }

    /// Puts a person into a group, or takes them out, for an administrator.
    pub async fn set_member(
        &self,
        by: &Administrator,
        (group, user): (&str, UserId),
        is_in: bool,
    ) -> Result<(), Error> {
        let granted = self.inner.access.permit(actions::SetGroup { by, group })?.spend().1;
        let doer = By::Administrator { granted, asker: by.asker.clone() };
        let (realm, now) = (by.realm, self.inner.env.clock.now());
        let input = (group.to_owned(), user, now, doer.clone());
        self.take((realm, user, &doer), input, move |tx, (group, user, now, by)| {
            Box::pin(async move {
                let head = touched(tx, *user, *now).await?;
                store::group(tx, group).await?.ok_or(Error::Unknown("group"))?;
                let kind = if is_in {
                    // A provider that gave it before cannot take back what an administrator gives.
                    store::remove_member(tx, group, *user).await?;
                    store::add_member(tx, group, *user, LOCAL).await?;
                    "accounts.group_joined"
                } else {
                    store::remove_member(tx, group, *user).await?;
                    "accounts.group_left"
                };
                Ok(((), by.tells(realm, kind, &head).about("group", group.as_str())))
            })
        })
        .await
    }

    /// Makes the groups that this upstream put the person in exactly these; groups that do not exist are left out, and those
    /// that others gave stay.
    pub async fn set_groups_of(
        &self,
        realm: RealmId,
        user: UserId,
        upstream: &UpstreamId,
        groups: Vec<String>,
    ) -> Result<(), Error> {
        let now = self.inner.env.clock.now();
        let read = self.inner.env.db.read(realm, user, |tx, user| {
            Box::pin(async move {
                let theirs = store::memberships(tx, *user).await?;
                Ok::<_, Fault>((theirs, store::groups(tx).await?))
            })
        });
        let (theirs, all) = read.await?;
        let wanted = |group: &String| all.iter().any(|known| known.id == *group);
        let groups: Vec<String> = groups.into_iter().filter(wanted).collect();
        let gone: Vec<String> = theirs
            .iter()
            .filter(|(group, source)| source == upstream.as_str() && !groups.contains(group))
            .map(|(group, _)| group.clone())
            .collect();
        let new: Vec<String> = groups
            .into_iter()
            .filter(|group| !theirs.iter().any(|(known, _)| known == group))
            .collect();
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        let by = By::Upstream(upstream.clone());
        let input = (user, gone, new, now, upstream.clone());
        self.take((realm, user, &by), input, move |tx, (user, gone, new, now, upstream)| {
            Box::pin(async move {
                let head = touched(tx, *user, *now).await?;
                for group in gone {
                    store::remove_member(tx, group, *user).await?;
                }
                for group in new {
                    store::add_member(tx, group, *user, upstream.as_str()).await?;
                }
                let by = By::Upstream(upstream.clone());
                let event = by.tells(realm, "accounts.groups_followed", &head);
                Ok(((), event.about("joined", new.clone()).about("left", gone.clone())))
            })
        })
        .await
    }

    /// Follows changes of groups: whoever was in one may be in it no more.
    pub fn apply_groups(&self) {
        self.inner.people.forget_all();
    }

    /// Follows what was taken away from people.
    pub fn apply(&self, realm: RealmId, keys: &[String]) {
        for user in keys.iter().filter_map(|key| UserId::parse(key).ok()) {
            self.inner.people.forget(realm, user);
        }
    }
}

/// The kind of change of a group; its key is the group's name.
pub const GROUP: &str = "user_group";

fn check(id: &str, description: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/');
    if id.is_empty() || id.len() > GROUP_BYTES_MAX || !id.chars().all(plain) {
        return Err(Error::invalid("group", "1 to 128 letters, digits, `.`, `-`, `_`, `:`, `/`"));
    }
    if description.len() > DESCRIPTION_BYTES_MAX || description.chars().any(char::is_control) {
        return Err(Error::invalid("description", "at most 512 bytes on one line"));
    }
    Ok(())
}

/// Longest name of a group: tokens say it.
const GROUP_BYTES_MAX: usize = 128;
/// Longest description.
const DESCRIPTION_BYTES_MAX: usize = 512;
