//! What differs between Microsoft's clouds.

use url::Url;

use crate::oauth::GRAPH_SCOPES;

/// Graph's hosts of the national clouds, whose scopes must be spelled with their host.
///
/// Source: Microsoft identity platform, "National clouds".
const NATIONAL_GRAPH_HOSTS: [&str; 3] =
    ["graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"];

/// The scopes of Graph as the login of its cloud wants them. The short names mean the global cloud's Graph; an unknown
/// host gets them too.
pub(super) fn graph_scopes(graph: &Url) -> impl Iterator<Item = String> + use<> {
    let national = graph.host_str().filter(|host| NATIONAL_GRAPH_HOSTS.contains(host));
    let prefix = national.map(|host| format!("https://{host}/")).unwrap_or_default();
    GRAPH_SCOPES.into_iter().map(move |scope| format!("{prefix}{scope}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_clouds_get_scopes_with_their_host() {
        for (graph, scope) in [
            ("https://graph.microsoft.com", "User.Read.All"),
            ("https://graph.microsoft.us", "https://graph.microsoft.us/User.Read.All"),
            ("https://dod-graph.microsoft.us", "https://dod-graph.microsoft.us/User.Read.All"),
            ("https://microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/User.Read.All"),
            ("http://127.0.0.1:4000/", "User.Read.All"),
        ] {
            assert_eq!(graph_scopes(&Url::parse(graph).unwrap()).next().unwrap(), scope);
        }
    }
}
