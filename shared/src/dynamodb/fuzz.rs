//! What must hold whatever comes out of the table.

use std::fmt::Debug;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::bucket_store;
use super::buckets::Kind;
use super::item::{Attributes, Item, Stored};
use super::lists::Ids;
use super::names::Names;
use super::packing::pack;
use super::records::{read_group, write_group};
use super::users::Users;
use super::{alerts, changes, directories, holds, lease, runs};
use crate::access::AccessToken;
use crate::credentials::Credential;
use crate::directory::DirectoryId;
use crate::oauth::{Conclusion, PendingAuthorization};
use crate::store::StoreError;
use crate::sync::CheckpointHead;

/// An item in DynamoDB's JSON, read as each of the kinds there are: it makes sense, or it is said to be corrupt. What makes
/// sense is written as what reads as the same.
///
/// # Panics
/// When it does not hold.
pub fn stored_item(json: &[u8]) {
    let Ok(Value::Object(members)) = serde_json::from_slice(json) else { return };
    let Some(item) = sound(Stored::new(attributes(&members))) else { return };
    let directory = DirectoryId::new(uuid::Uuid::nil());

    bucket::<Users>(&item);
    bucket::<Names>(&item);
    bucket::<Ids>(&item);
    same(&item, read_group, |group| write_group(directory, group));
    same(&item, directories::read, directories::write);
    same(&item, runs::read, runs::write);
    same(&item, holds::read, holds::write);
    sound(alerts::read(&item));
    sound(changes::read(&item));
    sound(lease::state(&item));
    sound(lease::held_until(&item, Timestamp::UNIX_EPOCH));
    sound(item.value::<Credential>("credential"));
    sound(item.value::<AccessToken>("token"));
    sound(item.value::<PendingAuthorization>("authorization"));
    sound(item.value::<Conclusion>("conclusion"));
    sound(item.value::<CheckpointHead>("head"));
    sound(item.number::<u32>("pieces"));
    sound(item.bytes("content"));
}

/// The attributes in DynamoDB's JSON. What is stored packed may be in there as it is before, under the name of no type of
/// DynamoDB's, so that what is in it can be mutated.
fn attributes(members: &Map<String, Value>) -> Attributes {
    let attribute = |value: &Value| match value.get("PACKED") {
        Some(content) => Some(AttributeValue::B(Blob::new(pack(content).ok()?))),
        None => attribute(value),
    };
    members.iter().filter_map(|(name, value)| Some((name.clone(), attribute(value)?))).collect()
}

fn bucket<T: Kind>(item: &Stored) {
    let Some(bucket) = sound(bucket_store::read::<T>(item)) else { return };
    let key = super::keys::Key::new("pk", T::sort_key(bucket.from.as_ref()));
    let Some(written) = sound(T::write(Item::new(&key), &bucket.entries)) else { return };
    let again = Stored::new(written.into_attributes()).and_then(|item| bucket_store::read::<T>(&item));
    assert_eq!(again.ok(), Some(bucket));
}

fn same<T: Debug + PartialEq>(
    item: &Stored,
    read: fn(&Stored) -> Result<T, StoreError>,
    write: impl Fn(&T) -> Result<Item, StoreError>,
) {
    let Some(record) = sound(read(item)) else { return };
    // It may be too large to be written again.
    let Some(written) = sound(write(&record)) else { return };
    let again = Stored::new(written.into_attributes()).and_then(|item| read(&item));
    assert_eq!(again.ok(), Some(record));
}

/// What was read, unless it is corrupt, which is the only thing that may be wrong with it.
fn sound<T>(read: Result<T, StoreError>) -> Option<T> {
    match read {
        Ok(record) => Some(record),
        Err(error) => {
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
            None
        }
    }
}

/// Source: Amazon DynamoDB API reference, `AttributeValue`.
fn attribute(json: &Value) -> Option<AttributeValue> {
    let (kind, value) = json.as_object()?.iter().next()?;
    let text = || value.as_str().map(str::to_owned);
    Some(match kind.as_str() {
        "S" => AttributeValue::S(text()?),
        "N" => AttributeValue::N(text()?),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(value.as_str()?).ok()?)),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(true),
        "SS" => {
            AttributeValue::Ss(value.as_array()?.iter().filter_map(|text| Some(text.as_str()?.to_owned())).collect())
        }
        "L" => AttributeValue::L(value.as_array()?.iter().filter_map(attribute).collect()),
        "M" => {
            let members = value.as_object()?.iter();
            AttributeValue::M(members.filter_map(|(name, value)| Some((name.clone(), attribute(value)?))).collect())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str) -> Stored {
        let path = format!("{}/../tests/fuzz/corpus/stored_item/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Stored::new(attributes(json.as_object().unwrap())).unwrap()
    }

    #[test]
    fn the_stored_examples_are_what_this_version_stores() {
        assert_eq!(bucket_store::read::<Users>(&example("users")).unwrap().entries.len(), 2);
        assert_eq!(bucket_store::read::<Names>(&example("names")).unwrap().entries.len(), 2);
        read_group(&example("group")).unwrap();
        directories::read(&example("directory")).unwrap();
        runs::read(&example("run")).unwrap();
        holds::read(&example("hold")).unwrap();
        assert_eq!(bucket_store::read::<Ids>(&example("members")).unwrap().entries.len(), 3);
        alerts::read(&example("alerts")).unwrap();
        assert_eq!(changes::read(&example("changes")).unwrap().len(), 2);
        assert!(lease::state(&example("sync")).unwrap().links.is_some());
        example("credential").value::<Credential>("credential").unwrap();
        example("token").value::<AccessToken>("token").unwrap();
        example("authorization").value::<PendingAuthorization>("authorization").unwrap();
        example("authorization").value::<Conclusion>("conclusion").unwrap();
        example("checkpoint").value::<CheckpointHead>("head").unwrap();
    }
}
