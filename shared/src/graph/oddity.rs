//! What is odd about objects: some are left out, most are taken all the same.

use std::fmt;

use crate::directory::ObjectId;
use crate::sync::UnreadObject;

/// How many odd but understood objects of a page are named; the rest is counted.
const MAX_NAMED: usize = 50;

/// How an object cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Oddity {
    /// It is no object, or has no id, or one that no object has.
    NoId,
    /// A property that decisions hang on cannot be understood, and what was known of it may be wrong by now.
    Property {
        /// The object.
        id: ObjectId,
        /// The property.
        name: &'static str,
        /// What is odd about it.
        odd: OddValue,
    },
}

/// What is odd about a property's value. It never carries the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OddValue {
    /// Another type than Graph documents.
    Type,
    /// Longer than anything meaningful; so many bytes are taken.
    TooLong(usize),
}

impl fmt::Display for OddValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type => f.write_str("has an unexpected type"),
            Self::TooLong(most) => write!(f, "is longer than {most} bytes"),
        }
    }
}

/// What is said of the odd objects of a page. Told without personal data: by id, or by where they stood.
#[derive(Debug)]
pub(super) struct Notes {
    kind: String,
    page: usize,
    entry: usize,
    unread: Vec<UnreadObject>,
    odd: Vec<String>,
    more: usize,
}

impl Notes {
    /// For objects of this kind, such as `user`.
    pub(super) fn of(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), page: 0, entry: 0, unread: Vec::new(), odd: Vec::new(), more: 0 }
    }

    /// Says where the reading is, both counted from 1.
    pub(super) fn at(&mut self, page: usize, entry: usize) {
        self.page = page;
        self.entry = entry;
    }

    /// The object there was left out.
    pub(super) fn left_out(&mut self, oddity: &Oddity) {
        let kind = self.kind.clone();
        self.part_left_out(kind, oddity);
    }

    /// A part of the object there was left out.
    pub(super) fn part_left_out(&mut self, kind: impl fmt::Display, oddity: &Oddity) {
        let Self { page, entry, .. } = self;
        self.unread.push(match oddity {
            Oddity::NoId => UnreadObject {
                id: None,
                note: format!("a {kind} without a usable id was left out (entry {entry} of page {page})"),
            },
            Oddity::Property { id, name, odd } => {
                UnreadObject { id: Some(id.clone()), note: format!("{kind} {id} was left out: {name} {odd}") }
            }
        });
    }

    /// The object was taken, though something about it is odd.
    pub(super) fn odd(&mut self, id: &ObjectId, what: impl fmt::Display) {
        if self.odd.len() < MAX_NAMED {
            self.odd.push(format!("{} {id}: {what}", self.kind));
        } else {
            self.more += 1;
        }
    }

    /// What was left out, and what was taken though odd.
    pub(super) fn finish(mut self) -> (Vec<UnreadObject>, Vec<String>) {
        if self.more > 0 {
            self.odd.push(format!("{} more oddities on page {}", self.more, self.page));
        }
        (self.unread, self.odd)
    }
}
