//! Objects in which nothing is odd, which is nearly all of them, read straight from their text.
//!
//! The careful way, in `wire`, takes an object apart into a tree of values to say what is odd about it. Here an object is either
//! taken exactly as the careful way would take it, or left to it. `benches/pages.rs` measures both.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::wire::MAX_TEXT_BYTES;
use crate::directory::{Member, MemberKind, ObjectId};

/// The beginning of an object. Properties that come twice are an error, and left to the careful way.
#[derive(Deserialize)]
struct Head<'a> {
    id: &'a str,
    #[serde(rename = "@removed")]
    removed: Option<IgnoredAny>,
}

/// A member, as lists have it.
#[derive(Deserialize)]
struct PlainMember<'a> {
    #[serde(rename = "@odata.type")]
    kind: &'a str,
    id: &'a str,
}

/// An object that exists, with what it says of its properties.
pub(super) fn object<P: DeserializeOwned>(text: &str) -> Option<(ObjectId, P)> {
    if !is_plain(text) {
        return None;
    }
    let head: Head<'_> = serde_json::from_str(text).ok()?;
    let id = guid(head.id).filter(|_| head.removed.is_none())?;
    Some((id, serde_json::from_str(text).ok()?))
}

/// A member of a known kind.
pub(super) fn member(text: &str) -> Option<Member> {
    let member: PlainMember<'_> = serde_json::from_str(text).ok()?;
    let kind = match member.kind {
        "#microsoft.graph.user" => MemberKind::User,
        "#microsoft.graph.group" => MemberKind::Group,
        _ => return None,
    };
    Some(Member { id: guid(member.id)?, kind })
}

fn guid(id: &str) -> Option<ObjectId> {
    id.parse::<ObjectId>().ok().filter(|id| id.as_guid().is_some())
}

/// True when no text in the object can be too long, or have a character worth a word: as a whole it is shorter than one text
/// may be, and has no escapes, no control characters and no replacement characters.
fn is_plain(text: &str) -> bool {
    text.len() <= MAX_TEXT_BYTES
        && !text.bytes().any(|byte| byte < b' ' || byte == b'\\' || byte == 0x7f)
        && (text.is_ascii() || !text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::UserPatch;

    const ID: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";

    fn is_taken(rest: &str) -> bool {
        object::<UserPatch>(&format!(r#"{{"id":"{ID}"{rest}}}"#)).is_some()
    }

    #[test]
    fn what_is_plain_is_taken_and_the_rest_is_left_to_care() {
        for plain in ["", r#","displayName":"Adèle 王""#, r#","mail":null,"skills":[{"a":1}]"#, r#","@removed":null"#]
        {
            assert!(is_taken(plain), "{plain}");
        }
        for odd in [
            r#","displayName":"a\u0000b""#,
            r#","displayName":"a\nb""#,
            ",\"displayName\":\"a\u{85}b\"",
            ",\"displayName\":\"a\u{7f}b\"",
            ",\"displayName\":\"a\u{fffd}b\"",
            r#","displayName":7"#,
            r#","mail":"a","mail":"b""#,
            r#","@removed":{"reason":"changed"}"#,
            &format!(r#","department":"{}""#, "x".repeat(MAX_TEXT_BYTES)),
        ] {
            assert!(!is_taken(odd), "{odd}");
        }
        assert!(object::<UserPatch>(r#"{"id":"kim"}"#).is_none());
    }

    #[test]
    fn members_of_a_kind_that_counts_are_plain() {
        let member = |kind: &str, id: &str| member(&format!(r#"{{"@odata.type":"{kind}","id":"{id}"}}"#));
        assert_eq!(member("#microsoft.graph.user", ID).unwrap().kind, MemberKind::User);
        assert_eq!(member("#microsoft.graph.group", ID).unwrap().kind, MemberKind::Group);
        assert_eq!(member("#microsoft.graph.device", ID), None);
        assert_eq!(member("#microsoft.graph.user", "kim"), None);
    }
}
