//! Everything that can be done to a running tenant, as data: tests, faults, the drift and `/control` all speak it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, fmt};
use uuid::Uuid;

use crate::{
    identity::{Refusal, Role, Tampering},
    model::{GroupKind, MemberKind},
    options::{Paging, Throttle},
};

/// One change to a running tenant. As JSON: `{"action": "disableUser", "user": "…"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Creates a user.
    CreateUser(NewUser),
    /// Creates a group.
    CreateGroup(NewGroup),
    /// Creates a device, service principal, contact or object of a kind nobody knows yet.
    CreateOther {
        /// Its id; a fresh one when absent.
        id: Option<Uuid>,
        /// What it is.
        kind: MemberKind,
        /// Its name.
        display_name: String,
    },
    /// Sets `accountEnabled` to false.
    DisableUser {
        /// The user.
        user: Uuid,
    },
    /// Sets `accountEnabled` to true.
    EnableUser {
        /// The user.
        user: Uuid,
    },
    /// Changes the display name of a user or group.
    Rename {
        /// The user or group.
        id: Uuid,
        /// The new name.
        display_name: String,
    },
    /// Changes the mail address of a user or group.
    SetMail {
        /// The user or group.
        id: Uuid,
        /// The new address; `None` takes it away.
        mail: Option<String>,
    },
    /// Sets any other property of a user or group.
    SetProperty {
        /// The user or group.
        id: Uuid,
        /// Graph's name of the property, such as `jobTitle`.
        property: String,
        /// The new value; `null` takes it away.
        value: Value,
    },
    /// Deletes a user or group: restorable for users, Microsoft 365 groups and security groups of the cloud, for good for others.
    Delete {
        /// The user or group.
        id: Uuid,
    },
    /// Brings a deleted user or group back.
    Restore {
        /// The user or group.
        id: Uuid,
    },
    /// Deletes a user or group for good.
    Purge {
        /// The user or group.
        id: Uuid,
    },
    /// Makes an object a direct member of a group. No rule of allowed kinds is enforced: a test may want odd ones.
    AddMember {
        /// The group.
        group: Uuid,
        /// A user, group or other object.
        member: Uuid,
    },
    /// Takes a direct member out of a group.
    RemoveMember {
        /// The group.
        group: Uuid,
        /// The member.
        member: Uuid,
    },

    /// Makes a user an administrator one can sign in as, or replaces their roles. No roles: an ordinary user.
    Appoint {
        /// The user.
        user: Uuid,
        /// Their directory roles.
        roles: BTreeSet<Role>,
    },
    /// Assigns a user app roles of the application, instead of those before.
    AssignAppRoles {
        /// The user.
        user: Uuid,
        /// The values of the roles, such as `Sync.Admin`.
        roles: BTreeSet<String>,
    },
    /// Refuses an administrator from now on, at sign-in and when a refresh token is used.
    Refuse {
        /// The administrator.
        administrator: Uuid,
        /// With which answer.
        refusal: Refusal,
    },
    /// Ends [`Action::Refuse`].
    Accept {
        /// The administrator.
        administrator: Uuid,
    },
    /// Makes the refresh tokens issued so far useless (AADSTS50173); a new sign-in works.
    RevokeSessions {
        /// The administrator.
        administrator: Uuid,
    },
    /// Lets the refresh tokens issued so far be too long unused (AADSTS700082); a new sign-in works.
    ExpireRefreshTokens {
        /// The administrator.
        administrator: Uuid,
    },
    /// Withdraws consent (AADSTS65001) until an account that may consent signs in again.
    WithdrawConsent {
        /// Only this administrator's own; `None` withdraws the tenant-wide consent.
        administrator: Option<Uuid>,
    },
    /// Allows or forbids an administrator to read the directory; forbidden, Graph answers 403.
    AllowReading {
        /// The administrator.
        administrator: Uuid,
        /// Whether they may.
        allowed: bool,
    },
    /// Lets the access tokens issued so far expire now; Graph answers 401 to them.
    ExpireAccessTokens {
        /// Only this administrator's; `None` for everybody's.
        administrator: Option<Uuid>,
    },
    /// Lets Graph answer 401 to the next access tokens that are issued, as it was seen to do for a while.
    RejectFreshTokens {
        /// How many tokens.
        tokens: u32,
    },
    /// Changes how the token endpoint writes `expires_in`.
    WriteExpiresIn {
        /// The form.
        form: NumberForm,
    },
    /// Changes what the consent page answers.
    AnswerConsent {
        /// The answer.
        answer: ConsentAnswer,
    },
    /// Registers a further redirect URI with the application.
    RegisterRedirectUri {
        /// It, allowed by exact match from now on.
        uri: String,
    },
    /// Whether the client secret is accepted.
    SetSecretStanding {
        /// The new standing.
        standing: SecretStanding,
    },
    /// Who signs in when the authorize page is asked for.
    SetSignIn {
        /// What happens.
        sign_in: SignIn,
        /// Only at the next request, then as before.
        once: bool,
    },
    /// Makes `id_token`s wrong; `None` makes them right again.
    TamperIdTokens {
        /// What is wrong with them.
        tampering: Option<Tampering>,
    },
    /// Signs with the other key from now on and publishes only that one.
    RotateKeys,
    /// Leaves scopes out of what is granted, although they were asked for and consented to.
    WithholdScopes {
        /// The short names, such as `GroupMember.Read.All`.
        scopes: BTreeSet<String>,
    },

    /// Consents for the whole tenant to scopes that no request asks for: access tokens issued from now on have them too, as
    /// they have everything that was consented to.
    ConsentScopes {
        /// The short names, such as `Member.Read.Hidden`; those before are withdrawn.
        scopes: BTreeSet<String>,
    },

    /// Makes every delta token issued so far useless.
    ResetDelta {
        /// With which answer.
        answer: DeltaReset,
    },
    /// Changes the page sizes of later requests.
    SetPaging {
        /// The new sizes.
        paging: Paging,
    },
    /// Lets the index behind counters lag by this many changes from now on.
    SetIndexLag {
        /// The number of latest changes that it does not have.
        changes: u64,
    },
    /// Changes the throttle and fills its bucket.
    SetThrottle {
        /// The new limit.
        throttle: Throttle,
    },
}

/// The subtype of agents' accounts (Microsoft Graph, "agentUser resource type").
pub(crate) const AGENT_USER: &str = "agentUser";

/// A user to create. [`NewUser::named`] fills in the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewUser {
    /// Its id; a fresh one when absent.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Its name.
    pub display_name: String,
    /// Its sign-in name; made from the display name when absent.
    #[serde(default)]
    pub user_principal_name: Option<String>,
    /// Its mail address.
    #[serde(default)]
    pub mail: Option<String>,
    /// Whether it may sign in.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it is invited from elsewhere.
    #[serde(default)]
    pub guest: bool,
    /// The subtype of `user` that it is of, such as `agentUser`, the account of an agent.
    #[serde(default)]
    pub subtype: Option<String>,
}

fn yes() -> bool {
    true
}

impl NewUser {
    /// An enabled member without mail.
    #[must_use]
    pub fn named(display_name: impl Into<String>) -> Self {
        Self {
            id: None,
            display_name: display_name.into(),
            user_principal_name: None,
            mail: None,
            enabled: true,
            guest: false,
            subtype: None,
        }
    }

    /// An agent's account.
    #[must_use]
    pub fn agent(display_name: impl Into<String>) -> Self {
        Self { subtype: Some(AGENT_USER.to_owned()), ..Self::named(display_name) }
    }
}

/// A group to create. [`NewGroup::named`] fills in the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewGroup {
    /// Its id; a fresh one when absent.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Its name.
    pub display_name: String,
    /// Which of the four kinds.
    #[serde(default = "security")]
    pub kind: GroupKind,
    /// Its mail address; kinds that have mail get one made from the name when absent.
    #[serde(default)]
    pub mail: Option<String>,
    /// Whether its membership is hidden (Microsoft 365 groups only).
    #[serde(default)]
    pub hidden: bool,
}

fn security() -> GroupKind {
    GroupKind::Security
}

impl NewGroup {
    /// A group of a kind, with what that kind usually has.
    #[must_use]
    pub fn named(display_name: impl Into<String>, kind: GroupKind) -> Self {
        Self { id: None, display_name: display_name.into(), kind, mail: None, hidden: false }
    }
}

/// How a number is written in JSON. Microsoft documents the first form; all three have been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NumberForm {
    /// `3599`
    #[default]
    Whole,
    /// `3599.0`
    Fraction,
    /// `"3599"`
    Text,
}

/// What the page of tenant-wide consent answers (identity platform, "Admin consent on the Microsoft identity platform").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConsentAnswer {
    /// `admin_consent=True`
    #[default]
    Granted,
    /// `admin_consent=True` beside the code of an authorization, as the authorize page does when it asks for consent too.
    GrantedWithCode,
    /// `admin_consent=False`, without a reason.
    NotGranted,
    /// `admin_consent=True` beside an error that says it was declined (65004).
    Declined,
    /// `admin_consent=True` beside an error that asks for another administrator (90094).
    AdminRequired,
    /// `admin_consent=False` beside an error with `error_subcode=cancel`.
    Cancelled,
}

/// How the token endpoint takes the client secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretStanding {
    /// As it should be.
    #[default]
    Accepted,
    /// As if another one had been registered (AADSTS7000215).
    Wrong,
    /// As if its time were over (AADSTS7000222).
    Expired,
}

/// What happens when a browser asks for authorization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SignIn {
    /// A page lists the administrators to choose from. A known `login_hint` signs in at once.
    #[default]
    Page,
    /// Signs in at once as this user, consenting where the account can.
    User {
        /// The user.
        user: Uuid,
    },
    /// Refuses at once.
    Refused {
        /// With which answer.
        refusal: Refusal,
    },
    /// Signs in an account that lives in another tenant.
    Stranger {
        /// The other tenant.
        tenant: Uuid,
    },
}

/// How Graph tells that a delta token is of no use any more. The documents and reports name all three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeltaReset {
    /// 410 `resyncRequired`, with a `Location` to start over at.
    #[default]
    ResyncRequired,
    /// 410 `syncStateNotFound`, without a `Location`.
    StateNotFoundGone,
    /// 400 `SyncStateNotFound`, spelled as other workloads do.
    StateNotFoundBadRequest,
}

/// Why an action could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionError {
    /// No user, group or other object has this id.
    Unknown(Uuid),
    /// The object is not in a state for it, with what is in the way.
    Impossible(Uuid, &'static str),
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => write!(f, "nothing has the id {id}"),
            Self::Impossible(id, why) => write!(f, "{id} {why}"),
        }
    }
}

impl std::error::Error for ActionError {}
