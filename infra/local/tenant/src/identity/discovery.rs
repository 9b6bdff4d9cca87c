//! `OpenID` discovery and the published keys.

use serde_json::json;

use crate::{exchange::Answer, world::World};

/// The discovery document. For `organizations` and `common` the issuer is a template, to be filled in with the token's `tid`.
pub(crate) fn discovery(world: &mut World, tenant: &str) -> Answer {
    if let Err(refused) = super::known_tenant(world, tenant) {
        return super::refuse(world, &refused);
    }
    let origin = &world.origin;
    let issuing = if matches!(tenant, "organizations" | "common") {
        "{tenantid}".to_owned()
    } else {
        world.tenant.id.to_string()
    };
    let base = format!("{origin}/{tenant}");
    Answer::json(json!({
        "issuer": format!("{origin}/{issuing}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": super::scope::OPENID,
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"],
    }))
}

/// The signing keys.
pub(crate) fn published_keys(world: &World) -> Answer {
    Answer::json(json!(world.keys.published()))
}
