//! A directory's days, an item each.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::error::unavailable;
use super::item::{Stored, key_attributes};
use super::keys::{Key, days};
use super::lease::number;
use super::store::DynamoStore;
use super::table::TTL;
use crate::directory::DirectoryId;
use crate::statistics::{Day, RETENTION};
use crate::store::{StatisticsStore, StoreError};

/// What sorts after all dates.
const AFTER_ALL: &str = "~";

impl DynamoStore {
    /// Adds to a day, as part of a transaction.
    pub(super) fn note_day(&self, directory: DirectoryId, day: &Day) -> Result<TransactWriteItem, StoreError> {
        let counts = serde_dynamo::to_attribute_value(day.counts)
            .map_err(|error| StoreError::Corrupt { key: "counts".to_owned(), reason: error.to_string() })?;
        let begin = day.date.to_zoned(TimeZone::UTC).map(|begin| begin.timestamp()).unwrap_or_default();
        let end = begin.saturating_add(RETENTION).map_or(i64::MAX, |end| end.as_second());
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::day(directory, day.date))))
            .update_expression(format!(
                "SET v = :v, counts = :counts, {TTL} = :end ADD activated :activated, deactivated :deactivated"
            ))
            .expression_attribute_values(":v", number(1))
            .expression_attribute_values(":counts", counts)
            .expression_attribute_values(":end", number(end))
            .expression_attribute_values(":activated", number(day.activated))
            .expression_attribute_values(":deactivated", number(day.deactivated))
            .build()
            .map_err(unavailable)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn read(item: &Stored) -> Result<Day, StoreError> {
    Ok(Day {
        date: item.parsed("sk")?,
        counts: item.value("counts")?,
        activated: item.number("activated")?,
        deactivated: item.number("deactivated")?,
    })
}

#[async_trait]
impl StatisticsStore for DynamoStore {
    async fn days(&self, directory: DirectoryId, since: Date) -> Result<Vec<Day>, StoreError> {
        self.between(days(directory), &since.to_string(), AFTER_ALL).await?.iter().map(read).collect()
    }
}
