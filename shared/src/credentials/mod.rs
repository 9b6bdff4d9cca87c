//! Administrators' authorizations: what is known of each, how Microsoft's refusals are sorted, and which one to
//! use.

mod chain;
mod credential;
mod refusal;

pub use chain::{AccessTokens, CredentialChain, TokenError, TokenRefusal, UsableToken};
pub use credential::{Credential, CredentialState};
pub use refusal::{Cause, Refusal, RefusalKind};
