//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use url::Url;

/// Runs the whole of Office 365 Sync on this machine: the functions, an embedded DynamoDB and, unless it is pointed at another one,
/// a simulated Microsoft 365 tenant to sync from.
#[derive(Debug, Clone, Parser)]
#[command(name = "local", version, max_term_width = 100)]
pub struct Args {
    /// Port to listen on, on 127.0.0.1; 0 for any free one
    #[arg(long, default_value_t = 8365)]
    pub port: u16,

    /// Where the state lives [default: office365-sync in the workspace's target folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Sync once, print the summary and exit: 0 when the run succeeded, 1 when it failed or was held
    #[arg(long)]
    pub once: bool,

    /// Print the summary as JSON on standard output; logs and progress go to standard error
    #[arg(long)]
    pub json: bool,

    /// Print the description of the API (OpenAPI 3.1) and exit
    #[arg(long, exclusive = true)]
    pub openapi: bool,

    /// Seconds between two scheduled syncs
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub schedule: u64,

    /// The simulated tenant's size.
    #[command(flatten)]
    pub sample: SampleArgs,

    /// Another tenant, if one is named.
    #[command(flatten)]
    pub tenant: TenantArgs,
}

/// The simulated tenant's size.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Simulated tenant")]
pub struct SampleArgs {
    /// Users of the simulated tenant
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    pub users: u32,

    /// Groups of the simulated tenant
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(10..=20_000))]
    pub groups: u32,

    /// Seed that all of the simulated tenant follows from
    #[arg(long, default_value_t = 365)]
    pub seed: u64,
}

/// Another tenant than the simulated one.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Another tenant (then nothing is simulated)")]
pub struct TenantArgs {
    /// Origin of the login.
    #[arg(long, value_name = "URL", help = "Origin of the login, such as https://login.microsoftonline.com", requires_all = ["graph_url", "client_id", "client_secret_file"])]
    pub login_url: Option<Url>,

    /// Origin of Graph.
    #[arg(
        long,
        value_name = "URL",
        help = "Origin of Graph, such as https://graph.microsoft.com",
        requires = "login_url"
    )]
    pub graph_url: Option<Url>,

    /// Application (client) id of the app registration
    #[arg(long, value_name = "ID", requires = "login_url")]
    pub client_id: Option<String>,

    /// File with the client secret of the app registration
    #[arg(long, value_name = "FILE", requires = "login_url")]
    pub client_secret_file: Option<PathBuf>,

    /// File with further root certificates to trust, in PEM
    #[arg(long, value_name = "FILE", requires = "login_url")]
    pub ca_file: Option<PathBuf>,

    /// Where browsers reach this program, as registered with the application [default: http://localhost:PORT]
    #[arg(long, value_name = "URL", requires = "login_url", value_parser = loopback)]
    pub base_url: Option<Url>,
}

/// Parses an address of this machine without a path: everything here is served over plain HTTP.
fn loopback(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error: url::ParseError| error.to_string())?;
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "http" && is_loopback && url.path() == "/" && url.query().is_none() {
        Ok(url)
    } else {
        Err("expected http:// with localhost or a loopback address, a port, and no path".to_owned())
    }
}

/// A tenant that is not simulated.
#[derive(Debug, Clone)]
pub struct ExternalTenant {
    /// Where its login is.
    pub login_url: Url,
    /// Where its Graph is.
    pub graph_url: Url,
    /// Our registration there.
    pub client_id: String,
    /// The file with the registration's secret.
    pub client_secret_file: PathBuf,
    /// A file with further roots.
    pub ca_file: Option<PathBuf>,
}

impl Args {
    /// The interval of the schedule.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.schedule)
    }
}

impl TenantArgs {
    /// The tenant, when one was named. The parser has seen to it that all of it was.
    #[must_use]
    pub fn external(&self) -> Option<ExternalTenant> {
        Some(ExternalTenant {
            login_url: self.login_url.clone()?,
            graph_url: self.graph_url.clone()?,
            client_id: self.client_id.clone()?,
            client_secret_file: self.client_secret_file.clone()?,
            ca_file: self.ca_file.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn base_url_is_of_this_machine() {
        for good in ["http://localhost:8365", "http://127.0.0.1:8365/", "http://[::1]:8365"] {
            assert!(loopback(good).is_ok(), "{good}");
        }
        for bad in ["https://localhost", "http://sync.example", "http://localhost:8365/oauth", "localhost:8365", ""] {
            assert!(loopback(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn another_tenant_is_named_whole_or_not_at_all() {
        let error = Args::try_parse_from(["local", "--login-url", "http://127.0.0.1:1"]).unwrap_err().to_string();
        for flag in ["--graph-url", "--client-id", "--client-secret-file"] {
            assert!(error.contains(flag), "{error}");
        }
        assert!(Args::try_parse_from(["local"]).unwrap().tenant.external().is_none());
    }
}
