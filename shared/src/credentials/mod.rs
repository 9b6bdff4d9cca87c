//! Administrators' authorizations: what is known of each, how Microsoft's refusals are sorted, and which one to
//! use.

mod aadsts;
mod advice;
mod cause;
mod chain;
mod credential;
mod endpoint;
mod exchange;
mod exercise;
mod issued;
mod refusal;
mod tokens;

pub use cause::{Cause, RefusalKind};
pub use chain::CredentialChain;
pub use credential::{Credential, CredentialState};
pub use endpoint::{Grant, GrantError, TokenEndpoint};
pub use exchange::Exchange;
pub use exercise::{ReadUsers, exercise};
pub use issued::IssuedTokens;
pub use refusal::{ErrorAnswer, Refusal};
pub use tokens::{AccessTokens, TokenError, TokenRefusal, UsableToken};
