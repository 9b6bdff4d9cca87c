//! What the Sync page keeps: sessions that ended, attempts, drafts, the audit trail, lists of tokens.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use shared::access::{AccessToken, Scope, TokenHash};
use shared::audit::{Actor, AuditEntry, AuditEvent};
use shared::filter::{Policy, UserOutcome};
use shared::session::{UnsentForm, UnsentId};
use shared::settings::{Draft, DraftId, Line, Outline, Preview, Shift, Then};
use shared::store::{
    AttemptStore as _, AuditStore as _, DraftStore as _, EndedSessions as _, NotedProgress, ProgressStore as _,
    StoreError, TokenRegistry as _, TokenStore as _,
};
use shared::sync::{Progress, RunId};

use super::fixtures::{at, directory, user_id};
use crate::dynamodb::{Table, number};

pub async fn an_ended_session_stays_ended(table: &Table) {
    assert!(!table.store.has_ended("one").await.unwrap());
    table.store.end_session("one", at(600)).await.unwrap();
    table.store.end_session("one", at(600)).await.unwrap();
    assert!(table.store.has_ended("one").await.unwrap());
    assert!(!table.store.has_ended("other").await.unwrap());
}

pub async fn attempts_are_counted_by_who_and_minute(table: &Table) {
    let count = async |who, minute| table.store.count_attempt(who, minute).await.unwrap();
    assert_eq!(
        [count("kim", 1).await, count("kim", 1).await, count("lee", 1).await, count("kim", 2).await],
        [1, 2, 1, 1]
    );
}

pub async fn a_draft_is_its_directorys(table: &Table) {
    let (id, other) = (directory(&table.store).await, directory(&table.store).await);
    let policy = Policy::parse(&json!({"sync_users": true})).unwrap();
    let draft = Draft { id: DraftId::generate(), policy, from_version: 3, by: Some(user_id(1)), at: at(0) };
    table.store.put_draft(id, &draft).await.unwrap();
    assert_eq!(table.store.draft(id, draft.id).await.unwrap(), Some(draft.clone()));
    assert_eq!(table.store.draft(other, draft.id).await.unwrap(), None);
    assert_eq!(table.store.draft(id, DraftId::generate()).await.unwrap(), None);
}

pub async fn a_kept_form_is_its_directorys_and_not_too_long(table: &Table) {
    let (id, other) = (directory(&table.store).await, directory(&table.store).await);
    let form = |value: String| UnsentForm {
        id: UnsentId::generate(),
        tenant: id,
        user: user_id(1),
        action: format!("/directories/{id}/settings"),
        fields: vec![("group_prefixes".to_owned(), value)],
        at: at(0),
    };
    let kept = form("VPN \r\n".to_owned());
    assert!(table.store.put_unsent(id, &kept).await.unwrap());
    assert_eq!(table.store.unsent(id, kept.id).await.unwrap(), Some(kept.clone()));
    assert_eq!(table.store.unsent(other, kept.id).await.unwrap(), None);
    assert!(!format!("{kept:?}").contains("VPN"));
    let mut rng = StdRng::seed_from_u64(1);
    let long = form((0..480_000).map(|_| char::from(rng.random_range(b' '..=b'~'))).collect());
    assert!(!table.store.put_unsent(id, &long).await.unwrap());
    assert_eq!(table.store.unsent(id, long.id).await.unwrap(), None);
}

pub async fn what_a_draft_would_change_is_read_page_by_page(table: &Table) {
    let id = directory(&table.store).await;
    let draft =
        Draft { id: DraftId::generate(), policy: Policy::default(), from_version: 1, by: Some(user_id(1)), at: at(0) };
    assert_eq!(table.store.outline(id, draft.id).await.unwrap(), None);
    let line = |number| Line {
        id: user_id(number).object().clone(),
        name: Some(format!("Person {number}").into()),
        address: None,
        then: Then::User(Some(UserOutcome::Deleted)),
    };
    let lines: Vec<Line> = (0..250).map(line).collect();
    let outline = Outline {
        active: (300, 50),
        sizes: BTreeMap::from([(Shift::Deactivated, 250)]),
        deactivated: vec![(Some(UserOutcome::Deleted), 250)],
        ..Outline::default()
    };
    let lists = BTreeMap::from([(Shift::Deactivated, lines.clone())]);
    table.store.put_preview(id, &draft, &Preview { outline: outline.clone(), lists }).await.unwrap();
    assert_eq!(table.store.outline(id, draft.id).await.unwrap(), Some(outline));
    for (page, expected) in [(0, &lines[..100]), (1, &lines[100..200]), (2, &lines[200..]), (3, &[])] {
        assert_eq!(table.store.lines(id, draft.id, Shift::Deactivated, page).await.unwrap(), expected);
    }
    assert_eq!(table.store.lines(id, draft.id, Shift::Activated, 0).await.unwrap(), []);
    let end = at(24 * 3_600).as_second();
    for item in table.items_at("PREVIEW").await {
        assert_eq!(number(&item, "expires_at"), Some(end), "names of people are not kept for longer");
    }
}

pub async fn the_latest_progress_is_kept(table: &Table) {
    let id = directory(&table.store).await;
    assert_eq!(table.store.progress(id).await.unwrap(), None);
    for done in [1, 2] {
        let noted = NotedProgress { run: RunId::new(at(1)), at: at(2), progress: Progress::Writing { done, of: 7 } };
        table.store.note_progress(id, &noted).await.unwrap();
        assert_eq!(table.store.progress(id).await.unwrap(), Some(noted));
    }
}

pub async fn the_audit_trail_is_read_from_its_end_page_by_page(table: &Table) {
    let (id, other) = (directory(&table.store).await, directory(&table.store).await);
    let entry = |second| {
        let event = AuditEvent::TokenRevoked { name: format!("token {second}") };
        AuditEntry::new(Actor::Token { name: "robot".to_owned() }, event, at(second))
    };
    let entries: Vec<AuditEntry> = (0..5).map(entry).collect();
    for entry in &entries {
        table.store.record(id, entry).await.unwrap();
    }
    let (mut read, mut after) = (Vec::new(), None);
    for expected in [2, 2, 1] {
        let page = table.store.audit(id, 2, after).await.unwrap();
        assert_eq!(page.items.len(), expected);
        after = page.end().map(|entry| entry.id);
        read.extend(page.items);
    }
    assert_eq!(after, None);
    read.reverse();
    assert_eq!(read, entries);
    assert_eq!(table.store.audit(other, 2, None).await.unwrap().items, []);
}

pub async fn tokens_are_listed_noted_and_revoked_in_their_own_directory(table: &Table) {
    let (id, other) = (directory(&table.store).await, directory(&table.store).await);
    let token = |name: &str, second| AccessToken {
        name: name.to_owned(),
        scope: Scope::Read,
        directory: Some(id),
        created_at: at(second),
        expires_at: at(9_000),
        last_used_at: None,
    };
    let (one, two) = (TokenHash::of("one"), TokenHash::of("two"));
    table.store.put_token(&one, &token("gateway", 1)).await.unwrap();
    table.store.put_token(&two, &token("payroll", 2)).await.unwrap();
    table.store.put_token(&TokenHash::of("three"), &AccessToken { directory: None, ..token("all", 3) }).await.unwrap();
    table.store.note_token_used(&one, at(7)).await.unwrap();
    let used = AccessToken { last_used_at: Some(at(7)), ..token("gateway", 1) };
    let listed = table.store.tokens(id).await.unwrap();
    assert_eq!(listed, [(two.clone(), token("payroll", 2)), (one.clone(), used)]);
    assert_eq!(table.store.tokens(other).await.unwrap(), []);

    assert!(matches!(table.store.revoke_token(other, &two).await, Err(StoreError::Conflict)));
    table.store.revoke_token(id, &two).await.unwrap();
    assert!(matches!(table.store.revoke_token(id, &two).await, Err(StoreError::Conflict)));
    assert!(
        matches!(table.store.note_token_used(&two, at(8)).await, Err(StoreError::Conflict)),
        "it does not come back"
    );
    assert_eq!(table.store.token(&two).await.unwrap(), None);
    assert_eq!(table.store.tokens(id).await.unwrap().len(), 1);
}
