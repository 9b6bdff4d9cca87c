//! The same tenant, synced by what one would write instead: `compare/lambda.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use serde_json::{Value, json};

use crate::binaries::root;
use crate::meter::Meter;
use crate::report::{Report, thousands};
use crate::world::{Size, World};

/// How often the script is tried. It trips over connections that the server closes while it is busy with a page, and does not
/// repeat the request.
const ATTEMPTS: usize = 3;

/// A Python with the script's packages, if one can be had.
fn python() -> Option<PathBuf> {
    let venv = root().join("target/bench-venv");
    let python = venv.join("bin/python");
    let has_packages = |python: &Path| {
        Command::new(python).args(["-c", "import msgraph, boto3"]).status().is_ok_and(|status| status.success())
    };
    if !has_packages(&python) {
        eprintln!("Installing Microsoft's Graph SDK and boto3 for the comparison …");
        Command::new("python3").args(["-m", "venv"]).arg(&venv).status().ok()?;
        let requirements = root().join("tests/bench/compare/requirements.txt");
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(requirements)
            .status()
            .ok()?;
    }
    has_packages(&python).then_some(python)
}

async fn make_table(endpoint: &str) {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint);
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    aws_sdk_dynamodb::Client::from_conf(config.build())
        .create_table()
        .table_name("compare")
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(vec![attribute("pk"), attribute("sk")]))
        .set_key_schema(Some(vec![key("pk", KeyType::Hash), key("sk", KeyType::Range)]))
        .send()
        .await
        .unwrap();
}

pub async fn compare(report: &mut Report, size: Size) {
    let Some(python) = python() else {
        report.tell(
            "compare",
            "comparison with a script",
            "SKIPPED: there is no Python with Microsoft's Graph SDK and boto3",
        );
        return;
    };
    let (world, ours) = World::synced(size).await;
    let idle = world.run(shared::sync::Trigger::Schedule).await;
    make_table(&world.dynamodb).await;
    let meter = Meter::before(world.dynamodb.clone()).await;
    let token = world.access_token().await;
    let mut output = None;
    for _ in 0..ATTEMPTS {
        world.tenant.forget_requests();
        meter.take();
        let mut script = Command::new(&python);
        script
            .arg(root().join("tests/bench/compare/lambda.py"))
            .env("GRAPH_URL", world.tenant.graph_url())
            .env("DYNAMODB_URL", &meter.url)
            .env("ACCESS_TOKEN", &token)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local");
        let tried = tokio::task::spawn_blocking(move || script.output()).await.unwrap().unwrap();
        if tried.status.success() {
            output = Some(tried);
            break;
        }
        eprintln!("  the script failed: {}", String::from_utf8_lossy(&tried.stderr).lines().last().unwrap_or_default());
    }
    let Some(output) = output else {
        report.tell("compare", "comparison with a script", format!("the script failed {ATTEMPTS} times"));
        return;
    };
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (theirs, graph) = (meter.take(), world.tenant.summary());
    let name = |what: &str| {
        format!(
            "{what}, {} users and {} memberships",
            thousands(size.users as u64),
            thousands(told["memberships"].as_u64().unwrap())
        )
    };
    report.tell(
        "compare",
        name("first full sync, this project"),
        format!(
            "{} Graph requests, {} requests of DynamoDB, {} write units, {:.1} s",
            ours.graph.graph_requests,
            ours.table.total(),
            thousands(ours.table.write_units as u64),
            ours.took.as_secs_f64()
        ),
    );
    report.tell(
        "compare",
        name("the script, each time"),
        format!(
            "{} Graph requests, {} requests of DynamoDB, {} write units, {:.1} s, {:.1} s of them until all was read",
            graph.graph_requests,
            theirs.total(),
            thousands(theirs.write_units as u64),
            told["seconds"].as_f64().unwrap(),
            told["read_seconds"].as_f64().unwrap(),
        ),
    );
    report.tell(
        "compare",
        "a run without changes, this project",
        format!(
            "{} Graph requests, {} requests of DynamoDB, {} write units, {:.2} s",
            idle.graph.graph_requests,
            idle.table.total(),
            thousands(idle.table.write_units as u64),
            idle.took.as_secs_f64()
        ),
    );
    report.data.insert(
        "compare".to_owned(),
        json!({"script": told, "script_write_units": theirs.write_units, "our_write_units": ours.table.write_units}),
    );
}
