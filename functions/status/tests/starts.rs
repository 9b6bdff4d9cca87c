//! The binary itself. Having this test also makes `cargo test` build it, which the end-to-end tests run.

use std::process::Command;

#[test]
fn without_its_settings_it_names_the_missing_variable() {
    let output = Command::new(env!("CARGO_BIN_EXE_status")).env_clear().output().expect("the binary runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("TABLE_NAME"), "{said}");
}
