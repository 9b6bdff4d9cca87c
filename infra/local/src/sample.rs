//! What is done on behalf of the sample administrator: authorizing, and choosing settings that show every outcome.

use serde_json::{Value, json};
use tenant::TenantHandle;

use crate::api::{Api, ApiError};

/// Authorizes as the sample administrator and makes sure the sample settings are set. Returns the directory's id.
///
/// # Errors
/// When the API refuses.
pub async fn set_up(api: &Api, tenant: &TenantHandle) -> Result<String, ApiError> {
    let directory = tenant.tenant_id().to_string();
    let administrator = tenant.administrators().into_iter().next().map(|one| one.user_principal_name);
    let hint = administrator.map(|name| format!("?login_hint={name}")).unwrap_or_default();
    api.authorize(&hint).await?;
    let path = format!("/api/v1/directories/{directory}/settings");
    let current = api.get(&path).await?;
    // Settings that were changed by hand are left alone.
    if current.get("version").and_then(Value::as_u64) == Some(1) {
        api.put(&path, &settings(tenant)).await?;
    }
    Ok(directory)
}

/// Settings under which the sample has users and groups of every outcome.
fn settings(tenant: &TenantHandle) -> Value {
    let groups = |names: [&str; 2]| names.into_iter().filter_map(|name| tenant.group_named(name)).collect::<Vec<_>>();
    json!({
        "sync_users": true,
        "sync_groups": true,
        "sync_groups_without_email": false,
        "group_prefixes": ["Team ", "All ", "VPN "],
        "allowed_groups": groups([tenant::ALL_EMPLOYEES, tenant::CONTRACTORS]),
        "ignored_groups": groups([tenant::SERVICE_ACCOUNTS, tenant::MEETING_ROOMS]),
        "nested_groups": true,
    })
}
