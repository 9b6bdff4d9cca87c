//! The table as data. `infra/template.yaml` declares the same.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::error::words;

/// The attribute by which DynamoDB forgets items, in seconds since 1970.
pub(super) const TTL: &str = "expires_at";

/// The table could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the table could not be made: {0}")]
pub struct TableError(String);

/// Makes the table unless it exists.
///
/// # Errors
/// When DynamoDB does not answer or refuses.
pub async fn create_table(client: &Client, name: &str) -> Result<(), TableError> {
    let created = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(vec![text("pk")?, text("sk")?]))
        .set_key_schema(Some(vec![key("pk", KeyType::Hash)?, key("sk", KeyType::Range)?]))
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {
            return Ok(());
        }
        Err(error) => return Err(TableError(words(&error))),
    }
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build().map_err(bad)?;
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(ttl)
        .send()
        .await
        .map_err(|error| TableError(words(&error)))?;
    Ok(())
}

fn text(name: &str) -> Result<AttributeDefinition, TableError> {
    let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
    definition.build().map_err(bad)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, TableError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(bad)
}

fn bad(error: aws_sdk_dynamodb::error::BuildError) -> TableError {
    TableError(error.to_string())
}
