//! Scopes: the ones this tenant knows, and how a request names them.

use std::collections::BTreeSet;

use super::Refused;

/// The scopes of `OpenID` Connect itself. They need nobody's consent but the person's own.
pub(crate) const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// The Graph scopes known here, and whether an administrator must consent to each.
const GRAPH: [(&str, bool); 13] = [
    ("User.Read", false),
    ("User.ReadBasic.All", false),
    ("User.Read.All", true),
    ("Group.ReadBasic.All", true),
    ("GroupMember.ReadBasic.All", true),
    ("GroupMember.Read.All", true),
    ("Group.Read.All", true),
    ("Directory.Read.All", true),
    ("Member.Read.Hidden", true),
    ("Device.Read.All", true),
    ("OrgContact.Read.All", true),
    ("Application.Read.All", true),
    ("Organization.Read.All", true),
];

/// Short names of scopes.
pub(crate) type Scopes = BTreeSet<String>;

/// Reads a `scope` parameter. Graph's scopes may carry the address of Graph in front.
pub(crate) fn parse(text: &str, graph: &str) -> Result<Scopes, Refused> {
    let mut scopes = Scopes::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let own_graph = word.strip_prefix(graph).and_then(|rest| rest.strip_prefix('/'));
        let name = word.strip_prefix("https://graph.microsoft.com/").or(own_graph).unwrap_or(word);
        if name == ".default" {
            scopes.extend(GRAPH.iter().map(|(name, _)| (*name).to_owned()));
            continue;
        }
        let known = OPENID
            .into_iter()
            .chain(GRAPH.iter().map(|(name, _)| *name))
            .find(|known| known.eq_ignore_ascii_case(name));
        let known =
            known.ok_or_else(|| Refused::new("invalid_scope", 70011, "The provided value for scope is not valid."))?;
        scopes.insert(known.to_owned());
    }
    if scopes.is_empty() {
        // Microsoft's own code for a missing parameter is 900144.
        return Err(Refused::new("invalid_request", 900_144, "The request must contain the parameter 'scope'."));
    }
    Ok(scopes)
}

/// Whether an administrator must consent to one of them.
pub(crate) fn need_administrator(scopes: &Scopes) -> bool {
    GRAPH.iter().any(|(name, administrator)| *administrator && scopes.contains(*name))
}

/// As a token answer names them. `offline_access` shows only as a refresh token: recorded answers leave it out, though no document says so.
pub(crate) fn granted(scopes: &Scopes) -> String {
    scopes.iter().filter(|scope| *scope != "offline_access").map(String::as_str).collect::<Vec<_>>().join(" ")
}
