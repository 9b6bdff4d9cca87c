//! Fenced writes: transactions that only go through while the lease is held.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::error::{cancelled, failed_condition, unavailable};
use super::item::{Item, key_attributes};
use super::keys::Key;
use super::members::MemberAction;
use super::records::{write_group, write_user};
use super::store::DynamoStore;
use crate::store::{GroupMembersChange, Lease, StoreError, Write};

/// The most writes of a transaction: 100 actions, one of which checks the lease. Items of ours stay far below the limit
/// of 4 MB for all of them (Amazon DynamoDB API reference, `TransactWriteItems`).
const WRITES: usize = 99;

impl DynamoStore {
    /// Makes the changes in their order, as many at once as a transaction takes.
    pub(super) async fn apply_writes(&self, lease: &Lease, writes: &[Write]) -> Result<u64, StoreError> {
        let mut actions = Vec::new();
        let mut rest = writes;
        while let Some((first, others)) = rest.split_first() {
            match first {
                Write::Group(group) => actions.push(self.put_action(write_group(lease.directory, group)?)?),
                Write::User(user) => actions.push(self.put_action(write_user(lease.directory, user)?)?),
                Write::GroupMembers(_) => {
                    // Together, because they have to be read first.
                    let changes: Vec<&GroupMembersChange> = rest
                        .iter()
                        .map_while(|write| if let Write::GroupMembers(change) = write { Some(change) } else { None })
                        .collect();
                    for action in self.member_actions(lease.directory, &changes).await? {
                        actions.push(match action {
                            MemberAction::Put(item) => self.put_action(item)?,
                            MemberAction::Delete(key) => self.delete_action(&key)?,
                        });
                    }
                    rest = rest.get(changes.len()..).unwrap_or_default();
                    continue;
                }
            }
            rest = others;
        }
        for some in actions.chunks(WRITES) {
            self.transact(lease, some.to_vec()).await?;
        }
        Ok(actions.len() as u64)
    }

    async fn transact(&self, lease: &Lease, mut actions: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        actions.push(self.check_of(lease)?);
        let check = actions.len() - 1;
        match self.client.transact_write_items().set_transact_items(Some(actions)).send().await {
            Ok(_) => Ok(()),
            Err(error) if cancelled(&error).is_some_and(|reasons| failed_condition(reasons, check)) => {
                Err(StoreError::LeaseLost)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    fn put_action(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item.into_attributes())).build();
        let put = put.map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_action(&self, key: &Key) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key_attributes(key))).build();
        let delete = delete.map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
