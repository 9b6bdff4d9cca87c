//! The token endpoint (identity platform, authorization code flow).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::{
    Refusal, Refused, assertion,
    grants::{AccessToken, CODE_LIFETIME, Challenge, Grant, REFRESH_INACTIVITY, RefreshState, RefreshToken},
    id_token, scope,
};
use crate::{
    action::{NumberForm, SecretStanding},
    exchange::{Answer, Fields, Request},
    world::World,
};

/// `POST …/token`.
pub(crate) fn token(world: &mut World, tenant: &str, request: &Request) -> Answer {
    let answer = match exchange(world, tenant, request) {
        Ok(body) => Answer::json(body),
        Err(refused) if refused.status == StatusCode::SERVICE_UNAVAILABLE => {
            super::refuse(world, &refused).with(header::RETRY_AFTER, "1")
        }
        Err(refused) => super::refuse(world, &refused),
    };
    answer.with(header::CACHE_CONTROL, "no-store, no-cache")
}

fn exchange(world: &mut World, tenant: &str, request: &Request) -> Result<Value, Refused> {
    let form = request.form();
    if let Some(name) = form.repeated() {
        return Err(Refused::new("invalid_request", 9_000_411, &format!("The parameter '{name}' is duplicated.")));
    }
    super::known_tenant(world, tenant)?;
    authenticate(world, request, &form)?;
    match form.get("grant_type") {
        Some("authorization_code") => redeem(world, tenant, &form),
        Some("refresh_token") => refresh(world, &form),
        Some(other) => {
            let message = format!("The app requested an unsupported grant type '{other}'.");
            Err(Refused::new("unsupported_grant_type", 70003, &message))
        }
        None => Err(missing("grant_type")),
    }
}

/// Checks the application's id and secret, in the form or in HTTP Basic.
fn authenticate(world: &World, request: &Request, form: &Fields) -> Result<(), Refused> {
    let basic = request.header(header::AUTHORIZATION).and_then(basic);
    let posted = || Some((form.get("client_id")?.to_owned(), form.get("client_secret").unwrap_or_default().to_owned()));
    let (client, secret) = basic.or_else(posted).ok_or_else(|| missing("client_id"))?;
    let registration = &world.registration;
    if client != registration.client_id {
        let message = format!("Application with identifier '{client}' was not found in the directory.");
        return Err(Refused::new("unauthorized_client", 700_016, &message));
    }
    if let Some(assertion) = form.get("client_assertion") {
        return assertion::check(world, form.get("client_assertion_type"), assertion);
    }
    let right = secret == registration.client_secret;
    match world.secret_standing {
        _ if secret.is_empty() => {
            let message =
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            Err(Refused::client(7_000_218, message))
        }
        SecretStanding::Expired if right => {
            Err(Refused::client(7_000_222, "The provided client secret keys are expired."))
        }
        SecretStanding::Accepted if right => Ok(()),
        _ => Err(Refused::client(7_000_215, "Invalid client secret provided.")),
    }
}

/// Id and secret from HTTP Basic, each form-encoded (RFC 6749, section 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client, secret) = text.split_once(':')?;
    Some((decoded(client), decoded(secret)))
}

fn decoded(text: &str) -> String {
    form_urlencoded::parse(format!("v={text}").as_bytes())
        .map(|(_, value)| value.into_owned())
        .next()
        .unwrap_or_default()
}

fn redeem(world: &mut World, tenant: &str, form: &Fields) -> Result<Value, Refused> {
    let now = world.clock.now();
    let presented = form.get("code").ok_or_else(|| missing("code"))?;
    let grants = &mut world.grants;
    let code =
        grants.codes.get_mut(presented).ok_or_else(|| invalid(70000, "The provided grant is invalid or malformed."))?;
    if code.redeemed {
        return Err(invalid(
            54005,
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code.",
        ));
    }
    if now.duration_since(code.issued) > CODE_LIFETIME {
        return Err(invalid(70008, "The provided authorization code has expired."));
    }
    if code.path_tenant != tenant {
        return Err(invalid(700_005, "The provided authorization code is intended to be used against another tenant."));
    }
    if form.get("redirect_uri") != Some(&code.redirect_uri) {
        let message = "The reply URL specified in the request does not match the one the code was issued for.";
        return Err(Refused::new("invalid_request", 50011, message));
    }
    prove(code.challenge.as_ref(), form.get("code_verifier"))?;
    // Whether a failed attempt uses up the code is not documented; here only success does.
    code.redeemed = true;
    let (grant, nonce) = (code.grant.clone(), code.nonce.clone());
    Ok(issue(world, grant, nonce.as_deref()))
}

/// Checks the proof key (RFC 7636).
fn prove(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), Refused> {
    let proven = match (challenge, verifier) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(_), None) => return Err(invalid(50147, "Missing code_verifier for the authorization code.")),
        (Some(Challenge::Plain(challenge)), Some(verifier)) => challenge == verifier,
        (Some(Challenge::S256(challenge)), Some(verifier)) => {
            *challenge == crate::token::encode(&Sha256::digest(verifier))
        }
    };
    let message = "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
    if proven { Ok(()) } else { Err(invalid(501_481, message)) }
}

fn refresh(world: &mut World, form: &Fields) -> Result<Value, Refused> {
    let presented = form.get("refresh_token").ok_or_else(|| missing("refresh_token"))?;
    let malformed = || invalid(70000, "The provided refresh token is invalid or malformed.");
    let token = world.grants.refresh.get(presented).ok_or_else(malformed)?.clone();
    refusal(world, &token).map_err(|refusal| refusal.at_token_endpoint())?;
    let mut grant = token.grant;
    if let Some(text) = form.get("scope") {
        let wanted = scope::parse(text, &world.origin)?;
        if !wanted.is_subset(&grant.scopes) && !world.withheld_scopes.iter().any(|scope| wanted.contains(scope)) {
            return Err(Refusal::ConsentMissing.at_token_endpoint());
        }
        grant.scopes.retain(|scope| wanted.contains(scope) || scope == "offline_access");
    }
    grant.scopes.retain(|scope| !world.withheld_scopes.contains(scope));
    // The old refresh token stays good: using it does not revoke it (identity platform, refresh tokens).
    Ok(issue(world, grant, None))
}

/// What stands against using a refresh token.
fn refusal(world: &World, token: &RefreshToken) -> Result<(), Refusal> {
    let user = token.grant.user;
    let unused = world.clock.now().duration_since(token.issued);
    match token.state {
        RefreshState::Revoked => return Err(Refusal::Revoked),
        RefreshState::Inactive => return Err(Refusal::Inactive),
        RefreshState::Good if unused > REFRESH_INACTIVITY => return Err(Refusal::Inactive),
        RefreshState::Good => {}
    }
    if token.grant.tenant != world.tenant.id {
        return Ok(());
    }
    let account = world.tenant.live_user(user).ok_or(Refusal::NotFound)?;
    if !account.flag("accountEnabled") {
        return Err(Refusal::Disabled);
    }
    let standing = world.standing(user);
    if let Some(refusal) = standing.and_then(|standing| standing.refusal.clone()) {
        return Err(refusal);
    }
    let withdrawn = !world.consented || standing.is_some_and(|standing| standing.consent_withdrawn);
    if withdrawn { Err(Refusal::ConsentMissing) } else { Ok(()) }
}

fn issue(world: &mut World, grant: Grant, nonce: Option<&str>) -> Value {
    let now = world.clock.now();
    let lifetime = world.access_token_lifetime;
    let access = world.fresh_secret();
    let mut granted = grant.clone();
    granted.scopes.extend(world.consented_scopes.iter().cloned());
    let mut body = json!({
        "token_type": "Bearer",
        "scope": scope::granted(&granted.scopes),
        "expires_in": world.expires_in_form.write(lifetime.as_secs()),
        "ext_expires_in": lifetime.as_secs(),
        "access_token": access,
    });
    if let Some(fields) = body.as_object_mut() {
        if grant.scopes.contains("offline_access") {
            let token = RefreshToken { grant: grant.clone(), issued: now, state: RefreshState::Good };
            let refresh = world.fresh_secret();
            fields.insert("refresh_token".to_owned(), json!(refresh));
            world.grants.refresh.insert(refresh, token);
        }
        if grant.scopes.contains("openid") {
            fields.extend(id_token::issue(world, &grant, nonce).map(|token| ("id_token".to_owned(), json!(token))));
        }
    }
    world.grants.forget_old(now);
    let accepted = world.tokens_to_reject == 0;
    world.tokens_to_reject = world.tokens_to_reject.saturating_sub(1);
    world.grants.access.insert(access, AccessToken { grant: granted, expires: now + lifetime, accepted });
    body
}

impl NumberForm {
    fn write(self, number: i64) -> Value {
        match self {
            Self::Whole => json!(number),
            // JSON written by way of a binary fraction keeps its point.
            Self::Fraction => i32::try_from(number).map_or(Value::Null, |number| json!(f64::from(number))),
            Self::Text => json!(number.to_string()),
        }
    }
}

fn invalid(code: u32, message: &str) -> Refused {
    Refused::new("invalid_grant", code, message)
}

fn missing(parameter: &str) -> Refused {
    let message = format!("The request body must contain the following parameter: '{parameter}'.");
    Refused::new("invalid_request", 900_144, &message)
}
