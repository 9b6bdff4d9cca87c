//! What the end-to-end tests log, held against the rules of docs/logging.md: nothing secret, nobody's name or address.
//!
//! All that the stack of a [`crate::harness::World`] logs, down to `debug`, comes by here; a world that ends having logged what it should
//! not fails its test. What the Lambda binaries log is looked at by [`crate::lambda`].

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use aho_corasick::AhoCorasick;
use tenant::TenantHandle;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What marks a secret, wherever it comes from.
const MARKS: [&str; 13] = [
    "eyJ",
    "o365sync_",
    "Bearer ",
    "bearer ",
    "refresh_token=",
    "client_secret=",
    "client_assertion=",
    "code=",
    "code_verifier",
    "$deltatoken=",
    "$skiptoken=",
    "PRIVATE KEY",
    "__Host-",
];

/// The names of people, groups and addresses of all worlds of this process.
static NAMES: Mutex<Names> = Mutex::new(Names { all: BTreeSet::new(), sought: Vec::new() });
/// In how many parts names are sought before they are put together.
const PARTS: usize = 16;
/// Lines that should not be there.
static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Why a line should not be there.
pub fn fault(line: &str) -> Option<String> {
    let mark = MARKS.iter().find(|mark| line.contains(**mark)).map(|mark| (*mark).to_owned());
    let name = || lock(&NAMES).find_in(line);
    let found = mark.or_else(|| address(line)).or_else(name)?;
    Some(format!("{found:?} is in the log: {line}"))
}

/// Names, and what looks for all of them at once: there are tens of thousands by the end.
struct Names {
    all: BTreeSet<String>,
    sought: Vec<AhoCorasick>,
}

impl Names {
    fn add(&mut self, names: Vec<String>) {
        let new: Vec<String> = names.into_iter().filter(|name| self.all.insert(name.clone())).collect();
        match new.len() {
            0 => {}
            _ if self.sought.len() == PARTS => self.sought = vec![AhoCorasick::new(&self.all).unwrap()],
            _ => self.sought.push(AhoCorasick::new(new).unwrap()),
        }
    }

    fn find_in(&self, line: &str) -> Option<String> {
        self.sought.iter().find_map(|names| names.find(line)).map(|found| line[found.range()].to_owned())
    }
}

/// A mail address.
fn address(line: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-+#".contains(c);
    line.split(|c: char| !is_part(c) && c != '@')
        .find(|word| {
            word.split_once('@')
                .is_some_and(|(name, domain)| !name.is_empty() && domain.trim_matches('.').contains('.'))
        })
        .map(str::to_owned)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches what is logged while a world is there.
pub struct Watch(());

impl Watch {
    /// Watches for the names of this tenant, besides what is always watched for.
    pub fn over(tenant: &TenantHandle) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let filter = EnvFilter::new("info,shared=debug,oauth=debug,sync=debug,status=debug,console=debug");
            let subscriber = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(Scanner);
            // A test that has its own sees its lines itself.
            let _ = subscriber.try_init();
        });
        lock(&NAMES).add(names(tenant));
        Self(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let faults = std::mem::take(&mut *lock(&FAULTS));
        if !std::thread::panicking() {
            assert!(faults.is_empty(), "{faults:#?}");
        }
    }
}

/// The names that a tenant has, but for those that are words of everyday.
pub fn names(tenant: &TenantHandle) -> Vec<String> {
    let truth = tenant.truth();
    let users = truth.users.iter().flat_map(|user| [user.display_name.clone(), user.user_principal_name.clone()]);
    let groups = truth.groups.iter().map(|group| group.display_name.clone());
    let administrators =
        tenant.administrators().into_iter().flat_map(|one| [one.display_name, one.user_principal_name]);
    let all = users.chain(groups).chain(administrators).chain([tenant.registration().client_secret]);
    all.filter(|name| name.len() > 6).collect()
}

struct Scanner;

impl<'a> MakeWriter<'a> for Scanner {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

/// A line on its way.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        lock(&FAULTS).extend(fault(&String::from_utf8_lossy(&self.0)));
    }
}

#[test]
fn every_name_is_noticed_however_many_there_are() {
    let mut names = Names { all: BTreeSet::new(), sought: Vec::new() };
    for number in 0..40 {
        names.add(vec![format!("Ash Number{number:02}"), "Kim Always".to_owned()]);
        for known in 0..=number {
            let name = format!("Ash Number{known:02}");
            assert_eq!(names.find_in(&format!("{{\"who\":\"{name}\"}}")), Some(name));
        }
        assert_eq!(names.find_in("Ash Number and Kim"), None);
    }
    assert!(names.sought.len() <= PARTS);
}

#[test]
fn what_should_not_be_in_a_log_is_noticed() {
    for line in [
        r#"{"fields":{"message":"signed in","who":"kim@contoso.example"}}"#,
        r#"{"authorization":"Bearer abc"}"#,
        "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=abc",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "token o365sync_abc",
    ] {
        assert!(fault(line).is_some(), "{line}");
    }
    for line in
        [r#"{"directory.id":"7424daa8-9367-41ea-87a5-f88fc7dd3cc9","duration_ms":12}"#, "a @ b", "@handle", "x@y"]
    {
        assert_eq!(fault(line), None);
    }
}
