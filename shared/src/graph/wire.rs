//! From Graph's objects to ours.
//!
//! An object without a usable id is left out; so is one whose value for a property that decisions hang on cannot be
//! understood. Everything else that is odd about an object is said, and the object is taken all the same.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::mend::mended;
use super::oddity::{Notes, OddValue, Oddity};
use super::plain;
use crate::directory::{
    GroupId, GroupPatch, GroupProfile, Member, MemberKind, ObjectId, Patch, Text, UserId, UserPatch, UserProfile,
    hidden_characters,
};
use crate::sync::{GroupChange, GroupEvent, MemberChange, Removal, UserChange};

/// How an object of a chain is understood, from its JSON. What is odd about it goes to [`Notes`].
pub(super) type Decode<T> = fn(&str, &mut Notes) -> Result<T, Oddity>;

/// The longest text taken, in bytes: the longest one Microsoft documents for our properties is a group's description of
/// 1,024 characters, of four bytes at most ("group resource type").
pub(super) const MAX_TEXT_BYTES: usize = 4_096;
/// The longest list of texts taken, in bytes, which fits many hundred mail addresses. With every property as long as it
/// may be, a profile still takes less than a third of what the table stores of a user.
pub(super) const MAX_LIST_BYTES: usize = 65_536;
/// The longest name of a kind of member that is repeated. Microsoft's are half as long.
const MAX_KIND_BYTES: usize = 64;
/// The properties that decisions hang on alone: who may sign in, and whose members are hidden rather than none. What was
/// known of them before may not stand in for what cannot be understood now.
const DECISIVE: [&str; 2] = ["accountEnabled", "visibility"];
/// A user may sign in, or not: `null` says nothing of it, and nobody who is disabled becomes active by it.
const NEVER_NULL: &str = "accountEnabled";

/// A user of a list.
pub(super) fn user(object: &str, notes: &mut Notes) -> Result<(UserId, UserPatch), Oddity> {
    match plain::object::<UserPatch>(object) {
        Some((id, patch)) if is_name(&patch.display_name) && !has_null(&patch) => Ok((id.into(), patch)),
        _ => user_with_care(object, notes),
    }
}

pub(super) fn user_with_care(object: &str, notes: &mut Notes) -> Result<(UserId, UserPatch), Oddity> {
    let object = members_of(object)?;
    let id = id(&object)?;
    let patch: UserPatch = patch(&id, object, UserProfile::SELECT, notes)?;
    if !is_name(&patch.display_name) {
        notes.odd(&id, "has no name");
    }
    Ok((id.into(), patch))
}

/// A group of a list.
pub(super) fn group(object: &str, notes: &mut Notes) -> Result<(GroupId, GroupPatch), Oddity> {
    let object = members_of(object)?;
    let id = id(&object)?;
    let patch: GroupPatch = patch(&id, object, GroupProfile::SELECT, notes)?;
    if !is_name(&patch.display_name) {
        notes.odd(&id, "has no name");
    }
    Ok((id.into(), patch))
}

/// A group of which only the id was asked for.
pub(super) fn group_id(object: &str, _: &mut Notes) -> Result<GroupId, Oddity> {
    Ok(id(&members_of(object)?)?.into())
}

/// A member of a group.
pub(super) fn member(object: &str, notes: &mut Notes) -> Result<Member, Oddity> {
    plain::member(object).map_or_else(|| member_with_care(object, notes), Ok)
}

pub(super) fn member_with_care(object: &str, _: &mut Notes) -> Result<Member, Oddity> {
    let object = members_of(object)?;
    Ok(Member { id: id(&object)?, kind: kind(&object) })
}

/// A user of a round of changes.
pub(super) fn user_change(object: &str, notes: &mut Notes) -> Result<UserChange, Oddity> {
    match plain::object(object) {
        Some((id, patch)) if !has_null(&patch) => Ok(UserChange::Seen(id.into(), patch)),
        _ => user_change_with_care(object, notes),
    }
}

/// Whether [`NEVER_NULL`] is null.
fn has_null(patch: &UserPatch) -> bool {
    patch.account_enabled == Patch::Clear
}

pub(super) fn user_change_with_care(object: &str, notes: &mut Notes) -> Result<UserChange, Oddity> {
    let object = members_of(object)?;
    let id = id(&object)?;
    Ok(match removal(&object) {
        Some(removal) => UserChange::Removed(id.into(), removal),
        None => UserChange::Seen(id.clone().into(), patch(&id, object, UserProfile::SELECT, notes)?),
    })
}

/// A group of a round of changes, with a slice of its members.
pub(super) fn group_change(object: &str, notes: &mut Notes) -> Result<GroupChange, Oddity> {
    const MEMBERS: &str = "members@delta";
    let mut object = members_of(object)?;
    let id = id(&object)?;
    let members = match object.remove(MEMBERS) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(members)) => members,
        Some(_) => return Err(Oddity::Property { id, name: MEMBERS, odd: OddValue::Type }),
    };
    let what = match removal(&object) {
        Some(removal) => GroupEvent::Removed(removal),
        None => GroupEvent::Seen(patch(&id, object, GroupProfile::SELECT, notes)?),
    };
    let members = members
        .into_iter()
        .filter_map(|member| {
            member_change(member).inspect_err(|odd| notes.part_left_out(format_args!("member of group {id}"), odd)).ok()
        })
        .collect();
    Ok(GroupChange { id: id.into(), what, members })
}

/// A member that joined or left. Why it left is always told as `deleted`, so the reason says nothing.
fn member_change(object: Value) -> Result<MemberChange, Oddity> {
    let Value::Object(object) = object else { return Err(Oddity::NoId) };
    Ok(MemberChange { id: id(&object)?, kind: kind(&object), removed: removal(&object).is_some() })
}

fn members_of(object: &str) -> Result<Map<String, Value>, Oddity> {
    let members = serde_json::from_str(object).or_else(|error| match mended(object.as_bytes()) {
        Some(object) => serde_json::from_str(&object),
        None => Err(error),
    });
    members.map_err(|_| Oddity::NoId)
}

fn id(object: &Map<String, Value>) -> Result<ObjectId, Oddity> {
    object.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or(Oddity::NoId)
}

fn is_name(name: &Patch<Text>) -> bool {
    name.value().is_some_and(|name| !name.trim().is_empty())
}

/// What an object says of the selected properties. One that cannot be understood, or is too long to be meant, is left
/// out and what was known of it stays; but an object whose decisive property cannot be understood is left out itself.
fn patch<P: DeserializeOwned>(
    id: &ObjectId,
    mut object: Map<String, Value>,
    select: &'static str,
    notes: &mut Notes,
) -> Result<P, Oddity> {
    if id.as_guid().is_none() {
        notes.odd(id, "has an id that is no GUID");
    }
    let mut properties = Map::new();
    let mut odd = Vec::new();
    for name in select.split(',').filter(|name| *name != "id") {
        let Some(value) = object.remove(name) else { continue };
        if let Some(most) = exceeded(&value) {
            odd.push((name, OddValue::TooLong(most)));
            continue;
        }
        if value.is_null() && name == NEVER_NULL {
            notes.odd(id, format_args!("{name} is null and was not taken"));
            continue;
        }
        if let Some(characters) = odd_characters(&value) {
            notes.odd(id, format_args!("{name} has {characters}"));
        } else if select == GroupProfile::SELECT && name == "displayName" {
            // Prefixes are compared with it.
            if let Some(hidden) = hidden(&value) {
                notes.odd(id, format_args!("{name} {hidden}"));
            }
        }
        properties.insert(name.to_owned(), value);
    }
    // What serde says of an odd value is not kept, since that quotes it.
    let patch = P::deserialize(&properties).or_else(|_| {
        for name in select.split(',') {
            let Some(value) = properties.get(name) else { continue };
            if P::deserialize(&Map::from_iter([(name.to_owned(), value.clone())])).is_err() {
                properties.remove(name);
                odd.push((name, OddValue::Type));
            }
        }
        P::deserialize(&properties)
    });
    for (name, odd) in odd {
        if DECISIVE.contains(&name) {
            return Err(Oddity::Property { id: id.clone(), name, odd });
        }
        notes.odd(id, format_args!("{name} {odd} and was not taken"));
    }
    // Whatever could not be understood has been taken out.
    patch.map_err(|_| Oddity::NoId)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().into_iter().flatten();
    std::iter::once(value).chain(list).filter_map(Value::as_str)
}

/// How many bytes the value may have, if it has more.
fn exceeded(value: &Value) -> Option<usize> {
    let most = if value.is_array() { MAX_LIST_BYTES } else { MAX_TEXT_BYTES };
    (texts(value).map(str::len).sum::<usize>() > most).then_some(most)
}

/// What is odd about the characters of a text that is taken as it came.
fn odd_characters(value: &Value) -> Option<&'static str> {
    let has = |odd: fn(char) -> bool| texts(value).any(|text| text.contains(odd));
    if has(char::is_control) {
        Some("control characters")
    } else if has(|c| c == char::REPLACEMENT_CHARACTER) {
        Some("characters that could not be read")
    } else {
        None
    }
}

/// What of a group's name readers do not see.
fn hidden(name: &Value) -> Option<&'static str> {
    match hidden_characters(name.as_str()?).next()? {
        (1, _) => Some("begins with white space or invisible characters, which prefixes ignore"),
        _ => Some("has invisible characters or unusual spaces, which prefixes compare"),
    }
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
        // Agents' accounts are users, of a subtype of their own (Microsoft Graph v1.0 metadata, `agentUser`).
        "user" | "agentUser" => MemberKind::User,
        "group" => MemberKind::Group,
        "device" => MemberKind::Device,
        "servicePrincipal" => MemberKind::ServicePrincipal,
        "orgContact" => MemberKind::Contact,
        other => MemberKind::Unknown(word(other).into()),
    }
}

/// The beginning of a name that is repeated in notes, without what no name has.
fn word(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')).take(MAX_KIND_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::directory::Patch;

    const ADELE: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";
    const SALES: &str = "c2f798fd-f585-4fac-9d4f-e5cb1c1b1b1b";

    fn notes() -> Notes {
        let mut notes = Notes::of("user");
        notes.at(2, 7);
        notes
    }

    fn understood<T>(decode: Decode<T>, object: Value) -> T {
        let mut notes = notes();
        let understood = decode(&object.to_string(), &mut notes).unwrap();
        assert!(notes.finish().0.is_empty());
        understood
    }

    /// What is said of an object that is taken though odd, and the object.
    fn odd<T: std::fmt::Debug>(decode: Decode<T>, object: Value) -> (T, Vec<String>) {
        let mut notes = notes();
        let taken = decode(&object.to_string(), &mut notes).unwrap();
        let (unread, odd) = notes.finish();
        assert_eq!(unread, []);
        (taken, odd)
    }

    /// What is said of an object that is left out.
    fn left_out<T: std::fmt::Debug>(decode: Decode<T>, object: Value) -> String {
        let mut notes = notes();
        let oddity = decode(&object.to_string(), &mut notes).unwrap_err();
        notes.left_out(&oddity);
        notes.finish().0.remove(0).note
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

        let (_, patch) = understood(user, json!({ "id": ADELE, "accountEnabled": true }));
        assert_eq!(patch.account_enabled, Patch::Set(true));
    }

    #[test]
    fn null_does_not_enable_a_disabled_account() {
        let object = json!({ "id": ADELE, "displayName": "Adele", "accountEnabled": null });
        let (_, patch) = understood(user, object.clone());
        assert_eq!(patch.account_enabled, Patch::Keep);
        let UserChange::Seen(_, patch) = understood(user_change, object) else { panic!("no sighting") };
        assert_eq!(patch.account_enabled, Patch::Keep);
    }

    #[test]
    fn an_odd_object_is_named_without_its_values() {
        let odd_property = json!({ "id": ADELE, "displayName": "Adele", "accountEnabled": "Adele's secret" });
        assert_eq!(
            left_out(user, odd_property),
            format!("user {ADELE} was left out: accountEnabled has an unexpected type")
        );
        for object in [json!({ "displayName": "Adele" }), json!({ "id": 7 }), json!({ "id": "a/b" }), json!("Adele")] {
            let note = "a user without a usable id was left out (entry 7 of page 2)";
            assert_eq!(left_out(user, object.clone()), note);
            assert_eq!(left_out(group_change, object.clone()), note);
            assert_eq!(left_out(member, object), note);
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
            ("#microsoft.graph.robot", MemberKind::Unknown("robot".into())),
        ] {
            // Without the scope for its type, a member comes with nulls.
            let member = understood(member, json!({ "@odata.type": kind, "id": ADELE, "displayName": null }));
            assert_eq!(member, Member { id: ADELE.parse().unwrap(), kind: expected });
        }
        let untyped = understood(member, json!({ "id": ADELE }));
        assert_eq!(untyped.kind, MemberKind::Unknown("".into()));
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
        assert!(matches!(change, UserChange::Seen(_, patch) if patch.surname == Patch::Set("Vance".into())));
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
        let mut notes = notes();
        let object =
            json!({ "id": SALES, "members@delta": [{ "@odata.type": "#microsoft.graph.user" }, { "id": ADELE }] });
        let change = group_change(&object.to_string(), &mut notes).unwrap();
        assert_eq!(change.members.len(), 1);
        let unread: Vec<_> = notes.finish().0.into_iter().map(|unread| unread.note).collect();
        assert_eq!(unread, [format!("a member of group {SALES} without a usable id was left out (entry 7 of page 2)")]);
        assert!(
            left_out(group_change, json!({ "id": SALES, "members@delta": {} }))
                .contains("members@delta has an unexpected")
        );
    }

    #[test]
    fn a_property_that_cannot_be_taken_does_not_take_its_user_with_it() {
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        let object =
            json!({ "id": ADELE, "displayName": long, "employeeId": 7, "proxyAddresses": [1], "mail": "a@b.example" });
        let ((_, patch), odd) = odd(user, object);
        assert_eq!(
            (patch.display_name, patch.employee_id, patch.proxy_addresses),
            (Patch::Keep, Patch::Keep, Patch::Keep)
        );
        assert_eq!(patch.mail, Patch::Set("a@b.example".into()));
        assert_eq!(
            odd,
            [
                format!("user {ADELE}: displayName is longer than 4096 bytes and was not taken"),
                format!("user {ADELE}: proxyAddresses has an unexpected type and was not taken"),
                format!("user {ADELE}: employeeId has an unexpected type and was not taken"),
                format!("user {ADELE}: has no name"),
            ]
        );
    }

    #[test]
    fn a_list_of_texts_is_bounded_as_a_whole() {
        let addresses =
            |count: usize| json!({ "id": ADELE, "displayName": "A", "proxyAddresses": vec!["x".repeat(64); count] });
        let ((_, patch), none) = odd(user, addresses(MAX_LIST_BYTES / 64));
        assert_eq!((patch.proxy_addresses.value().unwrap().len(), none), (MAX_LIST_BYTES / 64, Vec::new()));
        let ((_, patch), one) = odd(user, addresses(MAX_LIST_BYTES / 64 + 1));
        assert_eq!((patch.proxy_addresses, one.len()), (Patch::Keep, 1));
    }

    #[test]
    fn odd_characters_are_said_and_taken() {
        for (name, said) in [("A\u{0}B", "control characters"), ("A\u{fffd}", "characters that could not be read")] {
            let ((_, patch), odd) = odd(group, json!({ "id": SALES, "displayName": name }));
            assert_eq!(patch.display_name, Patch::Set(name.into()));
            assert_eq!(odd, [format!("user {SALES}: displayName has {said}")]);
        }
    }

    #[test]
    fn a_group_that_may_hide_its_members_is_left_out_whole() {
        let note = left_out(group, json!({ "id": SALES, "displayName": "Sales", "visibility": 7 }));
        assert_eq!(note, format!("user {SALES} was left out: visibility has an unexpected type"));
    }

    #[test]
    fn the_kind_of_a_member_is_repeated_as_a_short_word() {
        let object = json!({ "@odata.type": format!("#microsoft.graph.ro<b>ot\n{}", "x".repeat(500)), "id": ADELE });
        let MemberKind::Unknown(kind) = understood(member, object).kind else { panic!("it is of no known kind") };
        assert!(kind.starts_with("robotx") && kind.len() == MAX_KIND_BYTES, "{kind}");
    }

    #[test]
    fn a_page_full_of_oddities_names_some_and_counts_the_rest() {
        let mut notes = notes();
        for _ in 0..60 {
            user(&json!({ "id": ADELE }).to_string(), &mut notes).unwrap();
        }
        let (_, odd) = notes.finish();
        assert_eq!((odd.len(), odd.last().unwrap().as_str()), (51, "10 more oddities on page 2"));
    }
}
