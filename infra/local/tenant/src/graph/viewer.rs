//! Who asks, and what they may see.

use http::header;
use uuid::Uuid;

use super::{call::Call, error::GraphError};
use crate::{
    exchange::Request,
    identity::{AccessToken, ROLES_SEEING_HIDDEN_MEMBERS},
    model::MemberKind,
    world::World,
};

/// The signed-in account behind an access token.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) user: Uuid,
    scopes: std::collections::BTreeSet<String>,
    sees_hidden_members: bool,
}

impl Viewer {
    /// Checks the token, then whether its scopes and the account's own rights suffice for the call.
    pub(crate) fn of(world: &World, request: &Request, call: &Call) -> Result<Self, GraphError> {
        let bearer = bearer(request).ok_or_else(|| GraphError::unauthorized("Access token is empty."))?;
        let token = world.grants.access.get(bearer).ok_or_else(|| GraphError::unauthorized("Invalid token."))?;
        if !token.accepted {
            return Err(GraphError::unauthorized("Access token validation failure."));
        }
        if token.expires <= world.clock.now() {
            return Err(GraphError::unauthorized("Lifetime validation failed, the token is expired."));
        }
        if token.grant.tenant != world.tenant.id {
            // The stranger's own tenant is not simulated.
            return Err(GraphError::forbidden());
        }
        let user = token.grant.user;
        let account = world.tenant.live_user(user).filter(|account| account.flag("accountEnabled"));
        if account.is_none() && !world.quirks.disabled_accounts_keep_reading {
            return Err(GraphError::unauthorized("The identity of the calling user is disabled or does not exist."));
        }
        let viewer = Self::with_token(world, token);
        let scoped = viewer.has_scope(call.scopes());
        let guest = account.is_some_and(crate::model::Object::is_guest);
        let may_read = world.standing(user).is_none_or(|standing| standing.may_read);
        if !scoped || (call.reads_directory() && (guest || !may_read)) {
            return Err(GraphError::forbidden());
        }
        Ok(viewer)
    }

    fn with_token(world: &World, token: &AccessToken) -> Self {
        let roles = world.tenant.roles_of(token.grant.user);
        let privileged = ROLES_SEEING_HIDDEN_MEMBERS.iter().any(|role| roles.contains(role));
        let sees_hidden_members = privileged && token.grant.scopes.contains("Member.Read.Hidden");
        Self { user: token.grant.user, scopes: token.grant.scopes.clone(), sees_hidden_members }
    }

    fn has_scope(&self, any_of: &[&str]) -> bool {
        any_of.iter().any(|scope| self.scopes.contains(*scope))
    }

    /// Whether the members of a hidden group are shown. Members of the group itself may see them too in a real tenant, which
    /// matters to nobody who reads every group; left out.
    pub(crate) fn sees_hidden_members(&self) -> bool {
        self.sees_hidden_members
    }

    /// Whether a member shows more than its type and id (permissions overview, "limited information returned").
    pub(crate) fn may_read_kind(&self, kind: &MemberKind) -> bool {
        let scope = match kind {
            MemberKind::User => "User.Read.All",
            MemberKind::Device => "Device.Read.All",
            MemberKind::ServicePrincipal => "Application.Read.All",
            MemberKind::Contact => "OrgContact.Read.All",
            MemberKind::Group => return true,
            MemberKind::Unknown(_) => return false,
        };
        self.has_scope(&[scope, "Directory.Read.All"])
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header(header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
}
