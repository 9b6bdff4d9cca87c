//! What users and groups have in common: an id, properties and perhaps a deletion.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::property::{Moment, Properties};

/// How an object was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Deletion {
    /// It can be restored. Delta says `changed`.
    Soft,
    /// It is gone for good. Delta says `deleted`.
    Permanent,
}

/// A user, or the part of a group that is like a user.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) id: Uuid,
    /// Its `@odata.type`, where that is a subtype of `user`.
    pub(crate) subtype: Option<String>,
    pub(crate) properties: Properties,
    pub(crate) deletion: Option<Deletion>,
    /// When it was created or last restored.
    pub(crate) appeared: Moment,
    /// When it was last deleted or restored.
    pub(crate) deletion_changed: Moment,
    /// The moment of its last change of any kind.
    pub(crate) changed: Moment,
}

impl Object {
    pub(crate) fn new(id: Uuid, at: Moment) -> Self {
        let properties = Properties::default();
        Self { id, subtype: None, properties, deletion: None, appeared: at, deletion_changed: 0, changed: at }
    }

    pub(crate) fn set(&mut self, name: &str, value: Value, at: Moment) {
        if self.properties.set(name, value, at) {
            self.changed = at;
        }
    }

    /// Deletes the object, or brings it back, which makes all of it look new.
    pub(crate) fn set_deletion(&mut self, deletion: Option<Deletion>, at: Moment) {
        self.deletion = deletion;
        self.deletion_changed = at;
        self.changed = at;
        if deletion.is_none() {
            self.appeared = at;
            self.properties.touch(at);
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.deletion.is_none()
    }

    /// Whether it was there at an earlier moment, as far as its history is kept: only its last deletion or return is.
    pub(crate) fn was_live(&self, at: Moment) -> bool {
        let is_older = self.appeared <= at;
        if self.deletion_changed > at { is_older && !self.is_live() } else { is_older && self.is_live() }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.properties.text(name)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.properties.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn display_name(&self) -> &str {
        self.text("displayName").unwrap_or_default()
    }

    pub(crate) fn is_guest(&self) -> bool {
        self.text("userType") == Some("Guest")
    }
}

/// Objects in order of creation, found by id at once. Nothing ever leaves: delta must still name what was deleted, and a page
/// token is a place in this order.
#[derive(Debug, Clone)]
pub(crate) struct Table<T> {
    rows: Vec<T>,
    places: HashMap<Uuid, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Table<T> {
    /// Adds a row, or replaces the one with the same id.
    pub(crate) fn insert(&mut self, id: Uuid, row: T) {
        if let Some(old) = self.get_mut(id) {
            *old = row;
        } else {
            self.places.insert(id, self.rows.len());
            self.rows.push(row);
        }
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&T> {
        self.rows.get(*self.places.get(&id)?)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut T> {
        self.rows.get_mut(*self.places.get(&id)?)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.rows.iter_mut()
    }

    /// The rows from a place on, with their places.
    pub(crate) fn from(&self, place: usize) -> impl Iterator<Item = (usize, &T)> {
        self.rows.iter().enumerate().skip(place)
    }
}
