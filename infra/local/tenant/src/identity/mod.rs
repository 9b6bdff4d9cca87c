//! The identity platform: sign-in pages, token endpoint, discovery and signing keys.

mod assertion;
mod authorize;
mod discovery;
mod grants;
mod id_token;
mod keys;
mod page;
mod refusal;
mod role;
mod scope;
mod standing;
mod token;

pub(crate) use authorize::{authorize, consent, sign_in};
pub(crate) use discovery::{discovery, published_keys};
pub(crate) use grants::{AccessToken, Grants, RefreshState};
pub use id_token::Tampering;
pub(crate) use keys::SigningKeys;
pub use refusal::Refusal;
pub(crate) use refusal::Refused;
pub use role::{Administrator, ROLES_SEEING_HIDDEN_MEMBERS, Role};
pub(crate) use standing::Standing;
pub(crate) use token::token;

use crate::{exchange::Answer, world::World};

/// Whether the first part of a login path leads to this tenant: its id, its domain, `organizations` or `common`.
fn known_tenant(world: &World, name: &str) -> Result<(), Refused> {
    let tenant = &world.tenant;
    if matches!(name, "organizations" | "common")
        || name.eq_ignore_ascii_case(&tenant.domain)
        || name.parse().is_ok_and(|id: uuid::Uuid| id == tenant.id)
    {
        return Ok(());
    }
    Err(Refused::new(
        "invalid_request",
        90002,
        &format!("Tenant '{name}' not found. Check to make sure you have the correct tenant ID."),
    ))
}

/// A refusal as JSON, as the token endpoint gives it.
pub(crate) fn refuse(world: &mut World, refused: &Refused) -> Answer {
    let (trace, correlation) = (world.fresh_id(), world.fresh_id());
    let body = refused.body(&world.origin, trace, correlation, world.clock.now());
    Answer::json(body).status(refused.status)
}
