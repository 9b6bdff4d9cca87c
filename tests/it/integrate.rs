//! The scripts of `docs/integrate`, run as they are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rand::Rng as _;
use tenant::{Action, GroupKind, NewGroup, NewUser, SERVICE_ACCOUNTS};
use tokio::net::TcpListener;
use tokio::process::Command;
use uuid::Uuid;

use crate::clock::pause_for_process;
use crate::harness::{World, everything, small};
use crate::tokens;

/// Set where missing programs are an error.
const REQUIRED: &str = "INTEGRATIONS";

/// A script or template.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/integrate").join(name).canonicalize().unwrap()
}

/// Whether these programs are here; says so if not, unless they are required.
#[expect(clippy::print_stderr, reason = "whoever reads the log of the tests should see it")]
fn has(programs: &[&str]) -> bool {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let folders = folders.into_iter().chain([PathBuf::from("/usr/sbin")]).collect::<Vec<_>>();
    let missing: Vec<_> =
        programs.iter().filter(|program| !folders.iter().any(|folder| folder.join(program).exists())).collect();
    assert!(
        missing.is_empty() || std::env::var_os(REQUIRED).is_none(),
        "{REQUIRED} is set, but there is no {missing:?}"
    );
    if !missing.is_empty() {
        eprintln!("SKIPPED: there is no {missing:?} (Debian: apt-get install curl jq nginx-light gettext-base)");
    }
    missing.is_empty()
}

/// What the scripts find in their environment.
async fn environment(world: &World) -> Vec<(&'static str, String)> {
    let token = tokens::reader(world).await;
    vec![
        ("SYNC_API", world.stack.base_url.as_str().trim_end_matches('/').to_owned()),
        ("SYNC_DIRECTORY", world.directory.clone()),
        ("SYNC_TOKEN", token),
    ]
}

/// Runs a script, and returns how it ended and what it printed.
async fn run(name: &str, arguments: &[&str], environment: &[(&str, String)]) -> (i32, String) {
    let mut command = Command::new("bash");
    command.arg(path(name)).args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), format!("{printed}{}", String::from_utf8(output.stderr).unwrap()))
}

/// A member of the service accounts, somebody else, and the group.
fn people(world: &World) -> (Uuid, Uuid, Uuid) {
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let members = world.members_of(group);
    let stranger = world.ordinary_users().into_iter().find(|user| !members.contains(user)).unwrap();
    (members[0], stranger, group)
}

/// A group whose members nobody may see.
async fn hidden_group(world: &World) -> Uuid {
    let new = NewGroup { hidden: true, ..NewGroup::named("Secret Circle", GroupKind::Microsoft365) };
    let group = world.apply(Action::CreateGroup(new)).unwrap();
    world.sync().await;
    group
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_told_whether_to_let_somebody_in() {
    if !has(&["curl", "jq"]) {
        return;
    }
    let world = World::synced(&small(), everything()).await;
    let environment = environment(&world).await;
    let (member, stranger, group) = people(&world);
    let [member, stranger, group] = [member, stranger, group].map(|id| id.to_string());
    let check = async |arguments: &[&str]| run("check-access.sh", arguments, &environment).await;
    assert_eq!(check(&[&member, &group]).await, (0, format!("{member} is active, and in the group\n")));
    assert_eq!(check(&[&stranger]).await, (0, format!("{stranger} is active\n")));
    assert_eq!(check(&[&stranger, &group]).await, (1, format!("{stranger} is active, and not in the group\n")));
    let name = world.user(stranger.parse().unwrap()).await["user_principal_name"].as_str().unwrap().to_uppercase();
    assert_eq!(check(&[&name]).await.0, 0, "{name}");
    // Names that a path would bend: of a guest, and one that is another's when it is decoded once more.
    for name in ["kim_x#EXT#@c.example", "o'brien@c.example", "a+b@c.example", "a/b?@c.example"] {
        let user = NewUser { user_principal_name: Some(name.to_owned()), ..NewUser::named("Kim") };
        world.apply(Action::CreateUser(user)).unwrap();
    }
    world.sync().await;
    for name in ["kim_x#EXT#@c.example", "o'brien@c.example", "a+b@c.example", "a/b?@c.example"] {
        assert_eq!(check(&[name]).await.0, 0, "{name}");
    }
    for nobody in
        ["nobody@contoso.example", "a/../../../status", "a?b#c", "é %2F", "o%27brien@c.example", "a b@c.example"]
    {
        assert_eq!(check(&[nobody]).await, (1, format!("there is no user {nobody}\n")));
    }
    let hidden = hidden_group(&world).await.to_string();
    let (code, text) = check(&[&member, &hidden]).await;
    assert_eq!(code, 2, "whether somebody is in it cannot be told: {text}");
    world.apply(Action::DisableUser { user: member.parse().unwrap() });
    world.sync().await;
    assert_eq!(
        check(&[&member, &group]).await,
        (1, format!("{member} is inactive (disabled_in_office_365), and in the group\n"))
    );

    let with = |name: &'static str, value: &str| {
        let mut changed = environment.clone();
        changed.retain(|(other, _)| *other != name);
        changed.push((name, value.to_owned()));
        changed
    };
    let elsewhere = with("SYNC_DIRECTORY", "00000000-0000-0000-0000-000000000000");
    for broken in [with("SYNC_TOKEN", "expired"), with("SYNC_API", "http://127.0.0.1:1"), elsewhere] {
        let (code, text) = run("check-access.sh", &[&stranger], &broken).await;
        assert_eq!(code, 2, "what cannot be told is no yes: {text}");
        assert!(!text.contains("o365sync_"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_for_ssh_are_there_as_long_as_their_owner_may_come_in() {
    if !has(&["curl", "jq"]) {
        return;
    }
    let world = World::synced(&small(), everything()).await;
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let name = Some("kim@contoso.example".to_owned());
    let kim = NewUser { user_principal_name: name, ..NewUser::named("Kim") };
    let kim = world.tenant.apply(Action::CreateUser(kim)).unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    let mut lines: Vec<String> =
        environment(&world).await.into_iter().map(|(name, value)| format!("{name}='{value}'")).collect();
    let keys = folder.path().display();
    lines.extend([format!("SSH_GROUP={group}"), "SSH_DOMAIN=contoso.example".to_owned(), format!("SSH_KEYS='{keys}'")]);
    std::fs::write(&file, lines.join("\n")).unwrap();
    std::fs::write(folder.path().join("kim"), "ssh-ed25519 AAAA kim\n").unwrap();
    let environment = [("OFFICE365_SYNC_ENV", file.display().to_string())];
    let keys = async |login: &str| run("authorized-keys.sh", &[login], &environment).await;

    world.sync().await;
    assert_eq!(keys("kim").await, (0, String::new()), "not in the group yet");
    world.apply(Action::AddMember { group, member: kim });
    world.sync().await;
    assert_eq!(keys("kim").await, (0, "ssh-ed25519 AAAA kim\n".to_owned()));
    for other in ["lee", "../env", "env;id", "Kim", ""] {
        assert!(!keys(other).await.1.contains("ssh-") && !keys(other).await.1.contains("SYNC_"), "{other}");
    }
    world.apply(Action::DisableUser { user: kim });
    world.sync().await;
    assert_eq!(keys("kim").await, (0, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_who_is_active_follows_the_changes() {
    if !has(&["curl", "jq", "awk"]) {
        return;
    }
    let world = World::synced(&small(), everything()).await;
    let environment = environment(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let follow = async || {
        let (code, text) = run("follow-changes.sh", &[folder.path().to_str().unwrap()], &environment).await;
        assert_eq!(code, 0, "{text}");
        let copy = std::fs::read_to_string(folder.path().join("active.txt")).unwrap();
        let copy: Vec<Uuid> = copy.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(copy, world.active().await.into_iter().collect::<Vec<_>>());
    };
    follow().await;
    let users = world.ordinary_users();
    world.apply(Action::DisableUser { user: users[0] });
    world.apply(Action::Delete { id: users[1] });
    world.apply(Action::CreateUser(NewUser::named("New Colleague")));
    world.sync().await;
    follow().await;
    world.apply(Action::EnableUser { user: users[0] });
    world.sync().await;
    follow().await;
    follow().await;
    // Published anew, the old cursor is worth nothing.
    let mut hidden = everything();
    hidden["sync_users"] = false.into();
    world.set(hidden).await;
    world.set(everything()).await;
    follow().await;
    // A damaged cursor leads nowhere, and must not skip changes.
    let cursor = std::fs::read_to_string(folder.path().join("cursor")).unwrap();
    std::fs::write(folder.path().join("cursor"), format!("AAA{}", &cursor[3..])).unwrap();
    world.apply(Action::DisableUser { user: users[0] });
    world.sync().await;
    follow().await;
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "the list and the cursor, and nothing else");
}

/// A port that nobody listens on, below those that connections are made from: nginx binds it a moment later.
async fn free_port() -> u16 {
    loop {
        let port = rand::rng().random_range(20_000..30_000);
        if TcpListener::bind(("127.0.0.1", port)).await.is_ok() {
            return port;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_out_whoever_may_not_come_in() {
    if !has(&["nginx", "envsubst"]) {
        return;
    }
    let world = World::synced(&small(), everything()).await;
    let (member, stranger, group) = people(&world);
    let application = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", application.local_addr().unwrap());
    let router = axum::Router::new().fallback(async || "the application");
    tokio::spawn(async move { axum::serve(application, router).await });
    let port = free_port().await;
    let mut environment = environment(&world).await;
    environment.extend([("GROUP", group.to_string()), ("APPLICATION", address), ("PORT", port.to_string())]);

    let names: Vec<String> = environment.iter().map(|(name, _)| format!("${{{name}}}")).collect();
    let template = std::fs::File::open(path("nginx.conf.template")).unwrap();
    let filled = Command::new("envsubst")
        .arg(names.join(" "))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(template)
        .output()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    let site = String::from_utf8(filled.stdout).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind}; "))
        .concat();
    let config = format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log; events {{}} http {{ access_log off; {temporary} {site} }}"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(folder.path()).arg("-c").arg(&file).env("PATH", "/usr/sbin:/usr/bin:/bin");
    let mut nginx = nginx.stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();

    let client = shared::http::client(b"").unwrap();
    let ask = async |user: Option<String>| {
        for _ in 0..1_000 {
            let mut request = client.get(format!("http://127.0.0.1:{port}/page"));
            if let Some(user) = &user {
                request = request.header("x-user", user);
            }
            if let Ok(answer) = request.send().await {
                return (answer.status().as_u16(), answer.text().await.unwrap());
            }
            pause_for_process().await;
        }
        let log = std::fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        panic!("nginx does not answer: {log}");
    };
    assert_eq!(ask(Some(member.to_string())).await, (200, "the application".to_owned()));
    // Every character that Microsoft allows in a sign-in name, and what mail addresses have beyond.
    let names = [
        "kim_x#EXT#@c.example",
        "kim+o'x@c.example",
        "o'brien-!~_.9@c.example",
        "a^b#c@c.example",
        "r&d+a&b+c@c.example",
        "#^+&@c.example",
        "AZaz09@sub-1.c.example",
    ];
    for name in names {
        let user = NewUser { user_principal_name: Some(name.to_owned()), ..NewUser::named("Kim") };
        let member = world.apply(Action::CreateUser(user)).unwrap();
        world.apply(Action::AddMember { group, member });
    }
    world.sync().await;
    for name in names {
        assert_eq!(ask(Some(name.to_owned())).await.0, 200, "{name}");
        assert_eq!(ask(Some(name.replacen(['#', '^', '+', '&', '!', '\'', '9'], "x", 1))).await.0, 403, "{name}");
    }
    // More to encode than the template encodes keeps out; it does not end the name early.
    for name in
        ["#####@c.example", "kim_x#EXT#@c.example&user=nobody", "kim_x#EXT#@c.example&group=", "\u{fc}@c.example"]
    {
        assert_eq!(ask(Some(name.to_owned())).await.0, 403, "{name}");
    }
    for kept_out in [Some(stranger.to_string()), Some("nobody@contoso.example".to_owned()), None] {
        assert_eq!(ask(kept_out.clone()).await.0, 403, "{kept_out:?}");
    }
    let tricks =
        [format!("{member}/access?x=#"), format!("../users/{member}"), format!("{member}%00"), "a b".to_owned()];
    for trick in tricks {
        assert_eq!(ask(Some(trick.clone())).await.0, 403, "{trick}");
    }
    world.apply(Action::DisableUser { user: member });
    world.sync().await;
    assert_eq!(ask(Some(member.to_string())).await.0, 403);
    nginx.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_groups_are_pulled_by_scim_as_a_whole_or_not_at_all() {
    if !has(&["curl", "jq"]) {
        return;
    }
    let world = World::synced(&small(), everything()).await;
    let environment = environment(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let (users, groups) = (world.list("users").await, world.list("groups").await);
    let active = users.iter().filter(|user| user["status"] == "active").count();
    let said = format!("{} users, {active} active; {} groups\n", users.len(), groups.len());
    assert_eq!(run("pull-scim.sh", &[place], &environment).await, (0, said));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let before = (read("users.ndjson"), read("groups.ndjson"));
    let pulled: Vec<serde_json::Value> = before.1.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let members = pulled.iter().find(|one| one["id"] == group.to_string()).unwrap()["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), world.members_of(group).len());

    let mut broken = environment.clone();
    broken.retain(|(name, _)| *name != "SYNC_TOKEN");
    broken.push(("SYNC_TOKEN", "expired".to_owned()));
    let (code, text) = run("pull-scim.sh", &[place], &broken).await;
    assert_eq!((code, text.as_str()), (2, "The access token is not known, or it has expired.\n"));
    assert_eq!((read("users.ndjson"), read("groups.ndjson")), before);

    let mut away = environment.clone();
    away.retain(|(name, _)| *name != "SYNC_API");
    away.push(("SYNC_API", "http://127.0.0.1:1".to_owned()));
    for script in ["pull-scim.sh", "follow-changes.sh"] {
        let (code, text) = run(script, &[place], &away).await;
        assert_eq!(code, 2, "{script}: {text}");
    }
    assert_eq!((read("users.ndjson"), read("groups.ndjson")), before);

    let hidden = hidden_group(&world).await;
    let (code, text) = run("pull-scim.sh", &[place], &environment).await;
    assert_eq!(code, 2, "an unknown list is no empty one: {text}");
    assert!(text.contains(&format!("The members of group {hidden} are unknown")), "{text}");
    assert_eq!((read("users.ndjson"), read("groups.ndjson")), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
}
