//! Copies that others keep: whoever walks the listings or follows the changes while runs write ends up with what is published.
//!
//! Everything is interleaved by the test: a reader stops at a chosen request of the table while a run takes place
//! ([`interrupted`]), or a run stops before each of its writes while readers go on ([`restless`]).

mod follower;
mod interrupted;
mod positions;
mod restless;
mod truth;
mod walk;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use gateway::Gateway;
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use shared::access::Scope;

use crate::lab::{Lab, Process};
use crate::tokens::token_of;

/// A client of the status function with a token of scope `read`.
#[derive(Clone)]
pub struct Reader {
    api: Arc<Gateway>,
    token: String,
    directory: String,
}

/// An answer.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Reader {
    pub async fn of(lab: &Lab) -> Self {
        let stack = &lab.world.stack;
        let app = status::App::new(stack.store.clone(), lab.clock.clone(), &stack.base_url);
        let api = Arc::new(Gateway::of("status", status::router(app)));
        let reader =
            Self { api, token: token_of(&lab.world, Scope::Read, None).await, directory: lab.world.directory.clone() };
        // That the token is used is noted once.
        reader.get("users?limit=1").await;
        reader
    }

    /// The whole path of a listing: of SCIM, or below the directory's path of the JSON API.
    fn path(&self, of: &str) -> String {
        match of.strip_prefix("scim/") {
            _ if of.starts_with('/') => of.to_owned(),
            Some(rest) => format!("/scim/v2/{}/{rest}", self.directory),
            None => format!("/api/v1/directories/{}/{of}", self.directory),
        }
    }

    pub async fn get(&self, of: &str) -> Answered {
        let request = Request::get(self.path(of)).header("authorization", format!("Bearer {}", self.token));
        let answer = self.api.ask(request.body(Body::empty()).unwrap()).await;
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answered { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// The same as a process whose requests of the table may be stopped.
    pub async fn get_as(&self, process: &Arc<Process>, of: &str) -> Answered {
        process.run(self.get(of)).await
    }

    /// The same, expecting a good answer.
    pub async fn good(&self, of: &str) -> Value {
        let answer = self.get(of).await;
        assert_eq!(answer.status, StatusCode::OK, "{of}: {}", answer.body);
        answer.json()
    }
}
