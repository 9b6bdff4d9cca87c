//! The tenant's control interface over HTTP, for people who explore the local stack. In Rust, use [`TenantHandle`](crate::TenantHandle).
//!
//! It answers callers on loopback only who know the secret of this start (`authorization: Bearer …`), and no browser: requests with
//! `origin` are refused, and `POST` needs `content-type: application/json`.
//!
//! | request | does |
//! |---|---|
//! | `GET /control/truth` | the tenant's users, groups and memberships as they are |
//! | `GET /control/administrators` | the accounts one can sign in as |
//! | `GET /control/registration` | client id, secret and redirect URIs |
//! | `GET /control/requests` | totals and the latest requests |
//! | `DELETE /control/requests` | starts counting anew |
//! | `POST /control/actions` | does an [`Action`], such as `{"action": "disableUser", "user": "…"}` |
//! | `POST /control/drift` | random changes: `{"changes": 10, "seed": 1}` |
//! | `GET /control/faults` | the injected faults and how often each was used |
//! | `POST /control/faults` | injects a [`Fault`], such as `{"when": {"kind": "users", "page": 2}, "what": {"what": "nonJson"}}` |
//! | `DELETE /control/faults` | takes all faults away |

use std::net::SocketAddr;

use http::{StatusCode, header};
use rand::{SeedableRng, rngs::StdRng};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    action::Action,
    drift,
    exchange::{Answer, Request},
    fault::Fault,
    world::World,
};

/// The most changes of one drift. They are made while the tenant answers nobody else.
const MAX_CHANGES: usize = 100_000;

#[derive(Debug, Deserialize)]
struct Drift {
    changes: usize,
    #[serde(default)]
    seed: u64,
}

/// A control request that cannot be done, and why.
struct Refused(StatusCode, String);

/// Answers a request to `/control/{path}`.
pub(crate) fn answer(world: &mut World, secret: &str, peer: SocketAddr, path: &str, request: &Request) -> Answer {
    let refuse = |status, error| Answer::json(json!({ "error": error })).status(status);
    if !peer.ip().is_loopback() || request.header(header::ORIGIN).is_some() {
        return refuse(StatusCode::FORBIDDEN, "only programs on this machine may control the tenant");
    }
    let given = request.header(header::AUTHORIZATION).and_then(|given| given.strip_prefix("Bearer "));
    if given != Some(secret) {
        return refuse(StatusCode::UNAUTHORIZED, "the tenant is controlled with the secret of this start only");
    }
    match act(world, path, request) {
        Ok(value) => Answer::json(value),
        Err(Refused(status, error)) => Answer::json(json!({ "error": error })).status(status),
    }
}

fn act(world: &mut World, path: &str, request: &Request) -> Result<Value, Refused> {
    match (request.method.as_str(), path) {
        ("GET", "truth") => Ok(json!(world.truth())),
        ("GET", "administrators") => Ok(json!(world.tenant.administrators())),
        ("GET", "registration") => Ok(json!(world.registration)),
        ("GET", "requests") => Ok(json!({ "totals": world.requests.totals(), "latest": world.requests.latest() })),
        ("DELETE", "requests") => {
            world.requests.forget();
            Ok(Value::Null)
        }
        ("POST", "actions") => {
            let done = world.apply(read::<Action>(request)?);
            done.map(|id| json!({ "id": id })).map_err(|error| Refused(StatusCode::CONFLICT, error.to_string()))
        }
        ("POST", "drift") => {
            let Drift { changes, seed } = read(request)?;
            if changes > MAX_CHANGES {
                return Err(Refused(StatusCode::BAD_REQUEST, format!("changes: expected at most {MAX_CHANGES}")));
            }
            Ok(json!(drift::drift(world, &mut StdRng::seed_from_u64(seed), changes)))
        }
        ("GET", "faults") => {
            let faults = world.faults.list();
            Ok(faults.map(|(id, fault, used)| json!({ "id": id, "fault": fault, "used": used })).collect())
        }
        ("POST", "faults") => Ok(json!({ "id": world.faults.add(read::<Fault>(request)?) })),
        ("DELETE", "faults") => {
            world.faults.clear();
            Ok(Value::Null)
        }
        _ => Err(Refused(StatusCode::NOT_FOUND, format!("there is no control called {path} for {}", request.method))),
    }
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    if !request.header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json")) {
        let error = "the content type must be application/json".to_owned();
        return Err(Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    serde_json::from_slice(&request.body).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
}
