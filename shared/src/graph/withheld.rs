//! Whether a 403 is about one object or about the administrator.
//!
//! Graph answers 403 alike when an administrator has lost the right to read the directory and when one group is closed
//! to somebody who may read all others. The first is a reason to go on with another administrator's token, the second
//! is not. Reading a single user tells them apart.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::client::{GraphClient, Read};
use super::error::{GraphError, Refused};

/// How long an answer is good for: rights rarely change, and a thousand closed groups are not to cost a thousand checks.
const GOOD_FOR: Duration = Duration::from_mins(5);

/// What the last check told. The lock is held while a check is under way, so that requests which are refused together
/// share one.
#[derive(Debug, Default)]
pub(super) struct Access(Mutex<Option<Checked>>);

#[derive(Debug)]
struct Checked {
    token: SecretString,
    refused: Option<Refused>,
    good_until: Timestamp,
}

impl Access {
    /// What it means that this token was refused one object: [`GraphError::Withheld`] when it may read others,
    /// otherwise what came of reading another one, which as a rule is [`GraphError::Forbidden`].
    pub(super) async fn why_forbidden(
        &self,
        client: &GraphClient,
        token: &SecretString,
        refused: Refused,
    ) -> GraphError {
        let mut last = self.0.lock().await;
        let now = client.clock().now();
        let checked = match last.take_if(|checked| checked.tells_of(token, now)) {
            Some(checked) => checked,
            None => match check(client, token).await {
                Ok(checked) => checked,
                Err(error) => return error,
            },
        };
        let refused_any = checked.refused.clone();
        *last = Some(checked);
        refused_any.map_or(GraphError::Withheld(refused), GraphError::Forbidden)
    }
}

/// Reads a user, whichever.
async fn check(client: &GraphClient, token: &SecretString) -> Result<Checked, GraphError> {
    let any_user = Read::list_page(client.origin().endpoint("users", "$top=1&$select=id"));
    let refused = match client.get(&any_user, token).await {
        Ok(_) => None,
        Err(GraphError::Forbidden(refused)) => Some(refused),
        Err(error) => return Err(error),
    };
    let good_until = client.clock().now().checked_add(GOOD_FOR).unwrap_or(Timestamp::MAX);
    Ok(Checked { token: token.clone(), refused, good_until })
}

impl Checked {
    fn tells_of(&self, token: &SecretString, now: Timestamp) -> bool {
        self.token.expose_secret() == token.expose_secret() && now < self.good_until
    }
}
