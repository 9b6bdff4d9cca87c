//! What stands between an account and its tokens, beyond the directory itself.

use super::Refusal;

/// How the identity platform and Graph treat an account.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// Refused at sign-in and at each refresh.
    pub(crate) refusal: Option<Refusal>,
    /// Its own consent was withdrawn.
    pub(crate) consent_withdrawn: bool,
    /// It may read the directory.
    pub(crate) may_read: bool,
}

impl Default for Standing {
    fn default() -> Self {
        Self { refusal: None, consent_withdrawn: false, may_read: true }
    }
}
