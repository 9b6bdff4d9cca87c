//! The state of a running tenant, and how a request is answered from it.

use std::collections::{HashMap, VecDeque};

use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use crate::{
    action::{ConsentAnswer, DeltaReset, NumberForm, SecretStanding, SignIn},
    bend,
    endpoint::Endpoint,
    exchange::{Answer, Request},
    fault::{Faults, What},
    graph::{self, Bucket},
    identity::{self, Grants, SigningKeys, Standing, Tampering},
    model::{Moment, Tenant},
    options::{Clock, Options, Paging, Quirks, Registration},
    requests::{RequestKind, Requests, Seen},
};

/// All that a running tenant knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) tenant: Tenant,
    pub(crate) clock: Clock,
    pub(crate) registration: Registration,
    pub(crate) paging: Paging,
    pub(crate) quirks: Quirks,
    pub(crate) bucket: Bucket,
    pub(crate) access_token_lifetime: jiff::SignedDuration,
    /// `http://127.0.0.1:PORT`.
    pub(crate) origin: String,

    pub(crate) standings: HashMap<Uuid, Standing>,
    pub(crate) grants: Grants,
    /// Whether the application's scopes are consented to for everybody.
    pub(crate) consented: bool,
    pub(crate) secret_standing: SecretStanding,
    pub(crate) sign_in: SignIn,
    /// What happens at the next requests for authorization, before `sign_in` applies again.
    pub(crate) next_sign_ins: VecDeque<SignIn>,
    pub(crate) tampering: Option<Tampering>,
    /// How many access tokens Graph is not going to accept.
    pub(crate) tokens_to_reject: u32,
    pub(crate) expires_in_form: NumberForm,
    pub(crate) consent_answer: ConsentAnswer,
    pub(crate) withheld_scopes: std::collections::BTreeSet<String>,
    /// Scopes consented to besides, which every access token has.
    pub(crate) consented_scopes: std::collections::BTreeSet<String>,
    pub(crate) keys: SigningKeys,

    /// In every delta token; another number makes them useless.
    pub(crate) delta_epoch: u64,
    /// What is said to tokens of another epoch.
    pub(crate) delta_reset: DeltaReset,

    pub(crate) faults: Faults,
    pub(crate) requests: Requests,
    /// The objects last shown for each list, for [`What::Replay`].
    pub(crate) last_pages: bend::LastPages,
    rng: StdRng,
}

impl World {
    pub(crate) fn new(tenant: Tenant, options: Options, origin: String) -> Self {
        let Options { clock, registration, paging, throttle, access_token_lifetime, quirks, seed } = options;
        let now = clock.now();
        // The start is part of the seed, so that tokens from before a restart do not happen to be right again.
        let mut rng = StdRng::seed_from_u64(seed ^ now.as_second().unsigned_abs().rotate_left(20));
        Self {
            delta_epoch: rng.random(),
            bucket: Bucket::new(throttle, now),
            tenant,
            clock,
            registration,
            paging,
            quirks,
            access_token_lifetime,
            origin,
            standings: HashMap::new(),
            grants: Grants::default(),
            consented: true,
            secret_standing: SecretStanding::default(),
            sign_in: SignIn::default(),
            next_sign_ins: VecDeque::new(),
            tampering: None,
            tokens_to_reject: 0,
            expires_in_form: NumberForm::default(),
            consent_answer: ConsentAnswer::default(),
            withheld_scopes: std::collections::BTreeSet::new(),
            consented_scopes: std::collections::BTreeSet::new(),
            keys: SigningKeys::new(),
            delta_reset: DeltaReset::ResyncRequired,
            faults: Faults::default(),
            requests: Requests::default(),
            last_pages: bend::LastPages::default(),
            rng,
        }
    }

    /// The moment up to which the index behind advanced queries has all changes.
    pub(crate) fn index_moment(&self) -> Moment {
        self.tenant.moment.saturating_sub(self.quirks.index_lag)
    }

    pub(crate) fn standing(&self, user: Uuid) -> Option<&Standing> {
        self.standings.get(&user)
    }

    pub(crate) fn fresh_id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.random()).into_uuid()
    }

    /// A text nobody can guess, for codes and tokens.
    pub(crate) fn fresh_secret(&mut self) -> String {
        let bytes: [u8; 32] = self.rng.random();
        crate::token::encode(&bytes)
    }

    /// A number nobody used before, with overwhelming likelihood.
    pub(crate) fn fresh_number(&mut self) -> u64 {
        self.rng.random()
    }

    /// Answers a request as the injected faults have it, and says which faults are left to the connection.
    pub(crate) fn answer(&mut self, request: &Request) -> (Answer, Vec<What>) {
        let endpoint = Endpoint::of(request);
        let mut seen = self.see(&endpoint, request);
        let faults = self.faults.at(&seen);
        for what in &faults {
            if let What::Then { action } = what
                && let Err(error) = self.apply((**action).clone())
            {
                tracing::warn!(%error, "a fault's action could not be done");
            }
        }
        let answer = match bend::instead(self, &faults, &endpoint, request) {
            Some(answer) => answer,
            None => self.answer_truly(&endpoint, request),
        };
        let answer = bend::bend(self, answer, &faults, &seen, request);
        seen.status = answer.status.as_u16();
        tracing::debug!(method = %seen.method, path = %seen.path, page = seen.page, status = seen.status, "answered");
        self.requests.add(seen);
        (answer, faults)
    }

    fn answer_truly(&mut self, endpoint: &Endpoint, request: &Request) -> Answer {
        match endpoint {
            Endpoint::Authorize { tenant } => identity::authorize(self, tenant, request),
            Endpoint::SignIn { tenant } => identity::sign_in(self, tenant, request),
            Endpoint::Consent { tenant } => identity::consent(self, tenant, request),
            Endpoint::Token { tenant } => identity::token(self, tenant, request),
            Endpoint::Discovery { tenant } => identity::discovery(self, tenant),
            Endpoint::Keys => identity::published_keys(self),
            Endpoint::Graph(call) => graph::answer(self, call, request),
            Endpoint::Nowhere => graph::refuse(self, request, &graph::GraphError::no_such_segment(&request.path)),
        }
    }

    fn see(&self, endpoint: &Endpoint, request: &Request) -> Seen {
        let kind = endpoint.kind(request);
        let round = graph::Round::in_query(&request.query);
        let listed = request.query.get("$skiptoken").and_then(graph::page_in_list);
        let page = round.as_ref().map(|round| round.page).or(listed).unwrap_or(1);
        let units = if let Endpoint::Graph(call) = endpoint { graph::cost(call, &request.query) } else { 0 };
        Seen {
            at: self.clock.now(),
            method: request.method.to_string(),
            path: request.path.clone(),
            kind,
            page,
            incremental: round.is_some_and(|round| round.is_incremental()),
            object: endpoint.object(),
            administrator: self.caller(kind, request),
            resource_units: units,
            status: 0,
        }
    }

    /// Whose token or code a request carries.
    fn caller(&self, kind: RequestKind, request: &Request) -> Option<Uuid> {
        let grant = match kind {
            RequestKind::RedeemCode => self.grants.codes.get(request.form().get("code")?).map(|code| &code.grant),
            RequestKind::Refresh => {
                self.grants.refresh.get(request.form().get("refresh_token")?).map(|token| &token.grant)
            }
            _ => self.grants.access.get(graph::bearer(request)?).map(|token| &token.grant),
        };
        grant.map(|grant| grant.user)
    }
}
