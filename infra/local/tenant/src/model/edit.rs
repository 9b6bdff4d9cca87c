//! Changes to the tenant. Each moves its history on, so that delta can tell what changed since when.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Deletion, Group, GroupKind, Moment, Object, Other, Tenant};
use crate::action::{AGENT_USER, ActionError, NewGroup, NewUser};

type Edited = Result<(), ActionError>;

impl Tenant {
    fn tick(&mut self) -> Moment {
        self.moment += 1;
        self.moment
    }

    pub(crate) fn create_user(&mut self, id: Uuid, new: &NewUser, now: Timestamp) -> Edited {
        self.refuse_known(id)?;
        let at = self.tick();
        let nickname = nickname(&new.display_name);
        let upn = new.user_principal_name.clone().unwrap_or_else(|| match (new.guest, &new.mail) {
            (true, Some(mail)) => format!("{}#EXT#@{}", mail.replace('@', "_"), self.domain),
            _ => format!("{nickname}.{}@{}", short(id), self.domain),
        });
        let (given, surname) = new.display_name.split_once(' ').unwrap_or((&new.display_name, ""));
        let mut user = Object::new(id, at);
        let mut set = |name: &str, value: Value| user.set(name, value, at);
        set("accountEnabled", json!(new.enabled));
        set("businessPhones", json!([]));
        set("createdDateTime", json!(whole_seconds(now)));
        set("displayName", json!(new.display_name));
        set("givenName", json!(given));
        set("mail", json!(new.mail));
        set("mailNickname", json!(nickname));
        set("otherMails", json!([]));
        set("proxyAddresses", addresses(new.mail.as_deref()));
        set("surname", if surname.is_empty() { Value::Null } else { json!(surname) });
        set("userPrincipalName", json!(upn));
        set("userType", json!(if new.guest { "Guest" } else { "Member" }));
        if new.guest {
            set("externalUserState", json!("Accepted"));
            set("creationType", json!("Invitation"));
        }
        if new.subtype.as_deref() == Some(AGENT_USER) {
            // The agent identity it belongs to is not simulated, so its id is made from the user's.
            set("identityParentId", json!(Uuid::from_u128(!id.as_u128())));
        }
        user.subtype = new.subtype.as_ref().map(|name| format!("#microsoft.graph.{name}"));
        self.users.insert(id, user);
        Ok(())
    }

    pub(crate) fn create_group(&mut self, id: Uuid, new: &NewGroup, now: Timestamp) -> Edited {
        self.refuse_known(id)?;
        let at = self.tick();
        let nickname = nickname(&new.display_name);
        let kind = new.kind;
        let usual_mail = || kind.has_mail().then(|| format!("{nickname}.{}@{}", short(id), self.domain));
        let mail = new.mail.clone().or_else(usual_mail);
        let mut group = Object::new(id, at);
        let mut set = |name: &str, value: Value| group.set(name, value, at);
        set("createdDateTime", json!(whole_seconds(now)));
        set("displayName", json!(new.display_name));
        set("groupTypes", if kind == GroupKind::Microsoft365 { json!(["Unified"]) } else { json!([]) });
        set("mail", json!(mail));
        set("mailEnabled", json!(kind.has_mail()));
        set("mailNickname", json!(nickname));
        set("proxyAddresses", addresses(mail.as_deref()));
        set("securityEnabled", json!(kind.has_security()));
        if kind == GroupKind::Microsoft365 {
            set("visibility", json!(if new.hidden { "HiddenMembership" } else { "Private" }));
        }
        self.groups.insert(id, Group::new(group, kind));
        Ok(())
    }

    pub(crate) fn create_other(&mut self, id: Uuid, other: Other) -> Edited {
        self.refuse_known(id)?;
        self.others.insert(id, other);
        Ok(())
    }

    pub(crate) fn set(&mut self, id: Uuid, property: &str, value: Value) -> Edited {
        let at = self.tick();
        self.object_mut(id)?.set(property, value, at);
        Ok(())
    }

    /// Deletes a user, Microsoft 365 group or security group so that it can be restored (Microsoft Entra, "Soft deletion of
    /// cloud security groups"), any other group for good: that is assumed of the kinds with mail that Graph only reads.
    pub(crate) fn delete(&mut self, id: Uuid) -> Edited {
        if self.groups.get(id).is_some_and(|group| group.kind.has_mail() && group.kind != GroupKind::Microsoft365) {
            // Whether a group deleted for good shows as removed in the groups it was in is not documented; it does here.
            return self.purge(id, false);
        }
        let at = self.tick();
        let object = self.object_mut(id)?;
        if object.deletion.is_some() {
            return Err(ActionError::Impossible(id, "has been deleted already"));
        }
        object.set_deletion(Some(Deletion::Soft), at);
        Ok(())
    }

    /// Brings a soft-deleted object back, with its memberships; delta shows it as if it were new. Its memberships and members show
    /// again too, or return `silently`.
    pub(crate) fn restore(&mut self, id: Uuid, silently: bool) -> Edited {
        let at = self.tick();
        let object = self.object_mut(id)?;
        if object.deletion != Some(Deletion::Soft) {
            return Err(ActionError::Impossible(id, "is not in the recycle bin"));
        }
        object.set_deletion(None, at);
        if !silently {
            if let Some(group) = self.groups.get_mut(id) {
                group.touch_members(at);
            }
            self.groups.iter_mut().for_each(|group| group.touch_member(id, at));
        }
        Ok(())
    }

    /// Deletes a user or group for good and takes it out of every group, `silently` or with a word in delta.
    pub(crate) fn purge(&mut self, id: Uuid, silently: bool) -> Edited {
        let at = self.tick();
        let object = self.object_mut(id)?;
        if object.deletion == Some(Deletion::Permanent) {
            return Err(ActionError::Impossible(id, "has been deleted for good already"));
        }
        object.set_deletion(Some(Deletion::Permanent), at);
        for group in self.groups.iter_mut() {
            group.remove(id, at, silently);
        }
        Ok(())
    }

    pub(crate) fn add_member(&mut self, group: Uuid, member: Uuid) -> Edited {
        if !self.is_live(member) {
            return Err(ActionError::Unknown(member));
        }
        let at = self.tick();
        if self.group_mut(group)?.add(member, at) {
            Ok(())
        } else {
            Err(ActionError::Impossible(member, "is a member already"))
        }
    }

    /// Takes a member out of a group. One that is deleted leaves `silently` or with a word in delta.
    pub(crate) fn remove_member(&mut self, group: Uuid, member: Uuid, silently: bool) -> Edited {
        let at = self.tick();
        let is_silent = silently && !self.is_live(member);
        if self.group_mut(group)?.remove(member, at, is_silent) {
            Ok(())
        } else {
            Err(ActionError::Impossible(member, "is not a member"))
        }
    }

    fn group_mut(&mut self, id: Uuid) -> Result<&mut Group, ActionError> {
        self.groups.get_mut(id).filter(|group| group.object.is_live()).ok_or(ActionError::Unknown(id))
    }

    fn object_mut(&mut self, id: Uuid) -> Result<&mut Object, ActionError> {
        match self.users.get_mut(id) {
            Some(user) => Ok(user),
            None => self.groups.get_mut(id).map(|group| &mut group.object).ok_or(ActionError::Unknown(id)),
        }
    }

    fn refuse_known(&self, id: Uuid) -> Edited {
        match self.find(id) {
            Some(_) => Err(ActionError::Impossible(id, "exists already")),
            None => Ok(()),
        }
    }
}

/// The letters and digits of a name, joined by dots. Not unique.
fn nickname(display_name: &str) -> String {
    let words = display_name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join(".");
    if joined.is_empty() { "unnamed".to_owned() } else { joined }
}

fn short(id: Uuid) -> String {
    id.simple().to_string().chars().take(6).collect()
}

fn addresses(mail: Option<&str>) -> Value {
    mail.map_or(json!([]), |mail| json!([format!("SMTP:{mail}")]))
}

/// Graph writes dates in whole seconds, ending in `Z`.
fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
