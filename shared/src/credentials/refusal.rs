//! How refusals of Microsoft's identity platform are sorted.

use serde::{Deserialize, Serialize};

/// What a refusal means for the one who got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Passes by itself.
    Retry,
    /// This credential needs its administrator; others may work.
    NeedsAdministrator,
    /// The application's registration or secret is wrong: affects every credential, and none is to blame.
    ApplicationFault,
}

/// Why a credential or an authorization was refused, as an administrator would say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Placeholder until the table is written.
    Other,
}

/// A refusal, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub cause: Cause,
    /// The AADSTS number, to explain; nothing is decided on it alone.
    pub aadsts: Option<u32>,
}
