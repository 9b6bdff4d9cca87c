//! The handle to a running tenant: addresses, actions, faults, counters and the truth.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::Rng;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    action::{Action, ActionError},
    drift,
    fault::{Fault, FaultId},
    identity::Administrator,
    model::Truth,
    options::Registration,
    requests::{Seen, Summary},
    token,
    world::World,
};

/// A running tenant. Clones share it.
#[derive(Debug, Clone)]
pub struct TenantHandle {
    world: Shared,
    origin: String,
    stop: watch::Sender<bool>,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// The state of a running tenant, shared by the server and its handles.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    /// What a caller of the control interface has to know.
    pub(crate) control_secret: Arc<str>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        let control_secret = token::encode(&rand::random::<[u8; 32]>()).into();
        Self { world: Arc::new(Mutex::new(world)), control_secret }
    }

    /// The state. A panic while somebody held it is a failed test already, so the lock is taken all the same.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TenantHandle {
    pub(crate) fn new(world: Shared, origin: String, stop: watch::Sender<bool>, server: JoinHandle<()>) -> Self {
        Self { world, origin, stop, server: Arc::new(Mutex::new(Some(server))) }
    }

    /// The origin of the login pages and the token endpoint, without a slash at its end.
    #[must_use]
    pub fn login_url(&self) -> &str {
        &self.origin
    }

    /// The origin of Graph, without `/v1.0`. The same as [`Self::login_url`].
    #[must_use]
    pub fn graph_url(&self) -> &str {
        &self.origin
    }

    /// What a caller of the control interface has to know: made anew at each start.
    #[must_use]
    pub fn control_secret(&self) -> &str {
        &self.world.control_secret
    }

    /// The tenant's id.
    #[must_use]
    pub fn tenant_id(&self) -> Uuid {
        self.world.lock().tenant.id
    }

    /// The registered application.
    #[must_use]
    pub fn registration(&self) -> Registration {
        self.world.lock().registration.clone()
    }

    /// The accounts one can sign in as, strongest first.
    #[must_use]
    pub fn administrators(&self) -> Vec<Administrator> {
        self.world.lock().tenant.administrators()
    }

    /// Does something to the tenant. Answers the id of what was created or changed, when there is one.
    pub fn apply(&self, action: Action) -> Result<Option<Uuid>, ActionError> {
        self.world.lock().apply(action)
    }

    /// Injects a fault. Its id is for [`Self::times_used`].
    #[expect(clippy::must_use_candidate, reason = "most tests inject a fault and never ask about it again")]
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.world.lock().faults.add(fault)
    }

    /// How often a fault was used.
    #[must_use]
    pub fn times_used(&self, fault: FaultId) -> u32 {
        self.world.lock().faults.used(fault)
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.world.lock().faults.clear();
    }

    /// The requests since the start or the last [`Self::forget_requests`], oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.world.lock().requests.latest()
    }

    /// Totals of [`Self::requests`].
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.world.lock().requests.totals()
    }

    /// Starts counting anew.
    pub fn forget_requests(&self) {
        self.world.lock().requests.forget();
    }

    /// Applies `changes` plausible random changes and says which.
    pub fn drift(&self, rng: &mut impl Rng, changes: usize) -> Vec<Action> {
        drift::drift(&mut self.world.lock(), rng, changes)
    }

    /// The tenant's current state, by id order.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.world.lock().truth()
    }

    /// The group with exactly this display name; the first when several have it.
    #[must_use]
    pub fn group_named(&self, display_name: &str) -> Option<Uuid> {
        self.world.lock().tenant.group_named(display_name)
    }

    /// The user with exactly this display name or user principal name; the first when several have it.
    #[must_use]
    pub fn user_named(&self, name: &str) -> Option<Uuid> {
        self.world.lock().tenant.user_named(name)
    }

    /// Ends the server once the requests under way are answered.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            // A server that panicked has ended as well.
            let _ended = server.await;
        }
    }
}
