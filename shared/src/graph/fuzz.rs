//! What must hold whatever Graph answers.

use std::fmt::Debug;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::GraphError;
use super::oddity::Notes;
use super::origin::GraphOrigin;
use super::page::{self, Link, MAX_OBJECTS, Page};
use super::refusal::refusal;
use super::wire::{self, Decode};
use crate::directory::ObjectId;
use crate::http::LONGEST_WAIT;
use crate::sync::{Next, ReadPage, UserChange};

/// The longest of our notes: two ids of 128 bytes at most, and words.
const MAX_NOTE_BYTES: usize = 512;
/// The oddities of a page that are named, and one note that counts the rest.
const MAX_ODD: usize = 51;

/// A page of any list or round, or a count: an object is taken at once only as care would take it; no object is made up, lost unsaid or taken without its id; what is kept in a
/// checkpoint reads as it was; and links lead nowhere but to Graph.
///
/// # Panics
/// When it does not hold.
pub fn graph_page(body: &[u8]) {
    let (list, round) = (Page::of_list(body), Page::of_round(body));
    if let Ok(round) = &round {
        assert!(round.link != Link::End && list.as_ref() == Ok(round));
    }
    let _ = (page::count(body), page::object(body));
    let Ok(page) = list else { return };
    assert!(page.objects.len() <= MAX_OBJECTS);
    follow(&page.link);
    alike(&page.objects, wire::user, wire::user_with_care);
    alike(&page.objects, wire::member, wire::member_with_care);
    alike(&page.objects, wire::user_change, wire::user_change_with_care);
    understand(&page.objects, wire::user, |(id, _)| id.object());
    understand(&page.objects, wire::group, |(id, _)| id.object());
    understand(&page.objects, wire::member, |member| &member.id);
    understand(&page.objects, wire::group_change, |change| change.id.object());
    understand(&page.objects, wire::user_change, |change| match change {
        UserChange::Seen(id, _) | UserChange::Removed(id, _) => id.object(),
    });
}

fn alike<T: Debug + PartialEq>(objects: &[Box<str>], decode: Decode<T>, with_care: Decode<T>) {
    for object in objects.iter().filter(|object| tree(object).is_some()) {
        let [mut notes, mut careful] = [Notes::of("object"), Notes::of("object")];
        assert_eq!(decode(object, &mut notes), with_care(object, &mut careful));
        assert_eq!(notes.finish(), careful.finish());
    }
}

/// The object as a tree of values, unless it is too deep for one: what is deep in a property that nobody asked for does no
/// harm to an object that is taken at once.
fn tree(object: &str) -> Option<Value> {
    serde_json::from_str(object).ok()
}

fn understand<T>(objects: &[Box<str>], decode: Decode<T>, id: impl Fn(&T) -> &ObjectId)
where
    T: Clone + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let mut notes = Notes::of("object");
    let mut taken = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        notes.at(1, index + 1);
        match decode(object, &mut notes) {
            Ok(understood) => {
                if let Some(tree) = tree(object) {
                    let named: Option<ObjectId> =
                        tree.get("id").and_then(Value::as_str).and_then(|text| text.parse().ok());
                    assert_eq!(named.as_ref(), Some(id(&understood)));
                }
                taken.push(understood);
            }
            Err(oddity) => notes.left_out(&oddity),
        }
    }
    let (unread, odd) = notes.finish();
    assert!(taken.len() + unread.len() >= objects.len(), "an object was lost without a word");
    assert!(odd.len() <= MAX_ODD);
    assert!(unread.iter().map(|unread| &unread.note).chain(&odd).all(|note| note.len() <= MAX_NOTE_BYTES));

    let page = ReadPage { objects: taken, unread, odd, counted: None, next: Next::End };
    let line = serde_json::to_vec(&page).unwrap_or_default();
    assert_eq!(serde_json::from_slice::<ReadPage<T>>(&line).ok(), Some(page), "a checkpoint must read as it was");
}

fn follow(link: &Link) {
    let (Link::Next(link) | Link::Delta(link)) = link else { return };
    let Ok(origin) = "https://graph.microsoft.com".parse() else { return };
    if let Ok(url) = GraphOrigin::parse(&origin).map_err(|_| GraphError::ForeignLink).and_then(|graph| graph.link(link))
    {
        assert_eq!(url.origin(), origin.origin());
    }
}

/// An answer that is not 200: only words of a bounded length are kept, and waits are bounded. The first line stands for
/// `Retry-After`.
///
/// # Panics
/// When it does not hold.
pub fn graph_refusal(answer: &[u8]) {
    let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let retry_after = HeaderValue::from_bytes(line).ok();
    let headers: HeaderMap = retry_after.into_iter().map(|value| (RETRY_AFTER, value)).collect();
    let body = answer.get(line.len()..).unwrap_or_default();
    for status in [400, 401, 403, 404, 410, 429, 500, 503] {
        let Ok(status) = StatusCode::from_u16(status) else { continue };
        let error = refusal(status, &headers, body, Timestamp::UNIX_EPOCH);
        assert!(error.to_string().len() <= MAX_NOTE_BYTES);
        if let GraphError::Throttled { retry_after, .. } = error {
            assert!(retry_after.is_none_or(|wait| wait <= LONGEST_WAIT));
        }
    }
}
