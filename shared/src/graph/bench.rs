//! What `benches/pages.rs` measures, which is nobody else's business.

use super::oddity::Notes;
use super::page::Page;
use super::wire::{self, Decode};

/// Reads a page of users; returns how many.
#[must_use]
pub fn users(body: &[u8]) -> usize {
    read(body, wire::user)
}

/// The same with care for each.
#[must_use]
pub fn users_with_care(body: &[u8]) -> usize {
    read(body, wire::user_with_care)
}

/// Reads a page of members; returns how many.
#[must_use]
pub fn members(body: &[u8]) -> usize {
    read(body, wire::member)
}

/// The same with care for each.
#[must_use]
pub fn members_with_care(body: &[u8]) -> usize {
    read(body, wire::member_with_care)
}

fn read<T>(body: &[u8], decode: Decode<T>) -> usize {
    let Ok(page) = Page::of_list(body) else { return 0 };
    let mut notes = Notes::of("object");
    let objects: Vec<T> = page.objects.iter().filter_map(|object| decode(object, &mut notes).ok()).collect();
    objects.len()
}
