//! The deployment template and the code agree on names: of variables, and of the table's keys and indexes.

use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("../../infra/template.yaml");
const CONFIG: &str = include_str!("../../shared/src/config.rs");
const TABLE: &str = include_str!("../../shared/src/dynamodb/table.rs");

/// Names that are all capitals stand in the template only where a function's variables are set.
fn set_by_the_template() -> BTreeSet<&'static str> {
    let is_variable = |key: &&str| key.contains('_') && key.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    TEMPLATE.lines().filter_map(|line| line.trim().split_once(':')).map(|(key, _)| key).filter(is_variable).collect()
}

fn read_by_the_code() -> BTreeSet<&'static str> {
    let constants = CONFIG.lines().filter_map(|line| line.strip_prefix("pub const "));
    constants.filter_map(|line| line.split('"').nth(1)).collect()
}

/// The words in `text` that follow `marker`.
fn words_after(text: &'static str, marker: &str) -> BTreeSet<&'static str> {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-');
    text.split(marker).skip(1).filter_map(|rest| rest.split(is_end).next()).collect()
}

#[test]
fn the_template_sets_every_variable_the_code_reads_and_no_other() {
    let mut needed = read_by_the_code();
    assert!(needed.remove("CA_FILE"), "only the local stack trusts further certificates");
    assert_eq!(set_by_the_template(), needed);
}

#[test]
fn the_template_declares_the_table_the_code_makes() {
    let mut attributes = words_after(TABLE, "text(\"");
    attributes.extend(words_after(TABLE, "const TTL: &str = \""));
    assert_eq!(words_after(TEMPLATE, "AttributeName: "), attributes);
}
