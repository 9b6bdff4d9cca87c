//! Mutations of what is well formed: nearly right is where parsers go wrong.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// One change. Places are chosen first and fitted to the text when it is known.
#[derive(Debug, Clone)]
pub(super) enum Mutation {
    /// Another value in place of one anywhere in the JSON.
    Replace(Index, Odd),
    /// One value of the JSON in place of another.
    Copy(Index, Index),
    /// A member of an object, or an element of a list, is not there.
    Remove(Index, Index),
    /// Other bytes in place of some.
    Bytes(Index, u8, Vec<u8>),
    /// The end is missing.
    Cut(Index),
}

/// A value that hardly anybody expects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odd(usize);

impl Odd {
    fn value(self) -> Value {
        match self.0 {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(u64::MAX),
            4 => json!(1e300),
            5 => json!(""),
            6 => json!(" \t"),
            7 => json!("a\u{0}b\u{7f}\u{fffd}\u{202e}"),
            8 => json!("x".repeat(5_000)),
            9 => json!("é".repeat(300)),
            10 => json!("632f6bb2-3ec8-4c1f-9073-0027a8c6859"),
            11 => json!("9999-12-30T22:00:00Z"),
            12 => json!("-9223372036854775808"),
            13 => json!([]),
            14 => json!({}),
            15 => json!(vec![json!({"S": "x", "id": "x"}); 60]),
            _ => (0..150).fold(json!([]), |inner, _| json!([inner])),
        }
    }
}

/// Any mutation.
pub(super) fn any_mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<Index>(), (0..17_usize).prop_map(Odd)).prop_map(|(place, odd)| Mutation::Replace(place, odd)),
        2 => any::<(Index, Index)>().prop_map(|(from, to)| Mutation::Copy(from, to)),
        2 => any::<(Index, Index)>().prop_map(|(container, place)| Mutation::Remove(container, place)),
        2 => (any::<Index>(), 0..4_u8, proptest::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(place, length, bytes)| Mutation::Bytes(place, length, bytes)),
        1 => any::<Index>().prop_map(Mutation::Cut),
    ]
}

impl Mutation {
    /// The text after the change. What concerns JSON leaves other text as it is.
    pub(super) fn apply(&self, text: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Bytes(place, length, bytes) => {
                let begin = place.index(text.len() + 1);
                let end = text.len().min(begin + usize::from(*length));
                [&text[..begin], bytes, &text[end..]].concat()
            }
            Self::Cut(place) => text[..place.index(text.len() + 1)].to_vec(),
            Self::Replace(..) | Self::Copy(..) | Self::Remove(..) => match serde_json::from_slice(&text) {
                Ok(mut json) => {
                    self.change(&mut json);
                    json.to_string().into_bytes()
                }
                Err(_) => text,
            },
        }
    }

    fn change(&self, json: &mut Value) {
        let count = count(json);
        match self {
            Self::Replace(place, odd) => *nth(json, &mut place.index(count)).unwrap() = odd.value(),
            Self::Copy(from, to) => {
                let copied = nth(json, &mut from.index(count)).unwrap().clone();
                *nth(json, &mut to.index(count)).unwrap() = copied;
            }
            Self::Remove(container, place) => match nth(json, &mut container.index(count)).unwrap() {
                Value::Array(elements) if !elements.is_empty() => drop(elements.remove(place.index(elements.len()))),
                Value::Object(members) if !members.is_empty() => {
                    let name = members.keys().nth(place.index(members.len())).unwrap().clone();
                    members.remove(&name);
                }
                _ => {}
            },
            Self::Bytes(..) | Self::Cut(_) => {}
        }
    }
}

/// How many values there are, at any depth.
fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(elements) => elements.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The value at a place, counted from the outside inwards.
fn nth<'a>(json: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    if *place == 0 {
        return Some(json);
    }
    *place -= 1;
    match json {
        Value::Array(elements) => elements.iter_mut().find_map(|element| nth(element, place)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, place)),
        _ => None,
    }
}
