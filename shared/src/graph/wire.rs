//! From Graph's objects to ours.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::oddity::{LeftOut, Oddity};
use crate::directory::{GroupId, GroupPatch, Member, MemberKind, ObjectId, UserId, UserPatch};
use crate::sync::{GroupChange, GroupEvent, MemberChange, Removal, UserChange};

/// How an object of a chain is understood. Parts of it that are left out go to [`LeftOut`].
pub(super) type Decode<T> = fn(Value, &mut LeftOut) -> Result<T, Oddity>;

/// A user of a list.
pub(super) fn user(object: Value, _: &mut LeftOut) -> Result<(UserId, UserPatch), Oddity> {
    let object = members_of(object)?;
    let id = id(&object)?;
    let patch = patch(&id, object)?;
    Ok((id.into(), patch))
}

/// A group of a list.
pub(super) fn group(object: Value, _: &mut LeftOut) -> Result<(GroupId, GroupPatch), Oddity> {
    let object = members_of(object)?;
    let id = id(&object)?;
    let patch = patch(&id, object)?;
    Ok((id.into(), patch))
}

/// A member of a group.
pub(super) fn member(object: Value, _: &mut LeftOut) -> Result<Member, Oddity> {
    let object = members_of(object)?;
    Ok(Member { id: id(&object)?, kind: kind(&object) })
}

/// A user of a round of changes.
pub(super) fn user_change(object: Value, _: &mut LeftOut) -> Result<UserChange, Oddity> {
    let object = members_of(object)?;
    let id = id(&object)?;
    Ok(match removal(&object) {
        Some(removal) => UserChange::Removed(id.into(), removal),
        None => UserChange::Seen(id.clone().into(), patch(&id, object)?),
    })
}

/// A group of a round of changes, with a slice of its members.
pub(super) fn group_change(object: Value, left_out: &mut LeftOut) -> Result<GroupChange, Oddity> {
    const MEMBERS: &str = "members@delta";
    let mut object = members_of(object)?;
    let id = id(&object)?;
    let members = match object.remove(MEMBERS) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(members)) => members,
        Some(_) => return Err(Oddity::Property { id, name: MEMBERS.to_owned() }),
    };
    let what = match removal(&object) {
        Some(removal) => GroupEvent::Removed(removal),
        None => GroupEvent::Seen(patch(&id, object)?),
    };
    let members = members
        .into_iter()
        .filter_map(|member| {
            member_change(member).inspect_err(|odd| left_out.note_part(format_args!("member of group {id}"), odd)).ok()
        })
        .collect();
    Ok(GroupChange { id: id.into(), what, members })
}

/// A member that joined or left. Why it left is always told as `deleted`, so the reason says nothing.
fn member_change(object: Value) -> Result<MemberChange, Oddity> {
    let object = members_of(object)?;
    Ok(MemberChange { id: id(&object)?, kind: kind(&object), removed: removal(&object).is_some() })
}

fn members_of(object: Value) -> Result<Map<String, Value>, Oddity> {
    match object {
        Value::Object(members) => Ok(members),
        _ => Err(Oddity::NoId),
    }
}

fn id(object: &Map<String, Value>) -> Result<ObjectId, Oddity> {
    object.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or(Oddity::NoId)
}

/// The properties an answer speaks of; or the one of them that has another type than Graph documents. What serde
/// says of it is not kept, since that quotes the value.
fn patch<P: DeserializeOwned>(id: &ObjectId, object: Map<String, Value>) -> Result<P, Oddity> {
    let object = Value::Object(object);
    P::deserialize(&object).map_err(|_| {
        let alone = |name: &String, value: &Value| Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        let odd =
            object.as_object().into_iter().flatten().find(|(name, value)| P::deserialize(alone(name, value)).is_err());
        Oddity::Property { id: id.clone(), name: odd.map_or_else(|| "a property".to_owned(), |(name, _)| name.clone()) }
    })
}

/// How an object was deleted, if it was.
///
/// A reason that is not known counts as a soft deletion: both make the object inactive, but only this one keeps its
/// memberships, so nothing is lost by a mistake.
fn removal(object: &Map<String, Value>) -> Option<Removal> {
    let removed = object.get("@removed").filter(|removed| !removed.is_null())?;
    let reason = removed.get("reason").and_then(Value::as_str).unwrap_or_default();
    Some(if reason.eq_ignore_ascii_case("deleted") { Removal::Permanent } else { Removal::Soft })
}

/// What a member is. Without a type it is of an unknown kind with an empty name: its id is kept, for whoever wants
/// to tell of it, but no kind is guessed.
fn kind(object: &Map<String, Value>) -> MemberKind {
    let name = object.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    match name.trim_start_matches('#').trim_start_matches("microsoft.graph.") {
        "user" => MemberKind::User,
        "group" => MemberKind::Group,
        "device" => MemberKind::Device,
        "servicePrincipal" => MemberKind::ServicePrincipal,
        "orgContact" => MemberKind::Contact,
        other => MemberKind::Unknown(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::directory::Patch;

    const ADELE: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";
    const SALES: &str = "c2f798fd-f585-4fac-9d4f-e5cb1c1b1b1b";

    fn left_out() -> LeftOut {
        let mut left_out = LeftOut::of("user");
        left_out.at(2, 7);
        left_out
    }

    fn understood<T>(decode: Decode<T>, object: Value) -> T {
        let mut left_out = left_out();
        let understood = decode(object, &mut left_out).unwrap();
        assert!(left_out.into_unread().is_empty());
        understood
    }

    fn odd<T: std::fmt::Debug>(decode: Decode<T>, object: Value) -> String {
        let mut left_out = left_out();
        let oddity = decode(object, &mut left_out).unwrap_err();
        left_out.note(&oddity);
        left_out.into_unread().remove(0).note
    }

    #[test]
    fn absent_null_and_a_value_are_kept_apart() {
        let (id, patch) = understood(
            user,
            json!({ "id": ADELE, "accountEnabled": false, "mail": null, "proxyAddresses": ["SMTP:adele@contoso.example"],
                "@odata.id": "ignored", "skills": 7 }),
        );
        assert_eq!(id, ADELE.parse().unwrap());
        assert_eq!(patch.account_enabled, Patch::Set(false));
        assert_eq!(patch.mail, Patch::Clear);
        assert_eq!(patch.display_name, Patch::Keep);
        assert_eq!(patch.proxy_addresses.value().unwrap().len(), 1);

        for (value, expected) in [(json!(null), Patch::Clear), (json!(true), Patch::Set(true))] {
            let (_, patch) = understood(user, json!({ "id": ADELE, "accountEnabled": value }));
            assert_eq!(patch.account_enabled, expected);
        }
    }

    #[test]
    fn an_odd_object_is_named_without_its_values() {
        let odd_property = json!({ "id": ADELE, "displayName": "Adele", "accountEnabled": "Adele's secret" });
        assert_eq!(
            odd(user, odd_property),
            format!("user {ADELE} was left out: accountEnabled has an unexpected type")
        );
        for object in [json!({ "displayName": "Adele" }), json!({ "id": 7 }), json!({ "id": "a/b" }), json!("Adele")] {
            let note = "a user without a usable id was left out (entry 7 of page 2)";
            assert_eq!(odd(user, object.clone()), note);
            assert_eq!(odd(group_change, object.clone()), note);
            assert_eq!(odd(member, object), note);
        }
    }

    #[test]
    fn every_kind_of_member_is_known_and_others_are_kept() {
        for (kind, expected) in [
            ("#microsoft.graph.user", MemberKind::User),
            ("#microsoft.graph.group", MemberKind::Group),
            ("#microsoft.graph.device", MemberKind::Device),
            ("#microsoft.graph.servicePrincipal", MemberKind::ServicePrincipal),
            ("#microsoft.graph.orgContact", MemberKind::Contact),
            ("#microsoft.graph.robot", MemberKind::Unknown("robot".to_owned())),
        ] {
            // Without the scope for its type, a member comes with nulls.
            let member = understood(member, json!({ "@odata.type": kind, "id": ADELE, "displayName": null }));
            assert_eq!(member, Member { id: ADELE.parse().unwrap(), kind: expected });
        }
        let untyped = understood(member, json!({ "id": ADELE }));
        assert_eq!(untyped.kind, MemberKind::Unknown(String::new()));
    }

    #[test]
    fn a_removed_user_is_restorable_unless_it_is_said_to_be_gone() {
        for (removed, expected) in [
            (json!({ "reason": "changed" }), Removal::Soft),
            (json!({ "reason": "deleted" }), Removal::Permanent),
            (json!({ "reason": "Deleted" }), Removal::Permanent),
            (json!({ "reason": "archived" }), Removal::Soft),
            (json!({}), Removal::Soft),
        ] {
            let change = understood(user_change, json!({ "id": ADELE, "@removed": removed }));
            assert_eq!(change, UserChange::Removed(ADELE.parse().unwrap(), expected));
        }
        let change = understood(user_change, json!({ "id": ADELE, "surname": "Vance", "@removed": null }));
        assert!(matches!(change, UserChange::Seen(_, patch) if patch.surname == Patch::Set("Vance".to_owned())));
    }

    #[test]
    fn members_that_join_and_leave_come_in_their_order() {
        // Modelled on Microsoft Graph, "Get incremental changes for groups"; the id of 35 characters is Microsoft's.
        let short = "632f6bb2-3ec8-4c1f-9073-0027a8c6859";
        let change = understood(
            group_change,
            json!({ "id": SALES, "displayName": "Sales", "description": null, "members@delta": [
                { "@odata.type": "#microsoft.graph.user", "id": short, "@removed": { "reason": "deleted" } },
                { "@odata.type": "#microsoft.graph.group", "id": SALES },
                { "@odata.type": "#microsoft.graph.user", "id": ADELE },
            ] }),
        );
        let member = |id: &str, kind, removed| MemberChange { id: id.parse().unwrap(), kind, removed };
        assert_eq!(
            change.members,
            [
                member(short, MemberKind::User, true),
                member(SALES, MemberKind::Group, false),
                member(ADELE, MemberKind::User, false),
            ]
        );
        let GroupEvent::Seen(patch) = change.what else { panic!("the group exists") };
        assert_eq!((patch.description, patch.mail), (Patch::Clear, Patch::Keep));
    }

    #[test]
    fn a_removed_group_and_a_group_without_changed_members_are_understood() {
        let removed = understood(group_change, json!({ "id": SALES, "@removed": { "reason": "changed" } }));
        assert_eq!((removed.what, removed.members), (GroupEvent::Removed(Removal::Soft), Vec::new()));
        let renamed = understood(group_change, json!({ "id": SALES, "members@delta": null }));
        assert_eq!(renamed.what, GroupEvent::Seen(GroupPatch::default()));
    }

    #[test]
    fn an_odd_member_does_not_take_its_group_with_it() {
        let mut left_out = left_out();
        let object =
            json!({ "id": SALES, "members@delta": [{ "@odata.type": "#microsoft.graph.user" }, { "id": ADELE }] });
        let change = group_change(object, &mut left_out).unwrap();
        assert_eq!(change.members.len(), 1);
        let notes: Vec<_> = left_out.into_unread().into_iter().map(|unread| unread.note).collect();
        assert_eq!(notes, [format!("a member of group {SALES} without a usable id was left out (entry 7 of page 2)")]);
        assert!(
            odd(group_change, json!({ "id": SALES, "members@delta": {} })).contains("members@delta has an unexpected")
        );
    }
}
