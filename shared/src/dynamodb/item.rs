//! Items as attribute maps, written and read with care.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::keys::{Key, NAME};
use super::table::TTL;
use crate::directory::ObjectId;
use crate::store::StoreError;

/// The version of the shape of items that this code writes and reads.
const VERSION: &str = "1";
/// An id that is a GUID takes so many bytes.
const GUID_BYTES: usize = 16;

/// The largest item (Amazon DynamoDB developer guide, "Quotas").
const MAX_ITEM_BYTES: usize = 400 * 1024;

/// An item's attributes.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// An item being written.
#[derive(Debug, Clone)]
pub(super) struct Item(Attributes);

impl Item {
    pub(super) fn new(key: &Key) -> Self {
        let mut attributes = key_attributes(key);
        attributes.insert("v".to_owned(), AttributeValue::N(VERSION.to_owned()));
        Self(attributes)
    }

    pub(super) fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, AttributeValue::S(value.into()))
    }

    pub(super) fn number(self, name: &str, value: impl ToString) -> Self {
        self.set(name, AttributeValue::N(value.to_string()))
    }

    pub(super) fn bytes_of(self, name: &str, bytes: &[u8]) -> Self {
        self.set(name, AttributeValue::B(Blob::new(bytes)))
    }

    /// A value as serde sees it.
    pub(super) fn value(self, name: &str, value: &impl Serialize) -> Result<Self, StoreError> {
        let value = serde_dynamo::to_attribute_value(value)
            .map_err(|error| StoreError::Corrupt { key: name.to_owned(), reason: error.to_string() })?;
        Ok(self.set(name, value))
    }

    /// A sorted set of ids: GUIDs in 16 bytes each, others in a list beside them.
    pub(super) fn ids<'a>(self, name: &str, ids: impl Iterator<Item = &'a ObjectId>) -> Self {
        let mut packed = Vec::new();
        let mut others = Vec::new();
        for id in ids {
            match id.as_guid() {
                Some(guid) => packed.extend_from_slice(guid.as_bytes()),
                None => others.push(AttributeValue::S(id.to_string())),
            }
        }
        let item = if packed.is_empty() { self } else { self.set(name, AttributeValue::B(Blob::new(packed))) };
        if others.is_empty() { item } else { item.set(&other(name), AttributeValue::L(others)) }
    }

    /// When DynamoDB may forget the item.
    pub(super) fn expires(self, at: Timestamp) -> Self {
        self.number(TTL, at.as_second())
    }

    /// The same so long after a time. What would last longer than time itself lasts as long.
    pub(super) fn expires_after(self, begin: Timestamp, retention: SignedDuration) -> Self {
        self.expires(begin.checked_add(retention).unwrap_or(Timestamp::MAX))
    }

    /// About how large the item is, as DynamoDB counts it (Amazon DynamoDB developer guide, "Item sizes and formats").
    pub(super) fn bytes(&self) -> usize {
        size(&self.0)
    }

    /// The item, unless DynamoDB would refuse it, and with it everything it is written together with.
    pub(super) fn storable(self) -> Result<Self, StoreError> {
        let bytes = self.bytes();
        if bytes > MAX_ITEM_BYTES {
            let reason = format!("it would have {bytes} bytes, and an item has at most {MAX_ITEM_BYTES}");
            return Err(StoreError::Corrupt { key: self.key(), reason });
        }
        Ok(self)
    }

    /// The key, to name the item by.
    pub(super) fn key(&self) -> String {
        key_of(&self.0)
    }

    fn set(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(super) fn into_attributes(self) -> Attributes {
        self.0
    }
}

fn size(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, value)| name.len() + size_of_value(value) + 1).sum()
}

fn size_of_value(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| size_of_value(value) + 1).sum::<usize>(),
        AttributeValue::M(attributes) => 3 + size(attributes),
        // True, false and null; no item of ours has a set.
        _ => 1,
    }
}

fn other(name: &str) -> String {
    format!("other_{name}")
}

pub(super) fn key_attributes(key: &Key) -> Attributes {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

fn key_of(attributes: &Attributes) -> String {
    let part = |name| attributes.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    // In the index of names, sort keys are names of people, which no log should have.
    let sk = if part("sk").starts_with(NAME) { NAME } else { part("sk") };
    format!("{}/{sk}", part("pk"))
}

/// An item that was read.
#[derive(Debug)]
pub(super) struct Stored(Attributes);

impl Stored {
    /// Takes an item of the version this code knows.
    pub(super) fn new(attributes: Attributes) -> Result<Self, StoreError> {
        let stored = Self(attributes);
        match stored.0.get("v") {
            Some(AttributeValue::N(version)) if version == VERSION => Ok(stored),
            Some(AttributeValue::N(version)) => {
                Err(stored.corrupt(format!("its version is {version}, and this program reads {VERSION}")))
            }
            _ => Err(stored.corrupt("it has no version".to_owned())),
        }
    }

    pub(super) fn corrupt(&self, reason: String) -> StoreError {
        StoreError::Corrupt { key: key_of(&self.0), reason }
    }

    fn malformed(&self, name: &str) -> StoreError {
        self.corrupt(format!("{name} is missing or malformed"))
    }

    pub(super) fn sort_key(&self) -> Result<&str, StoreError> {
        self.text("sk")
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, StoreError> {
        self.optional_text(name)?.ok_or_else(|| self.malformed(name))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&str>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(self.malformed(name)),
        }
    }

    /// The texts of a set, which may be missing, each as what it says.
    pub(super) fn optional_texts<T: std::str::FromStr + Ord>(&self, name: &str) -> Result<BTreeSet<T>, StoreError> {
        match self.0.get(name) {
            None => Ok(BTreeSet::new()),
            Some(AttributeValue::Ss(texts)) => {
                texts.iter().map(|text| text.parse().map_err(|_| self.malformed(name))).collect()
            }
            Some(_) => Err(self.malformed(name)),
        }
    }

    pub(super) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.text(name)?.parse().map_err(|_| self.malformed(name))
    }

    pub(super) fn optional_parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, StoreError> {
        self.optional_text(name)?.map(|text| text.parse().map_err(|_| self.malformed(name))).transpose()
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::N(number)) => number.parse().map_err(|_| self.malformed(name)),
            _ => Err(self.malformed(name)),
        }
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&[u8], StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
            _ => Err(self.malformed(name)),
        }
    }

    pub(super) fn value<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let value = self.0.get(name).ok_or_else(|| self.malformed(name))?;
        // Serde's own words quote the content.
        serde_dynamo::from_attribute_value(value.clone()).map_err(|_| self.malformed(name))
    }

    pub(super) fn optional_value<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        if self.0.contains_key(name) { self.value(name).map(Some) } else { Ok(None) }
    }

    /// The ids that [`Item::ids`] has written.
    pub(super) fn ids<T: From<ObjectId> + Ord>(&self, name: &str) -> Result<BTreeSet<T>, StoreError> {
        let mut ids = BTreeSet::new();
        match self.0.get(name) {
            None => {}
            Some(AttributeValue::B(packed)) => {
                let (guids, rest) = packed.as_ref().as_chunks::<GUID_BYTES>();
                if !rest.is_empty() {
                    return Err(self.malformed(name));
                }
                ids.extend(guids.iter().map(|guid| T::from(ObjectId::from(Uuid::from_bytes(*guid)))));
            }
            Some(_) => return Err(self.malformed(name)),
        }
        match self.0.get(&other(name)) {
            None => {}
            Some(AttributeValue::L(others)) => {
                for id in others {
                    let id = id.as_s().ok().and_then(|id| id.parse::<ObjectId>().ok());
                    ids.insert(T::from(id.ok_or_else(|| self.malformed(name))?));
                }
            }
            Some(_) => return Err(self.malformed(name)),
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_id() -> impl Strategy<Value = ObjectId> {
        prop_oneof![
            any::<u128>().prop_map(|guid| ObjectId::from(Uuid::from_u128(guid))),
            "[a-zA-Z0-9_-]{1,40}".prop_map(|id| id.parse().unwrap()),
        ]
    }

    fn key() -> Key {
        Key { pk: "p".to_owned(), sk: "s".to_owned() }
    }

    proptest! {
        #[test]
        fn packed_ids_are_unpacked_as_they_were(ids in proptest::collection::btree_set(any_id(), 0..100)) {
            let item = Item::new(&key()).ids("members", ids.iter());
            let stored = Stored::new(item.into_attributes()).unwrap();
            prop_assert_eq!(stored.ids::<ObjectId>("members").unwrap(), ids);
        }
    }

    #[test]
    fn a_guid_takes_sixteen_bytes() {
        let ids: Vec<ObjectId> = (0..100).map(|guid| ObjectId::from(Uuid::from_u128(guid))).collect();
        let size = |count| Item::new(&key()).ids("m", ids.iter().take(count)).bytes();
        assert_eq!(size(100) - size(50), 50 * GUID_BYTES);
    }

    #[test]
    fn half_an_id_is_reported() {
        let mut attributes = Item::new(&key()).into_attributes();
        attributes.insert("members".to_owned(), AttributeValue::B(Blob::new([0_u8; 17])));
        let error = Stored::new(attributes).unwrap().ids::<ObjectId>("members").unwrap_err();
        assert_eq!(error.to_string(), "the stored item p/s is corrupt: members is missing or malformed");
    }
}
