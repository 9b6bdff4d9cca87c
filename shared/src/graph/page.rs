//! From bytes to a page.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::mend::mended;
use crate::lenient;

/// The most objects a page may have. Graph gives 999 at most ("Paging Microsoft Graph data in your app"); ten times that
/// is no page but a flood.
pub(super) const MAX_OBJECTS: usize = 9_990;

/// How an answer with status 200 is not what was asked for. It carries nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The body is no JSON, or only the beginning of some.
    #[error("the body is not whole JSON")]
    NotJson,
    /// The body is JSON, but no page.
    #[error("the body is not a page")]
    NotAPage,
    /// The page has no `value`. That is not the same as an empty one.
    #[error("the page has no value")]
    NoValue,
    /// The page has more objects than any page.
    #[error("the page has more than {MAX_OBJECTS} objects")]
    TooManyObjects,
    /// The page has a next link and a delta link, so it is not clear whether it is the last one.
    #[error("the page has both a next link and a delta link")]
    BothLinks,
    /// The page of a round has neither link, so the round was cut short.
    #[error("the page has neither a next link nor a delta link")]
    NoDeltaLink,
    /// The body is JSON, but no object with an id.
    #[error("the body is not an object")]
    NotAnObject,
    /// The body is not a number.
    #[error("the body is not a number")]
    NotANumber,
    /// The list was asked for its number of objects and does not have it.
    #[error("the list has no count")]
    NoCount,
}

/// One page of a list or a round of changes.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// The objects as JSON, each to be understood on its own, so that an odd one does not take the page with it.
    pub(super) objects: Vec<Box<str>>,
    /// Where to go from here.
    pub(super) link: Link,
    /// The number of objects of the whole list, on the first page of a list that was asked for it.
    pub(super) count: Option<u64>,
}

/// Where a page leads.
#[derive(Debug, PartialEq)]
pub(super) enum Link {
    /// To the next page, which may come even after an empty one.
    Next(String),
    /// To the changes from now on: the round is complete.
    Delta(String),
    /// Nowhere: the list is complete.
    End,
}

/// Members not named here are ignored, such as `@microsoft.graph.tips`; so is `@odata.context`, which is known to be
/// wrong at times.
#[derive(Deserialize)]
struct Wire {
    value: Option<Objects>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
    #[serde(rename = "@odata.count")]
    count: Option<Value>,
}

/// The objects of a page, as far as they are few enough.
struct Objects {
    kept: Vec<Box<str>>,
    too_many: bool,
}

impl<'de> Deserialize<'de> for Objects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Objects;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut objects: A) -> Result<Objects, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MAX_OBJECTS {
                    let Some(object) = objects.next_element::<&RawValue>()? else {
                        return Ok(Objects { kept, too_many: false });
                    };
                    kept.push(object.get().into());
                }
                let too_many = objects.next_element::<IgnoredAny>()?.is_some();
                while objects.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Objects { kept, too_many })
            }
        }

        deserializer.deserialize_seq(Bounded)
    }
}

impl Wire {
    fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let parsed = serde_json::from_slice(body).or_else(|error| match mended(body) {
            Some(body) => serde_json::from_str(&body),
            None => Err(error),
        });
        // The parser's own message may quote the body, so only its category is kept.
        parsed.map_err(|error| if error.is_data() { Malformed::NotAPage } else { Malformed::NotJson })
    }
}

impl Page {
    /// A page of a list, which ends without a link.
    pub(super) fn of_list(body: &[u8]) -> Result<Self, Malformed> {
        let Wire { value, next, delta, count } = Wire::parse(body)?;
        let Objects { kept: objects, too_many } = value.ok_or(Malformed::NoValue)?;
        if too_many {
            return Err(Malformed::TooManyObjects);
        }
        let link = match (next, delta) {
            (Some(_), Some(_)) => return Err(Malformed::BothLinks),
            (Some(next), None) => Link::Next(next),
            (None, Some(delta)) => Link::Delta(delta),
            (None, None) => Link::End,
        };
        let count = count.as_ref().and_then(lenient::whole);
        Ok(Self { objects, link, count })
    }

    /// A page of a round of changes, which ends with a delta link.
    ///
    /// Source: Microsoft Graph, "Use delta query to track changes": each page has one of the two links.
    pub(super) fn of_round(body: &[u8]) -> Result<Self, Malformed> {
        let page = Self::of_list(body)?;
        if page.link == Link::End { Err(Malformed::NoDeltaLink) } else { Ok(page) }
    }
}

/// An object of any kind.
pub(super) fn object(body: &[u8]) -> Result<(), Malformed> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) if object.contains_key("id") => Ok(()),
        Ok(_) => Err(Malformed::NotAnObject),
        Err(_) => Err(Malformed::NotJson),
    }
}

/// The answer of a `$count` path: a bare number, at times after a byte order mark.
pub(super) fn count(body: &[u8]) -> Result<u64, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::NotANumber)?;
    let number = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
    number.as_ref().and_then(lenient::whole).ok_or(Malformed::NotANumber)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_page_does_not_need_is_ignored() {
        let body = json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users",
            "@microsoft.graph.tips": "Use $select to choose only the properties your app needs",
            "@odata.count": 1,
            "@odata.nextLink": "https://graph.microsoft.com/v1.0/users?$skiptoken=x",
            "value": [{ "id": "a" }],
        });
        let page = Page::of_list(body.to_string().as_bytes()).unwrap();
        assert_eq!(page.objects, [Box::from(r#"{"id":"a"}"#)]);
        assert_eq!(page.link, Link::Next("https://graph.microsoft.com/v1.0/users?$skiptoken=x".to_owned()));
    }

    #[test]
    fn what_is_no_whole_page_is_an_error_and_never_an_empty_page() {
        for (body, fault) in [
            (r#"{"value":[{"id":"a"},{"id"#, Malformed::NotJson),
            ("<html>Bad gateway</html>", Malformed::NotJson),
            ("", Malformed::NotJson),
            ("[]", Malformed::NotAPage),
            (r#"{"value":{}}"#, Malformed::NotAPage),
            (r#"{"value":[],"@odata.nextLink":7}"#, Malformed::NotAPage),
            ("{}", Malformed::NoValue),
            (r#"{"value":null}"#, Malformed::NoValue),
            (r#"{"error":{"code":"x"}}"#, Malformed::NoValue),
            (r#"{"value":[],"@odata.nextLink":"a","@odata.deltaLink":"b"}"#, Malformed::BothLinks),
        ] {
            assert_eq!(Page::of_list(body.as_bytes()), Err(fault), "{body}");
            assert_eq!(Page::of_round(body.as_bytes()), Err(fault), "{body}");
        }
    }

    #[test]
    fn one_broken_character_does_not_make_a_page_unreadable() {
        for body in [&br#"{"value":[{"id":"a"},{"id":"b","displayName":"\ud800"}]}"#[..], b"{\"value\":[1,\"\xff\"]}"] {
            assert_eq!(Page::of_list(body).unwrap().objects.len(), 2);
        }
        assert_eq!(Page::of_list(b"{\"value\":[1,\"\xff"), Err(Malformed::NotJson));
    }

    #[test]
    fn more_objects_than_a_page_has_are_refused() {
        let page = |objects| format!(r#"{{"value":[{}]}}"#, vec!["7"; objects].join(","));
        assert_eq!(Page::of_list(page(MAX_OBJECTS).as_bytes()).unwrap().objects.len(), MAX_OBJECTS);
        for objects in [MAX_OBJECTS + 1, MAX_OBJECTS + 2, 3 * MAX_OBJECTS] {
            assert_eq!(Page::of_list(page(objects).as_bytes()), Err(Malformed::TooManyObjects));
        }
    }

    #[test]
    fn nesting_beyond_measure_is_refused() {
        let deep = format!(r#"{{"value":[{}]}}"#, "[".repeat(100_000));
        assert_eq!(Page::of_list(deep.as_bytes()), Err(Malformed::NotJson));
    }

    #[test]
    fn a_list_may_end_without_a_link_and_a_round_may_not() {
        let body = br#"{"value":[]}"#;
        assert_eq!(Page::of_list(body).unwrap().link, Link::End);
        assert_eq!(Page::of_round(body), Err(Malformed::NoDeltaLink));
    }

    #[test]
    fn a_count_is_a_bare_number() {
        assert_eq!(count(b"2500"), Ok(2500));
        assert_eq!(count("\u{feff}893\r\n".as_bytes()), Ok(893));
        for body in ["893.0", "\"893\""] {
            assert_eq!(count(body.as_bytes()), Ok(893), "{body}");
        }
        for body in ["", "many", "-1", "{}", "893.5"] {
            assert_eq!(count(body.as_bytes()), Err(Malformed::NotANumber), "{body}");
        }
    }
}
