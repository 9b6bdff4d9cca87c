//! Objects that are left out because they cannot be understood.

use std::fmt;

use crate::directory::ObjectId;
use crate::sync::UnreadObject;

/// How an object cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Oddity {
    /// It is no object, or has no id, or one that no object has.
    NoId,
    /// A property is of another type than Graph documents.
    Property {
        /// The object.
        id: ObjectId,
        /// The property.
        name: String,
    },
}

/// Which objects of a chain were left out. Told without personal data: by id, or by where they stood.
#[derive(Debug)]
pub(super) struct LeftOut {
    kind: String,
    page: usize,
    entry: usize,
    unread: Vec<UnreadObject>,
}

impl LeftOut {
    /// For a chain of objects of this kind, such as `user`.
    pub(super) fn of(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), page: 0, entry: 0, unread: Vec::new() }
    }

    /// Says where the reading is, both counted from 1.
    pub(super) fn at(&mut self, page: usize, entry: usize) {
        self.page = page;
        self.entry = entry;
    }

    /// Notes that the object there was left out.
    pub(super) fn note(&mut self, oddity: &Oddity) {
        let kind = self.kind.clone();
        self.note_part(&kind, oddity);
    }

    /// Notes that a part of the object there was left out.
    pub(super) fn note_part(&mut self, kind: impl fmt::Display, oddity: &Oddity) {
        let Self { page, entry, .. } = self;
        self.unread.push(match oddity {
            Oddity::NoId => UnreadObject {
                id: None,
                note: format!("a {kind} without a usable id was left out (entry {entry} of page {page})"),
            },
            Oddity::Property { id, name } => UnreadObject {
                id: Some(id.clone()),
                note: format!("{kind} {id} was left out: {name} has an unexpected type"),
            },
        });
    }

    /// What was noted.
    pub(super) fn into_unread(self) -> Vec<UnreadObject> {
        self.unread
    }
}
