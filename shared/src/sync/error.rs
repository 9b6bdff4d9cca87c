//! Why a run failed, and who can do something about it.

use std::fmt;

use super::record::Failure;
use super::source::SourceError;
use crate::credentials::Refusal;
use crate::store::StoreError;

/// Why a run failed. Nothing of its outcome was published.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Microsoft's side could not be read.
    #[error("the tenant could not be read")]
    Source(#[from] SourceError),
    /// Our storage did not do what it was asked.
    #[error("the directory could not be stored")]
    Store(#[from] StoreError),
    /// A tenant that had some lists none now, and its counter does not confirm it.
    #[error("the tenant lists no {list}, and {known} are known")]
    NothingListed {
        /// Of what.
        list: ListKind,
        /// How many were known.
        known: u64,
    },
    /// A list ended too early.
    #[error("the tenant lists {listed} {list} and counts {counted}")]
    ListCutShort {
        /// Of what.
        list: ListKind,
        /// How many were listed.
        listed: u64,
        /// How many the tenant's own counter says there are.
        counted: u64,
    },
    /// Somebody or something that was not listed is there all the same.
    #[error("the tenant's list of {list} lacks some that exist")]
    ListLacks {
        /// Of what.
        list: ListKind,
    },
    /// The run has been paused and continued for too long.
    #[error("the run does not come to an end")]
    NeverEnds,
    /// The directory does not exist (any more).
    #[error("the directory does not exist")]
    NoDirectory,
}

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Users.
    Users,
    /// Groups.
    Groups,
}

impl fmt::Display for ListKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Users => "users",
            Self::Groups => "groups",
        })
    }
}

/// Who can do something about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Nobody needs to: a later run may succeed.
    Retry,
    /// An administrator of the tenant.
    AskAdministrator,
    /// Whoever operates this deployment or its app registration.
    AskOperator,
    /// We: it is a bug.
    Bug,
}

impl RunError {
    /// Who can do something about it.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Source(SourceError::NoWorkingCredential) | Self::NothingListed { .. } => {
                Disposition::AskAdministrator
            }
            Self::Source(SourceError::ApplicationRefused(_) | SourceError::ClockWrong(_)) => Disposition::AskOperator,
            Self::Source(SourceError::Rejected(_)) | Self::Store(StoreError::Corrupt { .. }) => Disposition::Bug,
            _ => Disposition::Retry,
        }
    }

    /// True when what was read before it is as good as ever, so that the next run can go on from there.
    pub(super) fn leaves_reading_good(&self) -> bool {
        match self {
            Self::Source(error) => matches!(
                error,
                SourceError::Unavailable(_)
                    | SourceError::LoginUnavailable(_)
                    | SourceError::TokensRejected
                    | SourceError::ClockWrong(_)
                    | SourceError::Paused { .. }
                    | SourceError::NoWorkingCredential
                    | SourceError::ApplicationRefused(_)
                    | SourceError::CredentialStore(_)
            ),
            Self::Store(_) | Self::NeverEnds => true,
            _ => false,
        }
    }

    /// The failure as the run's record tells it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        if let Self::Source(SourceError::ClockWrong(skew)) = self {
            let message = format!(
                "The clock of this deployment is {skew}, so that Microsoft refuses the application's proof of who it is. \
                 Set the clock and let it follow a time server. Published users and groups stay as they were."
            );
            return Failure { code: "clock_wrong".to_owned(), message };
        }
        if let Self::Source(SourceError::ApplicationRefused(refusal)) = self {
            return Failure { code: "application_refused".to_owned(), message: refused(refusal) };
        }
        let (code, message) = match self {
            Self::Source(SourceError::NoWorkingCredential) => (
                "no_working_credential",
                "No administrator's authorization works any more. Published users and groups stay as they were. \
                 Look at the credentials to see why, and authorize again.",
            ),
            Self::Source(SourceError::Unavailable(_) | SourceError::Paused { .. }) => (
                "microsoft_unavailable",
                "Microsoft Graph did not answer in time, even after several attempts. Published users and groups stay \
                 as they were; the next scheduled run tries again.",
            ),
            Self::Source(SourceError::LoginUnavailable(_)) => (
                "login_unavailable",
                "Microsoft's login gave no access token, even after several attempts, so Microsoft Graph could not be \
                 asked. Published users and groups stay as they were; the next scheduled run tries again.",
            ),
            Self::Source(SourceError::TokensRejected) => (
                "tokens_rejected",
                "Microsoft Graph refuses access tokens that Microsoft's login has just issued. This usually passes by \
                 itself. Published users and groups stay as they were; the next scheduled run tries again.",
            ),
            // Links that were refused in the middle of a full reading cut that reading short.
            Self::Source(SourceError::Incomplete(_) | SourceError::ResyncRequired) => (
                "answer_incomplete",
                "An answer of Microsoft Graph was not complete, so nothing was concluded from it. Published users and \
                 groups stay as they were; the next scheduled run tries again.",
            ),
            Self::Source(SourceError::CredentialStore(_)) => (
                "credentials_unavailable",
                "The stored credentials could not be read or written. The next scheduled run tries again.",
            ),
            // A wrong clock is reported above, with its amount, and so is a refusal of the application, with its cause.
            Self::Source(
                SourceError::NotFound
                | SourceError::Withheld
                | SourceError::Rejected(_)
                | SourceError::ClockWrong(_)
                | SourceError::ApplicationRefused(_),
            ) => (
                "request_rejected",
                "Microsoft Graph rejected a request of ours. This needs a fix of the software; the log has the \
                 request's id.",
            ),
            Self::Store(StoreError::LeaseLost | StoreError::Conflict) => {
                ("overtaken", "Another run of this directory took over. Nothing is lost: that run does the work.")
            }
            Self::Store(StoreError::Corrupt { .. }) => (
                "stored_item_corrupt",
                "A stored item cannot be understood. This needs a fix of the software; the log names the item.",
            ),
            Self::Store(StoreError::Unavailable(_)) => (
                "storage_unavailable",
                "The table did not answer in time. Published users and groups stay as they were; the next scheduled \
                 run tries again.",
            ),
            Self::NothingListed { list: ListKind::Users, .. } => (
                "no_users_listed",
                "Microsoft lists no users at all. This is not believed: published users and groups stay as they were. \
                 Check that the authorized account may still read the directory.",
            ),
            Self::NothingListed { list: ListKind::Groups, .. } => (
                "no_groups_listed",
                "Microsoft lists no groups at all. This is not believed: published users and groups stay as they were. \
                 Check that the authorized account may still read groups.",
            ),
            Self::ListCutShort { .. } | Self::ListLacks { .. } => (
                "list_cut_short",
                "Microsoft's list of users or groups ended before all of them were listed. Published users and groups \
                 stay as they were; the next scheduled run tries again.",
            ),
            Self::NeverEnds => (
                "never_ends",
                "The run was cut off and continued for a whole day without coming to its end. Published users and \
                 groups stay as they were; the next scheduled run goes on with what has been read.",
            ),
            Self::NoDirectory => ("no_directory", "The directory does not exist any more."),
        };
        Failure { code: code.to_owned(), message: message.to_owned() }
    }
}

fn refused(refusal: &Refusal) -> String {
    let number = refusal.aadsts.map(|number| format!(" (AADSTS{number})")).unwrap_or_default();
    format!(
        "Microsoft refuses the application itself, whichever administrator authorized it{number}. {} {} Published users \
         and groups stay as they were.",
        refusal.cause.explanation(),
        refusal.cause.advice()
    )
}
