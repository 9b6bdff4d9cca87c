//! From a one-time code to a stored authorization.
//!
//! Everything is proven before anything is stored, and the refresh token is safe before its credential is listed.

use secrecy::SecretString;
use shared::audit::{Actor, AuditEntry, AuditEvent};
use shared::credentials::{Credential, CredentialState};
use shared::directory::{Directory, DirectoryId};
use shared::identity::SignedIn;
use shared::oauth::{Connected, Denial, NextSync, Position, Redeemable, RoleAssessment, missing_scopes};
use shared::sync::{self, Run, Trigger};
use shared::telemetry;

use crate::App;
use crate::denied::Denied;

/// What was proven of an authorization.
struct Proven {
    who: SignedIn,
    scopes: Vec<String>,
    refresh_token: SecretString,
    roles: RoleAssessment,
}

pub(crate) async fn connect(app: &App, redeemable: &Redeemable) -> Result<Connected, Denied> {
    let proven = prove(app, redeemable).await?;
    let directory = proven.who.tenant;
    let position = store_credential(app, &proven).await.map_err(Denied::internal)?;
    let directory_name = ensure_directory(app, &proven.who).await.map_err(Denied::internal)?;
    let next = request_run(app, directory).await;
    tracing::info!(
        directory.id = %directory, credential.administrator = %proven.who.administrator, position = ?position,
        "an administrator authorized a directory"
    );
    Ok(Connected {
        tenant: directory,
        user_principal_name: proven.who.user_principal_name,
        display_name: proven.who.display_name,
        directory_name,
        roles: proven.roles,
        position,
        next,
    })
}

async fn prove(app: &App, redeemable: &Redeemable) -> Result<Proven, Denied> {
    let redeemed = app.identity.redeem(redeemable, &app.redirect_url()).await?;
    let id_token = redeemed.id_token.ok_or_else(|| Denied::lacking("an id_token"))?;
    let who = app.identity.verify_id_token(&id_token, &redeemable.nonce).await?;
    if let Some(allowed) = &app.authorization.allowed_tenants
        && !allowed.contains(&who.tenant)
    {
        return Err(Denial::TenantNotAllowed { tenant: who.tenant }.into());
    }
    let grant = redeemed.grant;
    let missing = missing_scopes(&grant.scopes);
    if !missing.is_empty() {
        let scopes = missing.into_iter().map(str::to_owned).collect();
        return Err(Denial::ScopesMissing { scopes }.into());
    }
    let refresh_token = grant.refresh_token.ok_or_else(|| Denied::lacking("a refresh token"))?;
    let roles = app.probe.probe(&grant.access_token).await?;
    Ok(Proven { who, scopes: grant.scopes, refresh_token, roles: RoleAssessment::of(roles) })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn store_credential(app: &App, proven: &Proven) -> Result<Position, Failure> {
    let SignedIn { tenant, administrator, .. } = &proven.who;
    let earlier = app.storage.credentials(*tenant).await?;
    let same = earlier.iter().find(|credential| credential.administrator == *administrator);
    let position = if same.is_some() {
        Position::Renewed
    } else {
        match earlier.len() {
            0 => Position::First,
            others => Position::Backup { others },
        }
    };
    app.secrets.put_refresh_token(*tenant, administrator, &proven.refresh_token).await?;
    let now = app.clock.now();
    app.storage
        .put_credential(&Credential {
            directory: *tenant,
            administrator: administrator.clone(),
            user_principal_name: proven.who.user_principal_name.clone(),
            display_name: proven.who.display_name.clone(),
            scopes: proven.scopes.clone(),
            missing_roles: proven.roles.missing(),
            authorized_at: now,
            last_good_at: Some(now),
            exercised_at: None,
            rejected_since: None,
            preferred_at: same.and_then(|credential| credential.preferred_at),
            state: CredentialState::Working,
        })
        .await?;
    let by = Actor::Person {
        tenant: *tenant,
        user: administrator.clone(),
        user_principal_name: proven.who.user_principal_name.clone(),
    };
    let event = AuditEvent::CredentialAuthorized { first_time: same.is_none() };
    app.storage.record(*tenant, &AuditEntry::new(by, event, now)).await?;
    Ok(position)
}

/// Creates the directory unless it exists, and gives its name.
async fn ensure_directory(app: &App, who: &SignedIn) -> Result<String, Failure> {
    if let Some(directory) = app.storage.directory(who.tenant).await? {
        return Ok(directory.name);
    }
    let directory = Directory::new(who.tenant, directory_name(who), app.clock.now());
    // Losing a race against another administrator is fine: the directory exists then.
    app.storage.create_directory(&directory).await?;
    Ok(directory.name)
}

/// The mail domain of who authorizes first, or the tenant's id.
fn directory_name(who: &SignedIn) -> String {
    match who.user_principal_name.rsplit_once('@') {
        Some((_, domain)) if !domain.is_empty() => domain.to_lowercase(),
        _ => who.tenant.to_string(),
    }
}

/// Asks for a run. The authorization is stored by now, so trouble here only means to wait for the schedule.
async fn request_run(app: &App, directory: DirectoryId) -> NextSync {
    let run = Run::requested(directory, Trigger::Authorization, app.clock.now());
    match sync::request_run(&*app.storage, app.queue.as_ref(), &run).await {
        Ok(_) => NextSync::Soon,
        Err(error) => {
            tracing::error!(directory.id = %directory, error = telemetry::chain(&error), "no first run was requested");
            NextSync::OnSchedule
        }
    }
}
