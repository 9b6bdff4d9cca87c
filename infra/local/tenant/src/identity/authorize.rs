//! The authorize endpoint (identity platform, authorization code flow).

use url::Url;
use uuid::Uuid;

use super::{
    Refusal, Refused,
    grants::{Challenge, Code, Grant},
    page,
    scope::{self, Scopes},
};
use crate::{
    action::{ConsentAnswer, SignIn},
    exchange::{Answer, Fields, Request},
    world::World,
};

/// A request for authorization that names a known application and a place to answer to.
#[derive(Debug)]
struct Asked {
    redirect: Url,
    redirect_uri: String,
    state: Option<String>,
}

/// What is asked for, once all of it makes sense.
#[derive(Debug)]
struct Wish {
    scopes: Scopes,
    challenge: Option<Challenge>,
    nonce: Option<String>,
}

/// `GET …/authorize`: signs somebody in at once, or shows the page to choose on.
pub(crate) fn authorize(world: &mut World, tenant: &str, request: &Request) -> Answer {
    answer(world, tenant, &request.query, |world, query| {
        let hinted = query.get("login_hint").filter(|_| query.get("prompt") != Some("select_account"));
        let sign_in = world.next_sign_ins.pop_front().unwrap_or_else(|| world.sign_in.clone());
        match (sign_in, hinted.and_then(|hint| world.tenant.user_named(hint))) {
            (SignIn::Page, None) => None,
            (SignIn::Page, Some(user)) => Some(SignIn::User { user }),
            (sign_in, _) => Some(sign_in),
        }
    })
}

/// `POST …/authorize`: a button on the page was pressed.
pub(crate) fn sign_in(world: &mut World, tenant: &str, request: &Request) -> Answer {
    let pressed = request.form().get("account").and_then(|account| account.parse().ok());
    answer(world, tenant, &request.query, |_, _| {
        Some(match pressed {
            Some(user) => SignIn::User { user },
            None => SignIn::Refused { refusal: Refusal::Cancelled },
        })
    })
}

/// `GET …/adminconsent`: grants the permissions for the whole tenant, or answers as [`ConsentAnswer`] says. No one signs in.
pub(crate) fn consent(world: &mut World, tenant: &str, request: &Request) -> Answer {
    let asked = match Asked::of(world, tenant, &request.query) {
        Ok(asked) => asked,
        Err(refused) => return page::error(world, &refused),
    };
    let scope = request.query.get("scope").unwrap_or_default().to_owned();
    let id = world.tenant.id.to_string();
    let refusal = match world.consent_answer {
        ConsentAnswer::Granted | ConsentAnswer::GrantedWithCode => {
            world.consented = true;
            return asked.call_back(&[("admin_consent", "True"), ("tenant", &id), ("scope", &scope)]);
        }
        ConsentAnswer::NotGranted => return asked.call_back(&[("admin_consent", "False"), ("tenant", &id)]),
        ConsentAnswer::Declined => Refusal::ConsentDeclined,
        ConsentAnswer::AdminRequired => Refusal::AdminConsentRequired,
        ConsentAnswer::Cancelled => Refusal::Cancelled,
    };
    // `True` stands beside an error as well, in Microsoft's own example.
    let granted = if refusal == Refusal::Cancelled { "False" } else { "True" };
    asked.refuse_with(world, &refusal.at_callback(), &[("admin_consent", granted)])
}

fn answer(
    world: &mut World,
    tenant: &str,
    query: &Fields,
    decide: impl FnOnce(&mut World, &Fields) -> Option<SignIn>,
) -> Answer {
    // Without a trusted place to answer to, the person is told on a page.
    let asked = match Asked::of(world, tenant, query) {
        Ok(asked) => asked,
        Err(refused) => return page::error(world, &refused),
    };
    let wish = match Wish::of(world, query) {
        Ok(wish) => wish,
        Err(refused) => return asked.refuse(world, &refused),
    };
    let outcome = match decide(world, query) {
        None if query.get("prompt") == Some("none") => {
            // Nobody stays signed in here.
            Err(Refused::new("login_required", 50058, "A silent sign-in request was sent but no user is signed in."))
        }
        None | Some(SignIn::Page) => return page::choose(world, &wish.scopes, query),
        Some(SignIn::Refused { refusal }) => Err(refusal.at_callback()),
        Some(SignIn::Stranger { tenant }) => Ok((world.fresh_id(), tenant)),
        Some(SignIn::User { user }) => {
            let home = world.tenant.id;
            admit(world, user, &wish.scopes).map(|()| (user, home)).map_err(|refusal| refusal.at_callback())
        }
    };
    match outcome {
        Ok((user, home)) => asked.succeed(world, tenant, wish, user, home),
        Err(refused) => asked.refuse(world, &refused),
    }
}

/// Lets a user in, who thereby consents where the account can.
fn admit(world: &mut World, user: Uuid, scopes: &Scopes) -> Result<(), Refusal> {
    let account = world.tenant.live_user(user).ok_or(Refusal::NotFound)?;
    if !account.flag("accountEnabled") {
        return Err(Refusal::Disabled);
    }
    if let Some(refusal) = world.standing(user).and_then(|standing| standing.refusal.clone()) {
        return Err(refusal);
    }
    let withdrawn = world.standing(user).is_some_and(|standing| standing.consent_withdrawn);
    if !world.consented || withdrawn {
        let may_consent = world.tenant.roles_of(user).into_iter().any(super::Role::may_consent);
        if scope::need_administrator(scopes) && !may_consent {
            return Err(Refusal::AdminConsentRequired);
        }
        world.consented = world.consented || may_consent;
        world.standings.entry(user).or_default().consent_withdrawn = false;
    }
    Ok(())
}

impl Asked {
    fn of(world: &World, tenant: &str, query: &Fields) -> Result<Self, Refused> {
        if let Some(name) = query.repeated() {
            return Err(Refused::new("invalid_request", 9_000_411, &format!("The parameter '{name}' is duplicated.")));
        }
        super::known_tenant(world, tenant)?;
        let client = query.get("client_id").unwrap_or_default();
        if client != world.registration.client_id {
            let message = format!("Application with identifier '{client}' was not found in the directory.");
            return Err(Refused::new("unauthorized_client", 700_016, &message));
        }
        let redirect_uri = query.get("redirect_uri").unwrap_or_default();
        let mismatch = || {
            let message = "The redirect URI specified in the request does not match the redirect URIs configured for the \
                           application.";
            Refused::new("invalid_request", 50011, message)
        };
        let redirect = Url::parse(redirect_uri).map_err(|_| mismatch())?;
        let registration = &world.registration;
        let registered = registration.redirect_uris.iter().any(|registered| is_registered_as(&redirect, registered));
        let allowed = registered || (registration.any_loopback && is_loopback(&redirect));
        if !allowed {
            return Err(mismatch());
        }
        Ok(Self { redirect, redirect_uri: redirect_uri.to_owned(), state: query.get("state").map(ToOwned::to_owned) })
    }

    fn succeed(self, world: &mut World, path_tenant: &str, wish: Wish, user: Uuid, tenant: Uuid) -> Answer {
        let code = world.fresh_secret();
        let Wish { mut scopes, challenge, nonce } = wish;
        scopes.retain(|scope| !world.withheld_scopes.contains(scope));
        let issued = Code {
            grant: Grant { user, tenant, scopes },
            path_tenant: path_tenant.to_owned(),
            redirect_uri: self.redirect_uri.clone(),
            challenge,
            nonce,
            issued: world.clock.now(),
            redeemed: false,
        };
        world.grants.codes.insert(code.clone(), issued);
        let session = world.fresh_id().to_string();
        let tenant = tenant.to_string();
        let mut fields = vec![("code", code.as_str()), ("session_state", &session)];
        if world.consent_answer == ConsentAnswer::GrantedWithCode {
            fields.extend([("admin_consent", "True"), ("tenant", &tenant)]);
        }
        self.call_back(&fields)
    }

    fn refuse(self, world: &mut World, refused: &Refused) -> Answer {
        self.refuse_with(world, refused, &[])
    }

    fn refuse_with(self, world: &mut World, refused: &Refused, first: &[(&str, &str)]) -> Answer {
        let (trace, correlation) = (world.fresh_id(), world.fresh_id());
        let description = refused.description(trace, correlation, world.clock.now());
        let mut fields = first.to_vec();
        fields.extend([("error", refused.error.as_str()), ("error_description", description.as_str())]);
        let uri = format!("{}/error?code={}", world.origin, refused.code);
        if refused.code == 0 {
            // Only a person can cancel; the callback says so.
            fields.push(("error_subcode", "cancel"));
        } else {
            fields.push(("error_uri", &uri));
        }
        self.call_back(&fields)
    }

    /// Sends the browser back. Answers in the query end in an empty fragment (identity platform, breaking changes).
    fn call_back(mut self, fields: &[(&str, &str)]) -> Answer {
        self.redirect.query_pairs_mut().extend_pairs(fields);
        if let Some(state) = &self.state {
            self.redirect.query_pairs_mut().append_pair("state", state);
        }
        self.redirect.set_fragment(Some(""));
        Answer::redirect(self.redirect.as_str())
    }
}

impl Wish {
    fn of(world: &World, query: &Fields) -> Result<Self, Refused> {
        if query.get("response_type") != Some("code") {
            let message = "Only the response type 'code' is enabled for this application.";
            return Err(Refused::new("unsupported_response_type", 700_051, message));
        }
        if query.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(Refused::new("invalid_request", 0, "This simulation answers in the query only."));
        }
        let challenge = match (query.get("code_challenge"), query.get("code_challenge_method")) {
            (None, _) => None,
            (Some(challenge), Some("S256")) => Some(Challenge::S256(challenge.to_owned())),
            // An omitted method means the weaker one.
            (Some(challenge), None | Some("plain")) => Some(Challenge::Plain(challenge.to_owned())),
            (Some(_), Some(_)) => {
                let message = "The value of code_challenge_method is not supported.";
                return Err(Refused::new("invalid_request", 501_491, message));
            }
        };
        Ok(Self {
            scopes: scope::parse(query.get("scope").unwrap_or_default(), &world.origin)?,
            challenge,
            nonce: query.get("nonce").map(ToOwned::to_owned),
        })
    }
}

/// Whether a redirect URI is this registered one. The port of a loopback address does not matter.
fn is_registered_as(redirect: &Url, registered: &str) -> bool {
    let Ok(mut registered_url) = Url::parse(registered) else { return false };
    if is_loopback(redirect) && registered_url.set_port(redirect.port()).is_ok() {
        return registered_url == *redirect;
    }
    redirect.as_str() == registered
}

fn is_loopback(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    loopback && matches!(url.scheme(), "http" | "https")
}
