//! Microsoft Graph behind the port that validates accounts.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use shared::clock::Clock;
use shared::graph::{AccountRoles, DirectoryRole, GraphError, GraphOrigin, probe_account};
use shared::oauth::{AccountProbe, HeldRoles, ProbeError};

/// Validates accounts by reading from Microsoft Graph.
pub struct GraphProbe {
    http: reqwest::Client,
    origin: GraphOrigin,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for GraphProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphProbe").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl GraphProbe {
    /// Reads from the Graph at this origin.
    #[must_use]
    pub fn new(http: reqwest::Client, origin: GraphOrigin, clock: Arc<dyn Clock>) -> Self {
        Self { http, origin, clock }
    }
}

#[async_trait]
impl AccountProbe for GraphProbe {
    async fn probe(&self, token: &SecretString) -> Result<Option<HeldRoles>, ProbeError> {
        let account =
            probe_account(&self.http, &self.origin, token, Arc::clone(&self.clock)).await.map_err(sort_error)?;
        if !account.sees_users {
            return Err(ProbeError::ReadRefused);
        }
        Ok(match account.roles {
            AccountRoles::Unknown => None,
            AccountRoles::Known(roles) => Some(HeldRoles {
                global_administrator: roles.contains(&DirectoryRole::GlobalAdministrator),
                cloud_application_administrator: roles.contains(&DirectoryRole::CloudApplicationAdministrator),
                user_administrator: roles.contains(&DirectoryRole::UserAdministrator),
            }),
        })
    }
}

fn sort_error(error: GraphError) -> ProbeError {
    match error {
        GraphError::Forbidden(_) => ProbeError::ReadRefused,
        GraphError::Unauthorized(_) => ProbeError::TokenRefused,
        GraphError::Throttled { .. }
        | GraphError::Paused { .. }
        | GraphError::Failing(_)
        | GraphError::Transport(_)
        | GraphError::TimedOut(_) => ProbeError::Unavailable(error.into()),
        other => ProbeError::Unexpected(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use shared::clock::SystemClock;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    /// Real time, without the waits.
    struct Hurried;

    #[async_trait]
    impl Clock for Hurried {
        fn now(&self) -> jiff::Timestamp {
            SystemClock.now()
        }

        async fn sleep(&self, _: Duration) {}
    }

    async fn probe(answers: [(&str, u16, Value); 3]) -> Result<Option<HeldRoles>, ProbeError> {
        let graph = MockServer::start().await;
        for (name, status, body) in answers {
            let response = ResponseTemplate::new(status).set_body_json(body);
            Mock::given(path(format!("/v1.0/{name}"))).respond_with(response).mount(&graph).await;
        }
        let origin = GraphOrigin::parse(&graph.uri().parse().unwrap()).unwrap();
        GraphProbe::new(shared::http::client(&[]).unwrap(), origin, Arc::new(Hurried)).probe(&"token".into()).await
    }

    fn page(objects: &Value) -> Value {
        json!({ "value": objects })
    }

    const ROLES: &str = "me/memberOf/microsoft.graph.directoryRole";

    #[tokio::test]
    async fn roles_are_told_by_their_template() {
        let roles = page(&json!([{ "roleTemplateId": "fe930be7-5e62-47db-91af-98c3a49a38b1" }]));
        let users = page(&json!([{ "id": "1" }]));
        let held = probe([("users", 200, users.clone()), ("groups", 200, page(&json!([]))), (ROLES, 200, roles)]).await;
        assert_eq!(held.unwrap(), Some(HeldRoles { user_administrator: true, ..HeldRoles::default() }));

        let hidden = probe([("users", 200, users), ("groups", 200, page(&json!([]))), (ROLES, 403, json!({}))]).await;
        assert_eq!(hidden.unwrap(), None);
    }

    #[tokio::test]
    async fn an_account_that_sees_nobody_or_is_refused_may_not_read() {
        let none = page(&json!([]));
        for (users, groups, body) in
            [(200, 200, &none), (403, 200, &json!({})), (200, 403, &page(&json!([{ "id": "1" }])))]
        {
            let answers =
                [("users", users, body.clone()), ("groups", groups, none.clone()), (ROLES, 200, none.clone())];
            assert!(matches!(probe(answers).await, Err(ProbeError::ReadRefused)), "{users} {groups}");
        }
    }

    #[tokio::test]
    async fn other_troubles_are_not_the_accounts() {
        let none = page(&json!([]));
        let with_users =
            |status| [("users", status, json!({})), ("groups", 200, none.clone()), (ROLES, 200, none.clone())];
        assert!(matches!(probe(with_users(401)).await, Err(ProbeError::TokenRefused)));
        assert!(matches!(probe(with_users(503)).await, Err(ProbeError::Unavailable(_))));
        assert!(matches!(probe(with_users(400)).await, Err(ProbeError::Unexpected(_))));
    }
}
