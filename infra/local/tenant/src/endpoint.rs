//! Which endpoint a path leads to.

use http::Method;
use uuid::Uuid;

use crate::{exchange::Request, graph::Call, requests::RequestKind};

/// Where a request leads. `tenant` is the first part of a login path: an id, a domain, `organizations` or `common`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authorize { tenant: String },
    SignIn { tenant: String },
    Consent { tenant: String },
    Token { tenant: String },
    Discovery { tenant: String },
    Keys,
    Graph(Call),
    Nowhere,
}

impl Endpoint {
    pub(crate) fn of(request: &Request) -> Self {
        let parts: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        let (get, post) = (request.method == Method::GET, request.method == Method::POST);
        let named = |tenant: &&str| (*tenant).to_owned();
        match parts.as_slice() {
            ["v1.0", rest @ ..] if get => Call::of(rest).map_or(Self::Nowhere, Self::Graph),
            [tenant, "oauth2", "v2.0", "authorize"] if get => Self::Authorize { tenant: named(tenant) },
            [tenant, "oauth2", "v2.0", "authorize"] if post => Self::SignIn { tenant: named(tenant) },
            [tenant, "v2.0", "adminconsent"] if get => Self::Consent { tenant: named(tenant) },
            [tenant, "oauth2", "v2.0", "token"] if post => Self::Token { tenant: named(tenant) },
            [tenant, "v2.0", ".well-known", "openid-configuration"] if get => Self::Discovery { tenant: named(tenant) },
            [_, "discovery", "v2.0", "keys"] if get => Self::Keys,
            _ => Self::Nowhere,
        }
    }

    pub(crate) fn kind(&self, request: &Request) -> RequestKind {
        match self {
            Self::Authorize { .. } | Self::Consent { .. } => RequestKind::Authorize,
            Self::SignIn { .. } => RequestKind::SignIn,
            Self::Token { .. } if request.form().get("grant_type") == Some("refresh_token") => RequestKind::Refresh,
            Self::Token { .. } => RequestKind::RedeemCode,
            Self::Discovery { .. } => RequestKind::Discovery,
            Self::Keys => RequestKind::Keys,
            Self::Graph(call) => call.kind(),
            Self::Nowhere => RequestKind::Other,
        }
    }

    /// The user or group that the path names by id.
    pub(crate) fn object(&self) -> Option<Uuid> {
        match self {
            Self::Graph(call) => call.object(),
            _ => None,
        }
    }
}
