//! Filters: what they ask of a resource, and where the resources that may have it are found.
//!
//! Source: RFC 7644, section 3.4.2.2. The grammar is read by a library, which bounds the depth and the terms of a filter; what
//! Microsoft's clients write beyond it is brought into its form before.

mod condition;
mod dialect;
mod source;

pub(super) use condition::Condition;
pub(super) use source::{Naming, Plan, Source};

use scim_v2::filter::Filter;
use shared::http::{Problem, ProblemKind};

use super::attributes::ResourceType;

/// The longest filter that is read, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// Reads a filter, for the kinds of resources it is to be asked of.
pub(super) fn parse(text: &str) -> Result<Filter, Problem> {
    if text.len() > MAX_BYTES {
        return Err(invalid(format!("Expected at most {MAX_BYTES} bytes; there are {}.", text.len())));
    }
    dialect::standard(text).parse().map_err(|error: scim_v2::filter::ParseError| {
        // What the parser says may quote what was sent.
        invalid(error.to_string().chars().take(300).collect::<String>())
    })
}

/// What a filter asks of one kind of resource.
pub(super) fn of(filter: &Filter, kind: ResourceType) -> Result<Condition, Problem> {
    Condition::of(filter, kind).map_err(invalid)
}

fn invalid(why: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::InvalidFilter, why)
}
