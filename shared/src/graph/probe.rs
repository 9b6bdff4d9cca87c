//! Whether an account that is being authorized can read what a sync reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;

use super::client::{GraphClient, Read};
use super::error::GraphError;
use super::origin::GraphOrigin;
use super::page::{Link, Malformed, Page};
use super::retry::RetryPolicy;
use crate::clock::Clock;

/// What an account turned out to be able to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountProbe {
    /// False when the account is shown no user at all, not even itself: its tenant hides users from it.
    pub sees_users: bool,
    /// The roles it has.
    pub roles: AccountRoles,
}

/// The directory roles of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountRoles {
    /// These and no others.
    Known(BTreeSet<DirectoryRole>),
    /// Graph does not say. The account may be fine all the same.
    Unknown,
}

/// A directory role, told by its template, which is the same in every tenant.
///
/// Source: Microsoft Entra, "Microsoft Entra built-in roles".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryRole {
    /// May do everything.
    GlobalAdministrator,
    /// May consent for the tenant.
    CloudApplicationAdministrator,
    /// May read hidden memberships.
    UserAdministrator,
    /// Any other, by the id of its template.
    Other(String),
}

impl DirectoryRole {
    fn from_template(id: String) -> Self {
        match id.to_ascii_lowercase().as_str() {
            "62e90394-69f5-4237-9190-012177145e10" => Self::GlobalAdministrator,
            "158c047a-c907-4556-b7ef-446551a6b5f7" => Self::CloudApplicationAdministrator,
            "fe930be7-5e62-47db-91af-98c3a49a38b1" => Self::UserAdministrator,
            _ => Self::Other(id),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRole {
    role_template_id: String,
}

/// Reads one user, one group and the account's own roles with the token.
///
/// # Errors
/// When users or groups cannot be read. That the roles cannot is no error: they only serve a warning.
pub async fn probe_account(
    http: &reqwest::Client,
    origin: &GraphOrigin,
    token: &SecretString,
    clock: Arc<dyn Clock>,
) -> Result<AccountProbe, GraphError> {
    let client = GraphClient::new(http.clone(), origin.clone(), clock, RetryPolicy::INTERACTIVE, rand::random());
    let users = first_page(&client, token, "users", "$select=id&$top=1").await?;
    first_page(&client, token, "groups", "$select=id&$top=1").await?;
    let roles = roles(&client, token).await.unwrap_or_else(|error| {
        tracing::info!("the roles of the account are not known: {error}");
        AccountRoles::Unknown
    });
    Ok(AccountProbe { sees_users: !users.objects.is_empty(), roles })
}

/// Reads one user with the token, just to see whether it may.
///
/// # Errors
/// When users cannot be read.
pub async fn probe_users(
    http: &reqwest::Client,
    origin: &GraphOrigin,
    token: &SecretString,
    clock: Arc<dyn Clock>,
) -> Result<(), GraphError> {
    let client = GraphClient::new(http.clone(), origin.clone(), clock, RetryPolicy::INTERACTIVE, rand::random());
    first_page(&client, token, "users", "$select=id&$top=1").await?;
    Ok(())
}

async fn roles(client: &GraphClient, token: &SecretString) -> Result<AccountRoles, GraphError> {
    let query = "$select=id,displayName,roleTemplateId";
    let page = first_page(client, token, "me/memberOf/microsoft.graph.directoryRole", query).await?;
    if page.link != Link::End {
        // A page holds a hundred: nobody has that many roles.
        return Ok(AccountRoles::Unknown);
    }
    let roles = page.objects.iter().map(|object| {
        let role: WireRole = serde_json::from_str(object).map_err(|_| Malformed::NotAPage)?;
        Ok(DirectoryRole::from_template(role.role_template_id))
    });
    Ok(AccountRoles::Known(roles.collect::<Result<_, Malformed>>()?))
}

async fn first_page(client: &GraphClient, token: &SecretString, path: &str, query: &str) -> Result<Page, GraphError> {
    client.get(&Read::list_page(client.origin().endpoint(path, query)).urgent(), token).await
}
