//! Office 365 Sync keeps a directory of users and groups in step with a Microsoft 365 tenant.
//!
//! In reading order:
//!
//! * core, which knows no AWS, HTTP or clock: [`directory`] (what is kept of users and groups), [`filter`] (who is
//!   active and which groups are synced), [`sync`] (from changes to a plan, and a whole run), [`oauth`] (an
//!   authorization's states), [`credentials`] (which administrator's authorization to use), [`access`] (tokens of
//!   programs), [`session`] (who is signed in to the Sync page), [`settings`] (what new settings would change), [`audit`]
//!   (who changed what), [`alerts`] (what people are told of),
//!   [`feed`] (what consumers are told of changes), [`health`] (how a directory fares), [`statistics`] (how it stood day by
//!   day);
//! * ports, which the core asks for: [`store`], [`secrets`], [`queue`], [`clock`], [`alerts::AlertSink`], [`feed::EventSink`],
//!   [`sync::TenantSource`];
//! * adapters, which hold no decisions: [`graph`], [`identity`], [`dynamodb`], [`secrets::SecretsManager`],
//!   [`queue::SqsQueue`], [`alerts::SnsTopic`], [`feed::EventBus`];
//! * the edge: [`config`] (settings of the deployment), [`http`] (clients and answers), [`telemetry`] (logs).

pub mod access;
pub mod alerts;
pub mod app_credential;
pub mod audit;
pub mod clock;
pub mod clock_skew;
pub mod config;
pub mod credentials;
pub mod directory;
pub mod dynamodb;
pub mod feed;
pub mod filter;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod graph;
pub mod health;
pub mod http;
pub mod identity;
mod lenient;
pub mod oauth;
pub mod queue;
pub mod secrets;
pub mod session;
pub mod settings;
pub mod statistics;
pub mod store;
pub mod sync;
pub mod telemetry;
