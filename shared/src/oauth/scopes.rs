//! The permissions an authorization asks for.

/// Delegated permissions of Microsoft Graph without which there is nothing to sync: read users, and read groups with
/// their members.
///
/// Source: Microsoft Graph permissions reference.
pub const GRAPH_SCOPES: [&str; 2] = ["User.Read.All", "GroupMember.Read.All"];

/// The permission that, together with a directory role such as User Administrator, shows the members of groups that hide
/// them. It is optional, and in tokens when an administrator has consented to it.
pub const HIDDEN_MEMBERS_SCOPE: &str = "Member.Read.Hidden";

/// Who signed in, and a refresh token.
pub const OPENID_SCOPES: [&str; 3] = ["openid", "profile", "offline_access"];

/// The permissions of Microsoft Graph that are needed and not among those granted. A granted scope may carry its
/// resource (`https://graph.microsoft.com/User.Read.All`) and any case.
#[must_use]
pub fn missing_scopes(granted: &[String]) -> Vec<&'static str> {
    GRAPH_SCOPES.into_iter().filter(|needed| !has_scope(granted, needed)).collect()
}

/// True when this permission is among those granted.
#[must_use]
pub fn has_scope(granted: &[String], scope: &str) -> bool {
    granted.iter().any(|granted| granted.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(scope)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(granted: &str) -> Vec<&'static str> {
        missing_scopes(&granted.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_resource_and_the_case_do_not_matter() {
        assert!(missing("openid https://graph.microsoft.us/user.read.all GROUPMEMBER.READ.ALL").is_empty());
    }

    #[test]
    fn what_is_not_granted_is_named() {
        assert_eq!(missing("openid profile User.Read GroupMember.Read.All"), ["User.Read.All"]);
        assert_eq!(missing(""), GRAPH_SCOPES);
        assert_eq!(missing("User.Read.AllX XUser.Read.All GroupMember.Read.All"), ["User.Read.All"]);
    }
}
