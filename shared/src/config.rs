//! The settings of a deployment, read once from the environment.
//!
//! Each section is one concern with its own variables, so that a function asks only for what it uses. All faults are
//! reported together, each under its variable's name.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;
use url::Url;

use crate::directory::DirectoryId;

/// The name of the DynamoDB table.
pub const TABLE_NAME: &str = "TABLE_NAME";
/// The URL of the SQS queue of run requests.
pub const QUEUE_URL: &str = "QUEUE_URL";
/// What the names of our secrets begin with.
pub const SECRET_PREFIX: &str = "SECRET_PREFIX";
/// The origin of Microsoft's login, by cloud.
pub const LOGIN_URL: &str = "LOGIN_URL";
/// The origin of Microsoft Graph, by cloud.
pub const GRAPH_URL: &str = "GRAPH_URL";
/// The application (client) id of the app registration.
pub const CLIENT_ID: &str = "CLIENT_ID";
/// The tenant in the authorize URL: `organizations`, a tenant id or a verified domain.
pub const AUTHORITY_TENANT: &str = "AUTHORITY_TENANT";
/// The tenants that may be authorized, by id, separated by commas; `*` for any.
pub const ALLOWED_TENANTS: &str = "ALLOWED_TENANTS";
/// The tenant of those who operate the deployment, by id. Its accounts with the role `Sync.Operator` see all directories.
pub const OPERATOR_TENANT: &str = "OPERATOR_TENANT";
/// Where browsers reach the functions.
pub const BASE_URL: &str = "BASE_URL";
/// The event bus that changes are announced on.
pub const EVENT_BUS_NAME: &str = "EVENT_BUS_NAME";
/// Seconds between two scheduled runs of a directory.
pub const SYNC_INTERVAL_SECONDS: &str = "SYNC_INTERVAL_SECONDS";
/// Days between two runs of a directory that read and compare everything.
pub const RECONCILIATION_DAYS: &str = "RECONCILIATION_DAYS";
/// The ARN of the SNS topic for alerts; without one they go to the log only.
pub const ALERT_TOPIC_ARN: &str = "ALERT_TOPIC_ARN";
/// By what Microsoft knows the application: `client_secret`, `certificate`, `kms_certificate` or `web_identity`.
pub const APP_CREDENTIAL: &str = "APP_CREDENTIAL";
/// The ARN of the KMS key that holds the private key of the certificate.
pub const SIGNING_KEY_ARN: &str = "SIGNING_KEY_ARN";
/// Whom the tokens are for that AWS issues us; by cloud.
pub const FEDERATION_AUDIENCE: &str = "FEDERATION_AUDIENCE";
/// The ARN of the KMS key that refresh tokens are encrypted with; without one, AWS's own.
pub const SECRETS_KEY_ARN: &str = "SECRETS_KEY_ARN";
/// The CloudWatch namespace of metrics; without one there are none.
pub const METRICS_NAMESPACE: &str = "METRICS_NAMESPACE";
/// The day on which the client secret ends, such as `2027-06-30`.
pub const CLIENT_SECRET_EXPIRES: &str = "CLIENT_SECRET_EXPIRES";
/// A file with further root certificates to trust, in PEM.
pub const CA_FILE: &str = "CA_FILE";

/// One variable that is missing or malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable.
    pub name: &'static str,
    /// What was expected.
    pub expected: String,
}

/// Everything that is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one fault.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment is not complete")?;
        for fault in &self.faults {
            write!(f, "; {}: expected {}", fault.name, fault.expected)?;
        }
        Ok(())
    }
}

/// Where the state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// [`TABLE_NAME`].
    pub table: String,
}

/// Where run requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// [`QUEUE_URL`].
    pub url: String,
}

/// Microsoft's side and our registration there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Microsoft {
    /// [`LOGIN_URL`], by default the global cloud's.
    pub login_url: Url,
    /// [`GRAPH_URL`], by default the global cloud's.
    pub graph_url: Url,
    /// [`CLIENT_ID`].
    pub client_id: String,
    /// [`AUTHORITY_TENANT`], by default `organizations`.
    pub authority_tenant: String,
    /// [`SECRET_PREFIX`].
    pub secret_prefix: String,
    /// [`APP_CREDENTIAL`], by default a client secret.
    pub app_credential: AppCredential,
    /// [`CA_FILE`].
    pub ca_file: Option<String>,
}

/// By what Microsoft knows the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppCredential {
    /// A client secret.
    ClientSecret,
    /// A certificate, stored with its private key.
    Certificate,
    /// A certificate whose private key is in AWS KMS.
    KmsCertificate {
        /// [`SIGNING_KEY_ARN`].
        key_arn: String,
    },
    /// Tokens that AWS issues to our role. Experimental.
    WebIdentity {
        /// [`FEDERATION_AUDIENCE`], by default the global cloud's.
        audience: String,
    },
}

impl Microsoft {
    /// The content of the file of further root certificates; empty without one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn extra_roots(&self) -> std::io::Result<Vec<u8>> {
        self.ca_file.as_ref().map_or_else(|| Ok(Vec::new()), std::fs::read)
    }
}

/// Who may authorize, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// [`BASE_URL`], without a trailing slash. Plain HTTP is accepted for loopback addresses only.
    pub base_url: Url,
    /// [`ALLOWED_TENANTS`]; `None` for any.
    pub allowed_tenants: Option<BTreeSet<DirectoryId>>,
    /// [`OPERATOR_TENANT`].
    pub operator_tenant: Option<DirectoryId>,
}

/// Where the Sync page is, and where the keys of its sessions are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// [`BASE_URL`].
    pub base_url: Url,
    /// [`SECRET_PREFIX`].
    pub secret_prefix: String,
}

/// When directories are synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// [`SYNC_INTERVAL_SECONDS`], by default five minutes.
    pub interval: Duration,
    /// [`RECONCILIATION_DAYS`], by default a week.
    pub reconcile_every: Duration,
}

/// Who is told of what, beyond the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// [`ALERT_TOPIC_ARN`].
    pub topic_arn: Option<String>,
    /// [`CLIENT_SECRET_EXPIRES`].
    pub client_secret_expires: Option<Date>,
}

/// Reads variables and collects what is wrong with them.
pub struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<Fault>,
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// Reads sections with `read` from `lookup`, which gives a variable's value.
///
/// # Errors
/// When any variable read is missing or malformed; all of them are named.
pub fn from_vars<T>(
    lookup: &dyn Fn(&str) -> Option<String>,
    read: impl FnOnce(&mut Environment<'_>) -> T,
) -> Result<T, ConfigError> {
    let mut environment = Environment { lookup, faults: Vec::new() };
    let value = read(&mut environment);
    if environment.faults.is_empty() { Ok(value) } else { Err(ConfigError { faults: environment.faults }) }
}

/// Reads sections from the process's environment.
///
/// # Errors
/// As [`from_vars`].
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn from_env<T>(read: impl FnOnce(&mut Environment<'_>) -> T) -> Result<T, ConfigError> {
    from_vars(&|name| std::env::var(name).ok(), read)
}

/// The trace of AWS X-Ray that the invocation at work belongs to, as the header that goes along with what it asks for; `None` where
/// nothing is traced.
///
/// Source: AWS Lambda developer guide, "Using Lambda environment variables" (`_X_AMZN_TRACE_ID`).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn trace_header() -> Option<String> {
    std::env::var("_X_AMZN_TRACE_ID").ok()
}

impl Environment<'_> {
    /// Reads where the state is.
    pub fn storage(&mut self) -> Storage {
        Storage { table: self.required(TABLE_NAME, "the name of the DynamoDB table") }
    }

    /// Reads where run requests go.
    pub fn queue(&mut self) -> Queue {
        Queue { url: self.required(QUEUE_URL, "the URL of the queue") }
    }

    /// Reads Microsoft's side.
    pub fn microsoft(&mut self) -> Microsoft {
        Microsoft {
            login_url: self.url(LOGIN_URL, "https://login.microsoftonline.com"),
            graph_url: self.url(GRAPH_URL, "https://graph.microsoft.com"),
            client_id: self.required(CLIENT_ID, "the application (client) id of the app registration"),
            authority_tenant: self.optional(AUTHORITY_TENANT).unwrap_or_else(|| "organizations".to_owned()),
            secret_prefix: self.secret_prefix(),
            app_credential: self.app_credential(),
            ca_file: self.optional(CA_FILE),
        }
    }

    fn app_credential(&mut self) -> AppCredential {
        match self.optional(APP_CREDENTIAL).as_deref() {
            None | Some("client_secret") => AppCredential::ClientSecret,
            Some("certificate") => AppCredential::Certificate,
            Some("kms_certificate") => {
                AppCredential::KmsCertificate { key_arn: self.required(SIGNING_KEY_ARN, "the ARN of a KMS key") }
            }
            Some("web_identity") => AppCredential::WebIdentity {
                // Microsoft identity platform, "Workload identity federation".
                audience: self.optional(FEDERATION_AUDIENCE).unwrap_or_else(|| "api://AzureADTokenExchange".to_owned()),
            },
            Some(_) => {
                self.fault(APP_CREDENTIAL, "client_secret, certificate, kms_certificate or web_identity");
                AppCredential::ClientSecret
            }
        }
    }

    /// Reads the KMS key of secrets that are made; `None` for AWS's own.
    pub fn secrets_key(&mut self) -> Option<String> {
        self.optional(SECRETS_KEY_ARN)
    }

    /// Reads the namespace of metrics; `None` for no metrics.
    pub fn metrics_namespace(&mut self) -> Option<String> {
        self.optional(METRICS_NAMESPACE)
    }

    /// Reads who may authorize, and from where.
    pub fn authorization(&mut self) -> Authorization {
        Authorization {
            base_url: self.url(BASE_URL, ""),
            allowed_tenants: self.tenants(),
            operator_tenant: self.operator_tenant(),
        }
    }

    /// Reads where the functions are reached.
    pub fn base_url(&mut self) -> Url {
        self.url(BASE_URL, "")
    }

    /// Reads where the Sync page is.
    pub fn site(&mut self) -> Site {
        Site { base_url: self.url(BASE_URL, ""), secret_prefix: self.secret_prefix() }
    }

    fn secret_prefix(&self) -> String {
        self.optional(SECRET_PREFIX).unwrap_or_else(|| "office365-sync".to_owned())
    }

    fn operator_tenant(&mut self) -> Option<DirectoryId> {
        let tenant = self.optional(OPERATOR_TENANT)?.parse();
        if tenant.is_err() {
            self.fault(OPERATOR_TENANT, "a tenant id (GUID), or nothing");
        }
        tenant.ok()
    }

    /// Reads when directories are synced.
    pub fn schedule(&mut self) -> Schedule {
        let seconds = self.number(SYNC_INTERVAL_SECONDS, 300, 1..=604_800, "whole seconds from 1 to 604800 (a week)");
        let days = self.number(RECONCILIATION_DAYS, 7, 1..=365, "whole days from 1 to 365");
        Schedule { interval: Duration::from_secs(seconds), reconcile_every: Duration::from_hours(24 * days) }
    }

    fn number(&mut self, name: &'static str, default: u64, range: RangeInclusive<u64>, expected: &str) -> u64 {
        match self.optional(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(number)) if range.contains(&number) => number,
            Some(_) => {
                self.fault(name, expected);
                default
            }
        }
    }

    /// Reads who is told of what.
    pub fn alerts(&mut self) -> Alerts {
        let topic_arn = self.optional(ALERT_TOPIC_ARN);
        if topic_arn.as_ref().is_some_and(|arn| !arn.starts_with("arn:")) {
            self.fault(ALERT_TOPIC_ARN, "the ARN of an SNS topic, or nothing");
        }
        let client_secret_expires = match self.optional(CLIENT_SECRET_EXPIRES).map(|text| text.parse::<Date>()) {
            None => None,
            Some(Ok(date)) => Some(date),
            Some(Err(_)) => {
                self.fault(CLIENT_SECRET_EXPIRES, "a date such as 2027-06-30, or nothing");
                None
            }
        };
        Alerts { topic_arn, client_secret_expires }
    }

    /// Reads where changes are announced; `None` for nowhere.
    pub fn event_bus(&mut self) -> Option<String> {
        let name = self.optional(EVENT_BUS_NAME)?;
        // Amazon EventBridge API reference, `PutEventsRequestEntry`: a name or an ARN of at most 1,600 characters.
        let is_name = |c: char| c.is_ascii_alphanumeric() || "/.-_:".contains(c);
        if name.len() > 1_600 || !name.chars().all(is_name) {
            self.fault(EVENT_BUS_NAME, "the name or the ARN of an event bus, or nothing");
        }
        Some(name)
    }

    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&mut self, name: &'static str, expected: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.fault(name, expected);
            String::new()
        })
    }

    fn fault(&mut self, name: &'static str, expected: &str) {
        self.faults.push(Fault { name, expected: expected.to_owned() });
    }

    fn url(&mut self, name: &'static str, default: &str) -> Url {
        let text = self.optional(name).unwrap_or_else(|| default.to_owned());
        match Url::parse(&text) {
            Ok(url) if url.scheme() == "https" || is_loopback(&url) => url,
            _ => {
                self.fault(name, "an https URL, or an http URL of a loopback address");
                Url::from_directory_path("/").unwrap_or_else(|()| unreachable!("an absolute path makes a file URL"))
            }
        }
    }

    fn tenants(&mut self) -> Option<BTreeSet<DirectoryId>> {
        let expected = "tenant ids separated by commas, or * for any tenant";
        let text = self.required(ALLOWED_TENANTS, expected);
        if text == "*" {
            return None;
        }
        let ids: Result<BTreeSet<_>, _> =
            text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::parse).collect();
        Some(ids.unwrap_or_else(|_| {
            self.fault(ALLOWED_TENANTS, expected);
            BTreeSet::new()
        }))
    }
}

/// True for plain HTTP to this machine, where nothing can listen in.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            // RFC 6761, section 6.3: names below it lead to this machine too.
            Some(url::Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(vars: &[(&str, &str)], section: impl FnOnce(&mut Environment<'_>) -> T) -> Result<T, ConfigError> {
        let vars: std::collections::HashMap<String, String> =
            vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        from_vars(&|name| vars.get(name).cloned(), section)
    }

    #[test]
    fn every_fault_is_reported_at_once_under_its_name() {
        let error = read(&[("SYNC_INTERVAL_SECONDS", "soon"), ("BASE_URL", "http://example.com")], |environment| {
            (environment.storage(), environment.schedule(), environment.authorization())
        })
        .unwrap_err();
        let names: Vec<_> = error.faults.iter().map(|fault| fault.name).collect();
        assert_eq!(names, [TABLE_NAME, SYNC_INTERVAL_SECONDS, BASE_URL, ALLOWED_TENANTS]);
    }

    #[test]
    fn without_further_settings_it_is_the_global_cloud_and_five_minutes() {
        let (microsoft, schedule) =
            read(&[("CLIENT_ID", "app")], |environment| (environment.microsoft(), environment.schedule())).unwrap();
        assert_eq!(microsoft.login_url.as_str(), "https://login.microsoftonline.com/");
        assert_eq!(microsoft.graph_url.as_str(), "https://graph.microsoft.com/");
        assert_eq!(microsoft.authority_tenant, "organizations");
        assert_eq!(schedule.interval, Duration::from_mins(5));
    }

    #[test]
    fn the_application_has_a_client_secret_unless_it_is_said_by_what_else_it_is_known() {
        let credential = |vars: &[(&str, &str)]| {
            let vars: Vec<_> = vars.iter().copied().chain([("CLIENT_ID", "app")]).collect();
            read(&vars, |environment| environment.microsoft().app_credential)
        };
        assert_eq!(credential(&[]).unwrap(), AppCredential::ClientSecret);
        assert_eq!(credential(&[(APP_CREDENTIAL, "certificate")]).unwrap(), AppCredential::Certificate);
        let web = credential(&[(APP_CREDENTIAL, "web_identity")]).unwrap();
        assert_eq!(web, AppCredential::WebIdentity { audience: "api://AzureADTokenExchange".to_owned() });
        let no_key = credential(&[(APP_CREDENTIAL, "kms_certificate")]).unwrap_err();
        assert_eq!(no_key.faults[0].name, SIGNING_KEY_ARN);
        let unknown = credential(&[(APP_CREDENTIAL, "password")]).unwrap_err();
        assert!(unknown.to_string().contains("expected client_secret, certificate"), "{unknown}");
    }

    #[test]
    fn alerts_need_no_settings_but_those_there_are_must_make_sense() {
        let none = read(&[("CLIENT_SECRET_EXPIRES", "")], |environment| environment.alerts()).unwrap();
        assert_eq!(none, Alerts { topic_arn: None, client_secret_expires: None });
        let date = read(&[("CLIENT_SECRET_EXPIRES", "2027-06-30")], |environment| environment.alerts()).unwrap();
        assert_eq!(date.client_secret_expires, Some(jiff::civil::date(2027, 6, 30)));
        let vars = [("CLIENT_SECRET_EXPIRES", "next year"), ("ALERT_TOPIC_ARN", "alerts")];
        assert_eq!(read(&vars, |environment| environment.alerts()).unwrap_err().faults.len(), 2);
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for (url, accepted) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080", true),
            ("http://[::1]:8080", true),
            ("http://api.localhost:8080", true),
            ("https://sync.example.com", true),
            ("http://sync.example.com", false),
            ("http://localhost.example.com", false),
            ("http://examplelocalhost", false),
        ] {
            let result =
                read(&[("BASE_URL", url), ("ALLOWED_TENANTS", "*")], |environment| environment.authorization());
            assert_eq!(result.is_ok(), accepted, "{url}");
        }
    }

    #[test]
    fn any_tenant_must_be_said_explicitly() {
        let base = ("BASE_URL", "https://sync.example.com");
        assert!(read(&[base], |environment| environment.authorization()).is_err());
        assert!(read(&[base, ("ALLOWED_TENANTS", "contoso")], |environment| environment.authorization()).is_err());
        let any = read(&[base, ("ALLOWED_TENANTS", "*")], |environment| environment.authorization()).unwrap();
        assert_eq!(any.allowed_tenants, None);
    }
}
