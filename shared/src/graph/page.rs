//! From bytes to a page.

use serde::Deserialize;
use serde_json::Value;

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
}

/// One page of a list or a round of changes.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// The objects, each to be understood on its own, so that an odd one does not take the page with it.
    pub(super) objects: Vec<Value>,
    /// Where to go from here.
    pub(super) link: Link,
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
    value: Option<Vec<Value>>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

impl Page {
    /// A page of a list, which ends without a link.
    pub(super) fn of_list(body: &[u8]) -> Result<Self, Malformed> {
        // The parser's own message may quote the body, so only its category is kept.
        let Wire { value, next, delta } = serde_json::from_slice(body)
            .map_err(|error| if error.is_data() { Malformed::NotAPage } else { Malformed::NotJson })?;
        let objects = value.ok_or(Malformed::NoValue)?;
        let link = match (next, delta) {
            (Some(_), Some(_)) => return Err(Malformed::BothLinks),
            (Some(next), None) => Link::Next(next),
            (None, Some(delta)) => Link::Delta(delta),
            (None, None) => Link::End,
        };
        Ok(Self { objects, link })
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
    text.trim_start_matches('\u{feff}').trim().parse().map_err(|_| Malformed::NotANumber)
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
        assert_eq!(page.objects, [json!({ "id": "a" })]);
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
    fn a_list_may_end_without_a_link_and_a_round_may_not() {
        let body = br#"{"value":[]}"#;
        assert_eq!(Page::of_list(body).unwrap().link, Link::End);
        assert_eq!(Page::of_round(body), Err(Malformed::NoDeltaLink));
    }

    #[test]
    fn a_count_is_a_bare_number() {
        assert_eq!(count(b"2500"), Ok(2500));
        assert_eq!(count("\u{feff}893\r\n".as_bytes()), Ok(893));
        for body in ["", "many", "-1", "{}"] {
            assert_eq!(count(body.as_bytes()), Err(Malformed::NotANumber), "{body}");
        }
    }
}
