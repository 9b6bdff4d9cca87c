//! The program as any other user and any web page of this machine finds it: what it listens on, and what is in its folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A user who is nobody here.
const NOBODY: u32 = 65_534;

struct Program(Child);

impl Program {
    /// Starts it and waits until it serves.
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_local"))
            .args(["--port", "0", "--users", "20", "--groups", "10", "--schedule", "604800", "--data-dir"])
            .arg(data)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line.starts_with("Serving on ")), "it has ended");
        std::thread::spawn(move || said.for_each(drop));
        Self(child)
    }

    /// The ports of TCP that it listens on.
    fn ports(&self) -> BTreeSet<u16> {
        let process = format!("/proc/{}", self.0.id());
        let files = fs::read_dir(format!("{process}/fd")).unwrap();
        let sockets: BTreeSet<String> = files
            .filter_map(|file| Some(fs::read_link(file.ok()?.path()).ok()?.to_string_lossy().into_owned()))
            .filter_map(|file| Some(file.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect();
        let table = |name| fs::read_to_string(format!("{process}/net/{name}")).unwrap_or_default();
        let tables = table("tcp") + &table("tcp6");
        // proc_pid_net(5): the second field is the local address, the fourth the state (0A listens), the tenth the inode.
        let listening = tables.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, address, _, "0A", _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
            let port = u16::from_str_radix(address.rsplit(':').next()?, 16).ok()?;
            sockets.contains(*inode).then_some(port)
        });
        listening.collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a request as it is and returns the answer's status and all of its text.
fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let head =
        format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    (status, answer.to_ascii_lowercase())
}

/// The status that another user of this machine is answered with. Only root can ask as one.
fn ask_as_nobody(port: u16, method: &str, path: &str, target: &str, body: &str) -> Option<u16> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Amz-Target: {target}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let script = r#"exec 3<>"/dev/tcp/127.0.0.1/$1" && printf %s "$2" >&3 && cat <&3"#;
    let mut asker = Command::new("bash");
    asker.args(["-c", script, "bash", &port.to_string(), &request]).current_dir("/").uid(NOBODY).gid(NOBODY);
    let answer = asker.output().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    Some(answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap())
}

/// What a page, or another user, would like to have: records, secrets, messages, orders to the tenant.
const WISHES: [(&str, &str, &str, &str); 8] = [
    ("POST", "/", "DynamoDB_20120810.Scan", r#"{"TableName": "office365-sync"}"#),
    ("POST", "/", "DynamoDB_20120810.ListTables", "{}"),
    ("POST", "/", "secretsmanager.ListSecrets", "{}"),
    ("POST", "/", "AmazonSQS.SendMessage", r#"{"MessageBody": "{}", "QueueUrl": "http://127.0.0.1/queue"}"#),
    ("GET", "/control/registration", "", ""),
    ("POST", "/control/drift", "", r#"{"changes": 1}"#),
    ("GET", "/api/v1/directories", "", ""),
    ("POST", "/api/v1/directories", "", "{}"),
];

#[test]
fn nothing_that_listens_answers_strangers_or_web_pages() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&folder.path().join("data"));
    let ports = program.ports();
    assert_eq!(ports.len(), 2, "the program's address and the simulated tenant's: {ports:?}");
    for port in ports {
        let [here, local, foreign] = ["127.0.0.1", "localhost", "evil.example"].map(|name| format!("{name}:{port}"));
        for (method, path, target, body) in WISHES {
            let status = ask_as_nobody(port, method, path, target, body);
            assert!(status.is_none_or(|status| (300..500).contains(&status)), "{method} {path} {target}: {status:?}");
            for host in ["evil.example", "", &here, &local, &foreign] {
                for origin in [None, Some("https://evil.example")] {
                    let mut headers =
                        vec![("Host", host), ("X-Amz-Target", target), ("Content-Type", "application/json")];
                    headers.extend(origin.map(|origin| ("Origin", origin)));
                    let (status, answer) = ask(port, method, path, &headers, body);
                    let what = format!("{method} {path} {target} as {host} from {origin:?}: {answer}");
                    assert!((300..500).contains(&status), "{what}");
                    assert!(host == here || host == local || matches!(status, 400 | 421), "{what}");
                    assert!(!answer.contains("access-control-"), "{what}");
                }
            }
        }
        let (status, answer) = ask(port, "OPTIONS", "/", &[("Host", &here), ("Origin", "https://evil.example")], "");
        assert!(!answer.contains("access-control-"), "{status} {answer}");
    }
}

#[test]
fn folder_is_its_owners_alone_and_its_token_ends_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    for open in [folder.path(), &data] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let read_token = || fs::read_to_string(data.join("admin-token")).unwrap();
    // The tenant knows no such request (400); the program's address answers 200 or 401.
    let answers = |program: &Program, token: &str| -> BTreeSet<u16> {
        let bearer = format!("Bearer {token}");
        let ask = |port| {
            let host = format!("127.0.0.1:{port}");
            ask(port, "GET", "/api/v1/directories", &[("Host", &host), ("Authorization", &bearer)], "").0
        };
        program.ports().into_iter().map(ask).collect()
    };
    let program = Program::start(&data);
    let first = read_token();
    assert_eq!(answers(&program, &first), BTreeSet::from([200, 400]));
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o077, 0, "{}", path.display());
        // Only root can look with the eyes of others.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let looked = Command::new("cat").arg(&path).uid(NOBODY).gid(NOBODY).output().unwrap();
            assert!(!looked.status.success() && looked.stdout.is_empty(), "{}", path.display());
        }
    }
    drop(program);
    let program = Program::start(&data);
    let second = read_token();
    assert_ne!(first, second);
    assert_eq!(answers(&program, &first), BTreeSet::from([400, 401]));
    assert_eq!(answers(&program, &second), BTreeSet::from([200, 400]));
}
