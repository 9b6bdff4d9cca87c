//! The functions' release binaries.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The functions.
pub const FUNCTIONS: [&str; 4] = ["oauth", "sync", "status", "console"];

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Builds them, as they are deployed.
pub fn build() {
    eprintln!("Building the functions …");
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(root()).args(["build", "--release", "--quiet"]);
    for function in FUNCTIONS {
        build.args(["--bin", function]);
    }
    assert!(build.status().unwrap().success(), "the functions could not be built");
}

/// A function's binary.
pub fn path(function: &str) -> PathBuf {
    root().join("target/release").join(function)
}
