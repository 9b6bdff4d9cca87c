//! The binary itself. Having this test also makes `cargo test` build it, which the end-to-end tests run.

use std::process::Command;

#[test]
fn without_its_settings_it_names_every_missing_variable() {
    let output = Command::new(env!("CARGO_BIN_EXE_sync")).env_clear().output().expect("the binary runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for variable in ["TABLE_NAME", "QUEUE_URL", "CLIENT_ID"] {
        assert!(said.contains(variable), "{variable} is not named: {said}");
    }
}
