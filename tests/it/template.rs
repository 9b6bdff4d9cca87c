//! The deployment template and the code agree on the variables' names.

use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("../../infra/template.yaml");
const CONFIG: &str = include_str!("../../shared/src/config.rs");

/// Names that are all capitals stand in the template only where a function's variables are set.
fn set_by_the_template() -> BTreeSet<&'static str> {
    let is_variable = |key: &&str| key.contains('_') && key.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    TEMPLATE.lines().filter_map(|line| line.trim().split_once(':')).map(|(key, _)| key).filter(is_variable).collect()
}

fn read_by_the_code() -> BTreeSet<&'static str> {
    let constants = CONFIG.lines().filter_map(|line| line.strip_prefix("pub const "));
    constants.filter_map(|line| line.split('"').nth(1)).collect()
}

#[test]
fn the_template_sets_every_variable_the_code_reads_and_no_other() {
    let mut needed = read_by_the_code();
    assert!(needed.remove("CA_FILE"), "only the local stack trusts further certificates");
    assert_eq!(set_by_the_template(), needed);
}
