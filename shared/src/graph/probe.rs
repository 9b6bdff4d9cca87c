//! Whether an account that is being authorized can read what a sync reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::client::{GraphClient, Read};
use super::error::GraphError;
use super::origin::GraphOrigin;
use super::page::{Link, Page};
use super::retry::RetryPolicy;
use crate::clock::Clock;

/// The waits before a fresh token is shown once more to Graph, which was seen to refuse such tokens for a while. In all less than
/// a person waits for an answer of API Gateway.
const SETTLING: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

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

/// The path that lists the directory roles of an account.
const ROLES: &str = "me/memberOf/microsoft.graph.directoryRole";
const ROLES_QUERY: &str = "$select=id,displayName,roleTemplateId";

/// The templates of the roles that, together with the permission `Member.Read.Hidden`, show hidden members: Global, User,
/// Exchange, `SharePoint`, Intune and Teams Administrator.
///
/// Source: Microsoft Graph, "List group members". It names Yammer Administrator too; an account with only that role is taken
/// for one that sees less.
const HIDDEN_MEMBERS_ROLES: [&str; 6] = [
    "62e90394-69f5-4237-9190-012177145e10",
    "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "3a2c62db-5318-420d-8d74-23affee5d9d5",
    "69091246-20e8-4a56-aa4d-066075b2a7a8",
];

/// Reads the directory roles of the account, a page of them.
pub(super) fn roles_page(origin: &GraphOrigin) -> Read<Page> {
    Read::list_page(origin.endpoint(ROLES, ROLES_QUERY))
}

/// True when one of the roles on the page shows hidden members.
pub(super) fn shows_hidden_members(page: &Page) -> bool {
    let shows = |object: &str| {
        let template = role_template(object);
        template.is_some_and(|template| HIDDEN_MEMBERS_ROLES.iter().any(|id| template.eq_ignore_ascii_case(id)))
    };
    page.objects.iter().any(|object| shows(object))
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
    let users = users(&client, token).await?;
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
    users(&client, token).await?;
    Ok(())
}

/// Reads one user, giving Graph some time to accept the token.
async fn users(client: &GraphClient, token: &SecretString) -> Result<Page, GraphError> {
    for wait in SETTLING {
        match first_page(client, token, "users", "$select=id&$top=1").await {
            Err(GraphError::Unauthorized(_)) => client.clock().sleep(wait).await,
            answer => return answer,
        }
    }
    first_page(client, token, "users", "$select=id&$top=1").await
}

async fn roles(client: &GraphClient, token: &SecretString) -> Result<AccountRoles, GraphError> {
    let page = first_page(client, token, ROLES, ROLES_QUERY).await?;
    if page.link != Link::End {
        // A page holds a hundred: nobody has that many roles.
        return Ok(AccountRoles::Unknown);
    }
    // One that is not understood may be any role.
    let roles = page.objects.iter().map(|object| role_template(object).map(DirectoryRole::from_template));
    Ok(roles.collect::<Option<_>>().map_or(AccountRoles::Unknown, AccountRoles::Known))
}

/// The template of a directory role; `None` when the object is not understood.
fn role_template(object: &str) -> Option<String> {
    let role: Value = serde_json::from_str(object).ok()?;
    Some(role.get("roleTemplateId")?.as_str()?.to_owned())
}

async fn first_page(client: &GraphClient, token: &SecretString, path: &str, query: &str) -> Result<Page, GraphError> {
    client.get(&Read::list_page(client.origin().endpoint(path, query)).urgent(), token).await
}
