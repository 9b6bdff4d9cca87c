//! The chain over small fakes of its ports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock};
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;

use super::*;
use crate::clock::Clock;
use crate::credentials::exchange::retry_at;
use crate::credentials::{Grant, ReadUsers, TokenEndpoint, exercise};
use crate::directory::{DirectoryId, UserId};
use crate::secrets::{SecretError, SecretStore};
use crate::store::CredentialStore;
use crate::store::StoreError;

const DIRECTORY: &str = "11111111-1111-1111-1111-111111111111";

/// Answers by refresh token. `ann`'s first refresh token is `ann-0`; each good answer rotates to the next.
#[derive(Default)]
struct World {
    now: Lock<Timestamp>,
    answers: Lock<HashMap<String, Answer>>,
    asked: Lock<Vec<String>>,
    secrets: Lock<HashMap<String, String>>,
    secret_writes_fail: Lock<bool>,
    /// Administrators who may not read users.
    forbidden: Lock<Vec<String>>,
    /// Administrators whose tokens Graph refuses.
    rejected: Lock<Vec<String>>,
    records: Lock<Vec<Credential>>,
    record_writes: Lock<usize>,
    waits: Lock<Vec<u64>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Refuse(Cause),
    Silence,
    /// Asks to wait this many seconds.
    Busy(u64),
    FewerScopes,
    /// A good one, but meanwhile the credential is removed: its record, or the token as well.
    Removed {
        token: bool,
    },
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, wait: Duration) {
        self.waits.lock().unwrap().push(wait.as_secs());
    }
}

#[async_trait]
impl TokenEndpoint for World {
    async fn refresh(&self, _: DirectoryId, refresh_token: &SecretString) -> Result<Grant, GrantError> {
        tokio::task::yield_now().await;
        let token = refresh_token.expose_secret().to_owned();
        self.asked.lock().unwrap().push(token.clone());
        let (name, generation) = token.split_once('-').unwrap();
        let scopes = match self.answers.lock().unwrap().get(name) {
            Some(Answer::Refuse(cause)) => return Err(GrantError::Refused((*cause).into())),
            Some(Answer::Silence) => return Err(GrantError::Unavailable("silence".into())),
            Some(Answer::Busy(seconds)) => return Err(GrantError::Paused { wait: Duration::from_secs(*seconds) }),
            Some(Answer::FewerScopes) => "openid User.Read.All",
            Some(Answer::Removed { token }) => {
                self.records.lock().unwrap().retain(|record| record.administrator.to_string() != name);
                if *token {
                    self.secrets.lock().unwrap().remove(name);
                }
                "openid User.Read.All GroupMember.Read.All"
            }
            None => "openid User.Read.All GroupMember.Read.All",
        };
        Ok(Grant {
            access_token: SecretString::from(format!("access {token}")),
            expires_in: Duration::from_hours(1),
            refresh_token: Some(SecretString::from(format!("{name}-{}", generation.parse::<u32>().unwrap() + 1))),
            scopes: scopes.split(' ').map(str::to_owned).collect(),
        })
    }
}

#[async_trait]
impl SecretStore for World {
    async fn refresh_token(&self, _: DirectoryId, of: &UserId) -> Result<Option<SecretString>, SecretError> {
        Ok(self.secrets.lock().unwrap().get(&of.to_string()).cloned().map(SecretString::from))
    }

    async fn put_refresh_token(&self, _: DirectoryId, _: &UserId, _: &SecretString) -> Result<(), SecretError> {
        unreachable!("authorizations do")
    }

    async fn rotate_refresh_token(&self, _: DirectoryId, of: &UserId, new: &SecretString) -> Result<bool, SecretError> {
        if *self.secret_writes_fail.lock().unwrap() {
            return Err(SecretError::Unavailable("no".into()));
        }
        let mut secrets = self.secrets.lock().unwrap();
        let stored = secrets.get_mut(&of.to_string());
        Ok(stored.map(|stored| new.expose_secret().clone_into(stored)).is_some())
    }

    async fn delete_refresh_token(&self, _: DirectoryId, _: &UserId) -> Result<(), SecretError> {
        unreachable!("the Sync page does")
    }
}

#[async_trait]
impl CredentialStore for World {
    async fn credentials(&self, _: DirectoryId) -> Result<Vec<Credential>, StoreError> {
        Ok(self.records.lock().unwrap().clone())
    }

    async fn credential(&self, _: DirectoryId, of: &UserId) -> Result<Option<Credential>, StoreError> {
        Ok(self.records.lock().unwrap().iter().find(|record| record.administrator == *of).cloned())
    }

    async fn put_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        *self.record_writes.lock().unwrap() += 1;
        let mut records = self.records.lock().unwrap();
        records.retain(|record| record.administrator != credential.administrator);
        records.push(credential.clone());
        Ok(())
    }

    async fn update_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        self.put_credential(credential).await
    }

    async fn prefer_credential(&self, _: DirectoryId, _: &UserId, _: Timestamp) -> Result<bool, StoreError> {
        unreachable!("the Sync page does")
    }

    async fn remove_credential(&self, _: DirectoryId, _: &UserId) -> Result<bool, StoreError> {
        unreachable!("the Sync page does")
    }
}

fn minutes(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

impl World {
    /// A world with these administrators, authorized and good at these minutes.
    fn new(administrators: &[(&str, i64)]) -> Arc<Self> {
        let world = Self::default();
        *world.now.lock().unwrap() = minutes(100_000);
        for (name, good_at) in administrators {
            world.secrets.lock().unwrap().insert((*name).to_owned(), format!("{name}-0"));
            world.records.lock().unwrap().push(Credential {
                directory: DIRECTORY.parse().unwrap(),
                administrator: name.parse().unwrap(),
                user_principal_name: format!("{name}@contoso.example"),
                display_name: (*name).to_owned(),
                scopes: Vec::new(),
                missing_roles: Vec::new(),
                authorized_at: minutes(0),
                last_good_at: Some(minutes(*good_at)),
                exercised_at: None,
                rejected_since: None,
                preferred_at: None,
                state: CredentialState::Working,
            });
        }
        Arc::new(world)
    }

    fn chain(self: &Arc<Self>) -> CredentialChain {
        self.later_chain(&Arc::default())
    }

    /// A chain of a run that may use what earlier ones have left.
    fn later_chain(self: &Arc<Self>, issued: &Arc<IssuedTokens>) -> CredentialChain {
        CredentialChain::new(self.exchange(), Arc::clone(issued))
    }

    fn exchange(self: &Arc<Self>) -> Exchange {
        Exchange {
            directory: DIRECTORY.parse().unwrap(),
            endpoint: self.clone(),
            credentials: self.clone(),
            secrets: self.clone(),
            clock: self.clone(),
        }
    }

    fn answer(&self, name: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(name.to_owned(), answer);
    }

    fn pass(&self, duration: SignedDuration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(duration).unwrap();
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn state(&self, name: &str) -> CredentialState {
        let records = self.records.lock().unwrap();
        records.iter().find(|record| record.administrator.to_string() == name).unwrap().state.clone()
    }

    fn record(&self, name: &str) -> Credential {
        let records = self.records.lock().unwrap();
        records.iter().find(|record| record.administrator.to_string() == name).unwrap().clone()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Credential)) {
        let mut records = self.records.lock().unwrap();
        change(records.iter_mut().find(|record| record.administrator.to_string() == name).unwrap());
    }
}

fn failing(cause: Cause, since: Timestamp, retry_at: Timestamp) -> CredentialState {
    CredentialState::Failing { cause, aadsts: None, since, retry_at }
}

#[tokio::test]
async fn the_credential_that_was_good_last_is_used_and_its_token_kept() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    let chain = world.chain();
    let token = chain.token().await.unwrap();
    assert_eq!((token.administrator.to_string().as_str(), token.secret.expose_secret()), ("bob", "access bob-0"));
    chain.token().await.unwrap();
    assert_eq!(world.asked(), ["bob-0"]);
}

#[tokio::test]
async fn a_credential_that_may_see_less_comes_after_the_others() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.change("bob", |bob| bob.missing_roles = vec!["User Administrator".to_owned()]);
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "ann");
    world.answer("ann", Answer::Refuse(Cause::Disabled));
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "bob");
    world.change("bob", |bob| bob.preferred_at = Some(minutes(30)));
    world.answers.lock().unwrap().clear();
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "bob", "unless somebody prefers it");
}

#[tokio::test]
async fn the_preferred_credential_comes_first_as_long_as_it_works() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.change("ann", |ann| ann.preferred_at = Some(minutes(30)));
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "ann");
    world.change("bob", |bob| bob.preferred_at = Some(minutes(40)));
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "bob");
    world.answer("bob", Answer::Refuse(Cause::Disabled));
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "ann");
    let preferred = |record: &Credential| record.preferred_at.is_some();
    assert!(world.records.lock().unwrap().iter().all(preferred), "what runs write leaves the preference alone");
}

#[tokio::test]
async fn a_credential_that_is_removed_while_it_is_used_does_not_come_back() {
    for token in [false, true] {
        let world = World::new(&[("ann", 10), ("bob", 20)]);
        world.answer("bob", Answer::Removed { token });
        let used = world.chain().token().await.unwrap();
        assert_eq!(used.administrator.to_string(), "ann");
        // Whoever removes a credential deletes its token last, whichever that is by then.
        assert_eq!(
            world.secrets.lock().unwrap().contains_key("bob"),
            !token,
            "a token that is gone is not stored again"
        );
        let names: Vec<_> =
            world.records.lock().unwrap().iter().map(|record| record.administrator.to_string()).collect();
        assert_eq!(names, ["ann"]);
    }
}

#[tokio::test]
async fn a_later_run_uses_the_token_that_an_earlier_one_has_left_while_it_lasts() {
    let (world, issued) = (World::new(&[("ann", 10)]), Arc::default());
    let token = world.later_chain(&issued).token().await.unwrap();
    world.pass(SignedDuration::from_mins(50));
    let again = world.later_chain(&issued).token().await.unwrap();
    assert_eq!(token.secret.expose_secret(), again.secret.expose_secret());
    assert_eq!(world.asked(), ["ann-0"]);
    world.pass(SignedDuration::from_mins(6));
    world.later_chain(&issued).token().await.unwrap();
    assert_eq!(world.asked(), ["ann-1"]);
}

#[tokio::test]
async fn a_token_that_graph_has_refused_is_left_to_no_later_run() {
    for how in [TokenRefusal::Unauthorized, TokenRefusal::Forbidden] {
        let (world, issued) = (World::new(&[("ann", 10), ("bob", 20)]), Arc::default());
        world.later_chain(&issued).token().await.unwrap();
        let chain = world.later_chain(&issued);
        chain.refused(&chain.token().await.unwrap(), how).await;
        let next = chain.token().await.unwrap();
        assert_eq!(world.asked().len(), 2, "a new one is fetched");
        let expected = if how == TokenRefusal::Forbidden { "ann" } else { "bob" };
        assert_eq!(next.administrator.to_string(), expected);
        assert_eq!(
            world.later_chain(&issued).token().await.unwrap().secret.expose_secret(),
            next.secret.expose_secret()
        );
    }
}

#[tokio::test]
async fn a_new_authorization_and_whoever_waits_for_a_run_get_a_new_token() {
    let (world, issued) = (World::new(&[("ann", 10)]), Arc::default());
    world.later_chain(&issued).token().await.unwrap();
    world.later_chain(&issued).trying_all().token().await.unwrap();
    assert_eq!(world.asked(), ["ann-0", "ann-1"]);
    world.change("ann", |ann| ann.authorized_at = minutes(99_999));
    world.later_chain(&issued).token().await.unwrap();
    assert_eq!(world.asked(), ["ann-2"]);
}

#[tokio::test]
async fn a_failing_credential_is_tried_anew_whatever_an_earlier_run_has_left() {
    let (world, issued) = (World::new(&[("ann", 10)]), Arc::default());
    world.later_chain(&issued).token().await.unwrap();
    world.change("ann", |ann| ann.state = failing(Cause::Disabled, minutes(99_000), minutes(99_999)));
    world.answer("ann", Answer::Refuse(Cause::Disabled));
    assert!(world.later_chain(&issued).token().await.is_err());
}

#[tokio::test]
async fn a_rotated_refresh_token_is_stored_and_used_next() {
    let world = World::new(&[("ann", 10)]);
    let chain = world.chain();
    chain.token().await.unwrap();
    world.pass(SignedDuration::from_mins(56));
    chain.token().await.unwrap();
    assert_eq!(world.asked(), ["ann-0", "ann-1"]);
    assert_eq!(world.secrets.lock().unwrap()["ann"], "ann-2");
}

#[tokio::test]
async fn without_a_stored_refresh_token_the_access_token_is_not_used() {
    let world = World::new(&[("ann", 10)]);
    *world.secret_writes_fail.lock().unwrap() = true;
    assert!(matches!(world.chain().token().await, Err(TokenError::Store(_))));
    assert_eq!(world.state("ann"), CredentialState::Working);
}

#[tokio::test]
async fn a_credential_that_needs_its_administrator_is_marked_and_the_next_one_used() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.answer("bob", Answer::Refuse(Cause::Disabled));
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "ann");
    assert_eq!(world.state("bob"), failing(Cause::Disabled, minutes(100_000), minutes(100_015)));
}

#[tokio::test]
async fn a_failing_credential_comes_after_the_working_ones_and_only_in_its_time() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.change("bob", |bob| bob.state = failing(Cause::MfaRequired, minutes(99_000), minutes(100_001)));
    world.answer("ann", Answer::Refuse(Cause::Disabled));
    assert!(matches!(world.chain().token().await, Err(TokenError::NoWorkingCredential)));
    assert_eq!(world.asked(), ["ann-0"]);

    world.pass(SignedDuration::from_mins(1));
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "bob");
    assert_eq!(world.state("bob"), CredentialState::Working);
}

#[tokio::test]
async fn a_run_somebody_asked_for_tries_failing_credentials_too() {
    let world = World::new(&[("ann", 10)]);
    world.change("ann", |ann| ann.state = failing(Cause::Disabled, minutes(99_000), minutes(200_000)));
    assert!(world.chain().token().await.is_err());
    assert!(world.chain().trying_all().token().await.is_ok());
}

#[tokio::test]
async fn the_wait_of_a_failing_credential_doubles_up_to_a_day() {
    let since = minutes(0);
    let mut now = since;
    let mut waits = Vec::new();
    for _ in 0..10 {
        let next = retry_at(since, now);
        waits.push(next.duration_since(now).as_mins());
        now = next;
    }
    assert_eq!(waits, [15, 15, 30, 60, 120, 240, 480, 960, 1440, 1440]);
}

#[tokio::test]
async fn when_the_login_is_silent_none_is_marked_and_it_is_left_alone_for_a_while() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.answer("bob", Answer::Silence);
    let chain = world.chain();
    for _ in 0..3 {
        assert!(matches!(chain.token().await, Err(TokenError::Unavailable(_))));
    }
    assert_eq!(world.asked(), ["bob-0"]);
    assert_eq!(world.state("bob"), CredentialState::Working);

    world.pass(SignedDuration::from_secs(30));
    world.answers.lock().unwrap().clear();
    assert!(chain.token().await.is_ok());
}

#[tokio::test]
async fn an_answer_that_passes_by_itself_lets_the_next_one_try_and_marks_none() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.answer("bob", Answer::Refuse(Cause::Unavailable));
    assert_eq!(world.chain().token().await.unwrap().administrator.to_string(), "ann");
    assert_eq!(world.state("bob"), CredentialState::Working);

    world.answer("ann", Answer::Refuse(Cause::LoopDetected));
    let chain = world.chain();
    assert!(matches!(chain.token().await, Err(TokenError::Unavailable(_))));
    world.asked();
    world.pass(SignedDuration::from_mins(5));
    assert!(chain.token().await.is_err());
    assert!(world.asked().is_empty(), "a detected loop was asked again within five minutes");
}

#[tokio::test]
async fn a_fault_of_the_application_is_nobodys_mark() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.answer("bob", Answer::Refuse(Cause::ClientSecretExpired));
    let error = world.chain().token().await.unwrap_err();
    assert!(matches!(error, TokenError::ApplicationRefused(Refusal { cause: Cause::ClientSecretExpired, .. })));
    assert_eq!((world.asked().len(), *world.record_writes.lock().unwrap()), (1, 0));
}

/// Shows Graph the chain's tokens until one is accepted, or none is left; `accepts` says which ones are.
async fn present(chain: &CredentialChain, accepts: impl Fn(&UsableToken) -> bool) -> Result<UsableToken, TokenError> {
    for _ in 0..40 {
        let token = chain.token().await?;
        if accepts(&token) {
            chain.accepted(&token).await;
            return Ok(token);
        }
        chain.refused(&token, TokenRefusal::Unauthorized).await;
    }
    panic!("the chain goes on for ever");
}

#[tokio::test]
async fn rejected_fresh_token_is_retried_after_waits() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    let chain = world.chain();
    let first = chain.token().await.unwrap();
    chain.refused(&first, TokenRefusal::Unauthorized).await;
    let second = chain.token().await.unwrap();
    assert_eq!(second.secret.expose_secret(), "access bob-1");
    // A late complaint of the first token changes nothing.
    chain.refused(&first, TokenRefusal::Unauthorized).await;
    assert_eq!(chain.token().await.unwrap().secret.expose_secret(), "access bob-1");
    assert!(world.waits.lock().unwrap().is_empty(), "a revoked token is replaced at once");

    let used = present(&chain, |token| token.secret.expose_secret() == "access bob-3").await.unwrap();
    assert_eq!(used.administrator.to_string(), "bob");
    assert_eq!(*world.waits.lock().unwrap(), [2, 5]);
    assert_eq!(world.state("bob"), CredentialState::Working);
    assert!(world.record("bob").rejected_since.is_none(), "it passed within the run");
}

#[tokio::test]
async fn credential_with_rejected_tokens_is_passed_over_unmarked() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    let used = present(&world.chain(), |token| token.administrator.to_string() == "ann").await.unwrap();
    assert_eq!(used.administrator.to_string(), "ann");
    assert_eq!(*world.waits.lock().unwrap(), [2, 5, 15]);
    assert_eq!(world.state("bob"), CredentialState::Working);
    assert_eq!(world.record("bob").rejected_since, Some(minutes(100_000)));

    // The same run, paused and continued, does not count as a repetition.
    world.pass(SignedDuration::from_mins(4));
    present(&world.chain(), |token| token.administrator.to_string() == "ann").await.unwrap();
    assert_eq!(world.state("bob"), CredentialState::Working);
}

#[tokio::test]
async fn credential_rejected_in_two_runs_is_marked() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    let reject_bob = |token: &UsableToken| token.administrator.to_string() == "ann";
    present(&world.chain(), reject_bob).await.unwrap();
    world.change("ann", |ann| ann.last_good_at = Some(minutes(0)));
    world.pass(SignedDuration::from_mins(5));
    present(&world.chain(), reject_bob).await.unwrap();
    assert!(matches!(world.state("bob"), CredentialState::Failing { cause: Cause::TokenRejected, .. }));
}

#[tokio::test]
async fn accepted_token_clears_earlier_rejection() {
    let world = World::new(&[("ann", 10)]);
    assert!(matches!(present(&world.chain(), |_| false).await, Err(TokenError::TokensRejected)));
    world.pass(SignedDuration::from_mins(5));
    present(&world.chain(), |_| true).await.unwrap();
    assert_eq!(world.record("ann").rejected_since, None);
    world.pass(SignedDuration::from_mins(5));
    assert!(matches!(present(&world.chain(), |_| false).await, Err(TokenError::TokensRejected)));
    assert_eq!(world.state("ann"), CredentialState::Working, "it did not repeat in a row");
    world.pass(SignedDuration::from_mins(5));
    assert!(matches!(present(&world.chain(), |_| false).await, Err(TokenError::NoWorkingCredential)));
}

#[tokio::test]
async fn wait_for_graph_that_exceeds_the_run_pauses_it() {
    let world = World::new(&[("ann", 10)]);
    let stop_at = minutes(100_000) + SignedDuration::from_secs(3);
    let chain = world.chain().stopping_at(stop_at);
    let paused = present(&chain, |_| false).await;
    assert!(matches!(paused, Err(TokenError::Paused { wait }) if wait == Duration::from_secs(5)), "{paused:?}");
    assert_eq!(world.state("ann"), CredentialState::Working);
}

#[tokio::test]
async fn wait_of_the_login_is_kept() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.answer("bob", Answer::Busy(600));
    let chain = world.chain();
    assert!(matches!(chain.token().await, Err(TokenError::Paused { wait }) if wait == Duration::from_mins(10)));
    world.pass(SignedDuration::from_mins(9));
    assert!(matches!(chain.token().await, Err(TokenError::Paused { wait }) if wait == Duration::from_mins(1)));
    assert_eq!(world.asked(), ["bob-0"], "the login was asked before its time");
    world.pass(SignedDuration::from_mins(1));
    world.answers.lock().unwrap().clear();
    assert!(chain.token().await.is_ok());
}

#[tokio::test]
async fn a_forbidden_read_moves_on_to_the_next_credential_in_the_middle_of_a_run() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    let chain = world.chain();
    let token = chain.token().await.unwrap();
    chain.refused(&token, TokenRefusal::Forbidden).await;
    chain.refused(&token, TokenRefusal::Forbidden).await;
    assert_eq!(chain.token().await.unwrap().administrator.to_string(), "ann");
    assert!(matches!(world.state("bob"), CredentialState::Failing { cause: Cause::ReadRefused, .. }));
    assert_eq!(world.state("ann"), CredentialState::Working);
}

#[tokio::test]
async fn a_credential_that_graph_refuses_again_and_again_waits_longer_each_time() {
    let world = World::new(&[("ann", 10)]);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let chain = world.chain();
        let token = chain.token().await.unwrap();
        chain.refused(&token, TokenRefusal::Forbidden).await;
        let CredentialState::Failing { retry_at, .. } = world.state("ann") else { panic!("expected a mark") };
        let wait = retry_at.duration_since(world.now());
        waits.push(wait.as_mins());
        world.pass(wait);
    }
    assert_eq!(waits, [15, 15, 30, 60]);
}

#[tokio::test]
async fn when_all_have_failed_there_is_none_left() {
    let world = World::new(&[("ann", 10), ("bob", 20)]);
    world.answer("ann", Answer::Refuse(Cause::SessionRevoked));
    world.answer("bob", Answer::FewerScopes);
    let chain = world.chain();
    assert!(matches!(chain.token().await, Err(TokenError::NoWorkingCredential)));
    assert!(matches!(chain.token().await, Err(TokenError::NoWorkingCredential)));
    assert_eq!(world.asked().len(), 2);
    assert!(matches!(world.state("bob"), CredentialState::Failing { cause: Cause::ConsentMissing, .. }));
}

#[tokio::test]
async fn a_credential_whose_refresh_token_is_gone_needs_its_administrator() {
    let world = World::new(&[("ann", 10)]);
    world.secrets.lock().unwrap().clear();
    assert!(matches!(world.chain().token().await, Err(TokenError::NoWorkingCredential)));
    assert!(matches!(world.state("ann"), CredentialState::Failing { cause: Cause::RefreshTokenMissing, .. }));
}

#[tokio::test]
async fn an_administrator_who_authorized_again_meanwhile_is_not_marked() {
    let world = World::new(&[("ann", 10)]);
    let chain = world.chain();
    let token = chain.token().await.unwrap();
    world.change("ann", |ann| ann.authorized_at = minutes(99_999));
    chain.refused(&token, TokenRefusal::Forbidden).await;
    assert_eq!(world.state("ann"), CredentialState::Working);
}

#[tokio::test]
async fn requests_that_need_a_token_together_share_one_refresh() {
    let world = World::new(&[("ann", 10)]);
    let chain = world.chain();
    let tokens = futures::future::join_all((0..20).map(|_| chain.token())).await;
    assert!(tokens.into_iter().all(|token| token.unwrap().secret.expose_secret() == "access ann-0"));
    assert_eq!(world.asked(), ["ann-0"]);
}

#[tokio::test]
async fn the_last_good_use_is_written_at_most_hourly() {
    let world = World::new(&[("ann", 10)]);
    world.chain().token().await.unwrap();
    world.chain().token().await.unwrap();
    assert_eq!(*world.record_writes.lock().unwrap(), 1);
    world.pass(SignedDuration::from_hours(1));
    world.chain().token().await.unwrap();
    assert_eq!(*world.record_writes.lock().unwrap(), 2);
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let world = World::new(&[("ann", 10)]);
    let chain = world.chain();
    let token = chain.token().await.unwrap();
    let grant = world.refresh(DIRECTORY.parse().unwrap(), &SecretString::from("ann-7")).await.unwrap();
    for text in [format!("{token:?}"), format!("{chain:?}"), format!("{grant:?}")] {
        assert!(!text.contains("ann-") && !text.contains("access ann"), "{text}");
    }
}

/// Graph, as the exercise asks it.
#[async_trait]
impl ReadUsers for World {
    async fn read_users(&self, token: &UsableToken) -> Option<TokenRefusal> {
        let name = token.administrator.to_string();
        let forbidden = self.forbidden.lock().unwrap().contains(&name);
        let rejected = self.rejected.lock().unwrap().contains(&name);
        forbidden.then_some(TokenRefusal::Forbidden).or(rejected.then_some(TokenRefusal::Unauthorized))
    }
}

#[tokio::test]
async fn a_credential_that_nobody_has_used_for_a_day_is_exercised_once() {
    let world = World::new(&[("ann", 99_990), ("bob", 98_000)]);
    assert_eq!(exercise(&world.exchange(), &*world).await.unwrap(), 1);
    assert_eq!(exercise(&world.exchange(), &*world).await.unwrap(), 0);
    assert_eq!(world.asked(), ["bob-0"]);
    assert_eq!(world.secrets.lock().unwrap()["bob"], "bob-1");
    world.pass(SignedDuration::from_hours(24));
    assert_eq!(exercise(&world.exchange(), &*world).await.unwrap(), 2);
}

#[tokio::test]
async fn a_dead_backup_is_known_before_it_is_needed() {
    let world = World::new(&[("ann", 99_990), ("bob", 98_000)]);
    world.answer("bob", Answer::Refuse(Cause::SessionRevoked));
    exercise(&world.exchange(), &*world).await.unwrap();
    assert_eq!(world.state("bob"), failing(Cause::SessionRevoked, minutes(100_000), minutes(100_015)));
    assert_eq!(world.state("ann"), CredentialState::Working);
}

#[tokio::test]
async fn a_backup_that_may_not_read_any_more_is_known_too() {
    let world = World::new(&[("bob", 98_000)]);
    world.forbidden.lock().unwrap().push("bob".to_owned());
    exercise(&world.exchange(), &*world).await.unwrap();
    assert_eq!(world.state("bob"), failing(Cause::ReadRefused, minutes(100_000), minutes(100_015)));
}

#[tokio::test]
async fn backup_with_rejected_tokens_is_marked_when_it_repeats() {
    let world = World::new(&[("bob", 98_000)]);
    world.rejected.lock().unwrap().push("bob".to_owned());
    exercise(&world.exchange(), &*world).await.unwrap();
    assert_eq!(world.state("bob"), CredentialState::Working);
    assert_eq!(exercise(&world.exchange(), &*world).await.unwrap(), 0, "not again at once");
    world.pass(SignedDuration::from_mins(15));
    exercise(&world.exchange(), &*world).await.unwrap();
    assert!(matches!(world.state("bob"), CredentialState::Failing { cause: Cause::TokenRejected, .. }));

    world.rejected.lock().unwrap().clear();
    world.pass(SignedDuration::from_mins(15));
    exercise(&world.exchange(), &*world).await.unwrap();
    assert_eq!((world.state("bob"), world.record("bob").rejected_since), (CredentialState::Working, None));
}

#[tokio::test]
async fn a_failing_credential_is_exercised_at_growing_intervals_until_it_works_again() {
    let world = World::new(&[("ann", 98_000)]);
    world.answer("ann", Answer::Refuse(Cause::Disabled));
    let mut tried_at = Vec::new();
    for minute in 0..600 {
        if exercise(&world.exchange(), &*world).await.unwrap() > 0 {
            tried_at.push(minute);
        }
        world.pass(SignedDuration::from_mins(1));
    }
    assert_eq!(tried_at, [0, 15, 30, 60, 120, 240, 480]);
    world.answers.lock().unwrap().clear();
    world.pass(SignedDuration::from_hours(24));
    exercise(&world.exchange(), &*world).await.unwrap();
    assert_eq!(world.state("ann"), CredentialState::Working);
}

#[tokio::test]
async fn an_answer_that_passes_marks_nobody_and_is_not_asked_for_again_at_once() {
    let world = World::new(&[("ann", 98_000)]);
    world.answer("ann", Answer::Refuse(Cause::LoopDetected));
    assert_eq!(exercise(&world.exchange(), &*world).await.unwrap(), 1);
    assert_eq!(exercise(&world.exchange(), &*world).await.unwrap(), 0);
    assert_eq!(world.state("ann"), CredentialState::Working);
}

#[tokio::test]
async fn a_run_and_an_exercise_at_once_leave_a_refresh_token_that_works() {
    let world = World::new(&[("ann", 98_000)]);
    let (exchange, chain) = (world.exchange(), world.chain());
    let (exercised, token) = futures::join!(exercise(&exchange, &*world), chain.token());
    exercised.unwrap();
    token.unwrap();
    assert_eq!(world.asked(), ["ann-0", "ann-0"], "both used the same token");
    assert_eq!(world.secrets.lock().unwrap()["ann"], "ann-1");
    world.pass(SignedDuration::from_hours(24));
    world.chain().token().await.unwrap();
    assert_eq!(world.asked(), ["ann-1"]);
}

#[tokio::test]
async fn a_new_sign_in_is_not_replaced_by_what_came_of_the_old_one() {
    let world = World::new(&[("ann", 98_000)]);
    let (exchange, sign_in) = (world.exchange(), async {
        world.secrets.lock().unwrap().insert("ann".to_owned(), "ann-700".to_owned());
    });
    // The sign-in happens while the login thinks about the old token.
    let (exercised, ()) = futures::join!(exercise(&exchange, &*world), sign_in);
    exercised.unwrap();
    assert_eq!(world.secrets.lock().unwrap()["ann"], "ann-700");
}

#[tokio::test]
async fn a_refresh_token_outlives_any_number_of_refusals() {
    for cause in [Cause::GrantInvalid, Cause::SessionRevoked, Cause::Expired, Cause::Disabled, Cause::Deleted] {
        let world = World::new(&[("ann", 98_000)]);
        world.answer("ann", Answer::Refuse(cause));
        assert!(world.chain().token().await.is_err());
        assert!(world.chain().trying_all().token().await.is_err());
        assert_eq!(world.secrets.lock().unwrap()["ann"], "ann-0", "{cause:?}");
        world.answers.lock().unwrap().clear();
        assert!(world.chain().trying_all().token().await.is_ok(), "{cause:?}");
    }
}
