//! From JSON to a policy, or to a list of everything that is wrong with it.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::name::NamePrefix;
use super::policy::Policy;
use super::safety::SafetyLimit;
use crate::directory::GroupId;

/// The most groups either list may name.
const MAX_LISTED_GROUPS: usize = 1_000;
/// The most prefixes.
const MAX_PREFIXES: usize = 100;
/// The longest prefix in characters: Microsoft's limit for a group's name.
pub(super) const MAX_PREFIX_CHARS: usize = 256;
/// The longest time between two scheduled runs: a day.
const MAX_MINUTES: u16 = 1_440;
/// The most bytes of all prefixes and ids together. They are stored in one item with the directory, and those of vanished
/// groups once more; an item has at most 400 KB (Amazon DynamoDB developer guide, "Quotas"). Two full lists of GUIDs and
/// full prefixes of Latin letters fit.
const MAX_LISTED_BYTES: usize = 160 * 1024;
/// The most faults told; the rest is counted, so that an answer stays readable.
const MAX_FAULTS: usize = 50;
/// The most characters told of a value, or of a field's name, that is not as expected.
const MAX_SHOWN_CHARS: usize = 80;

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, ToSchema)]
pub struct FieldError {
    /// The field, with the index of the element in a list: `group_prefixes[2]`.
    #[schema(example = "limit")]
    pub field: String,
    /// What was expected there.
    #[schema(example = "a whole number from 1 to 1000")]
    pub expected: String,
    /// What was found, shortened.
    #[schema(example = "0")]
    pub found: String,
}

/// Settings that are no policy, with every fault found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidPolicy {
    /// At least one fault.
    pub faults: Vec<FieldError>,
}

impl FieldError {
    /// Reports a field that is not as expected, with the beginning of what was found there.
    #[must_use]
    pub fn new(field: &str, expected: &str, found: &Value) -> Self {
        Self { field: shortened(field), expected: expected.to_owned(), found: shortened(&found.to_string()) }
    }
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are not valid")?;
        for fault in &self.faults {
            write!(f, "; {}: expected {}, found {}", fault.field, fault.expected, fault.found)?;
        }
        Ok(())
    }
}

impl Policy {
    /// Parses settings: a JSON object of the fields that `Policy` prints. A field left out is off or empty.
    ///
    /// # Errors
    /// Names every field that is unknown, malformed, empty or contradictory, and what was expected.
    pub fn parse(settings: &Value) -> Result<Self, InvalidPolicy> {
        let mut reader = Reader { fields: Map::new(), faults: Vec::new(), untold: 0 };
        match settings {
            Value::Object(fields) => reader.fields.clone_from(fields),
            other => reader.fault("settings", "a JSON object", other),
        }
        let policy = Self {
            sync_users: reader.switch("sync_users"),
            sync_groups: reader.switch("sync_groups"),
            sync_groups_without_email: reader.switch("sync_groups_without_email"),
            group_prefixes: reader.prefixes("group_prefixes"),
            allowed_groups: reader.groups("allowed_groups"),
            ignored_groups: reader.groups("ignored_groups"),
            nested_groups: reader.switch("nested_groups"),
            safety_limit: reader.safety_limit("safety_limit"),
            sync_every_minutes: reader.minutes("sync_every_minutes"),
        };
        reader.refuse_unknown_fields();
        policy.refuse_silent_opening(&mut reader);
        policy.refuse_too_much(&mut reader);
        reader.finish(policy)
    }

    /// Without group sync the lists could not be kept true, and everybody they keep out would be let in.
    fn refuse_silent_opening(&self, reader: &mut Reader) {
        if self.sync_groups || self.listed_groups().next().is_none() || reader.has_fault("sync_groups") {
            return;
        }
        reader.fault(
            "sync_groups",
            "true while allowed_groups or ignored_groups name groups: turning it off would let everybody they keep out \
             in; empty both lists first if that is meant",
            &Value::Bool(false),
        );
    }

    fn refuse_too_much(&self, reader: &mut Reader) {
        let prefixes = self.group_prefixes.iter().map(|prefix| prefix.as_str().len());
        let ids = self.allowed_groups.iter().chain(&self.ignored_groups).map(|id| id.to_string().len());
        let bytes: usize = prefixes.chain(ids).sum();
        if bytes > MAX_LISTED_BYTES {
            let expected = format!("at most {MAX_LISTED_BYTES} bytes in all lists together");
            reader.fault("settings", &expected, &Value::from(bytes));
        }
    }
}

impl TryFrom<Value> for Policy {
    type Error = InvalidPolicy;

    fn try_from(settings: Value) -> Result<Self, InvalidPolicy> {
        Self::parse(&settings)
    }
}

/// Takes the known fields out one by one; what remains is unknown.
struct Reader {
    fields: Map<String, Value>,
    faults: Vec<FieldError>,
    untold: usize,
}

impl Reader {
    fn fault(&mut self, field: &str, expected: &str, found: &Value) {
        if self.faults.len() == MAX_FAULTS {
            self.untold += 1;
            return;
        }
        self.faults.push(FieldError::new(field, expected, found));
    }

    fn finish(mut self, policy: Policy) -> Result<Policy, InvalidPolicy> {
        if self.untold > 0 {
            self.faults.push(FieldError {
                field: "settings".to_owned(),
                expected: format!("no more than {MAX_FAULTS} faults"),
                found: format!("{} more", self.untold),
            });
        }
        if self.faults.is_empty() { Ok(policy) } else { Err(InvalidPolicy { faults: self.faults }) }
    }

    fn has_fault(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }

    fn switch(&mut self, field: &str) -> bool {
        match self.fields.remove(field) {
            None => false,
            Some(Value::Bool(value)) => value,
            Some(other) => {
                self.fault(field, "true or false", &other);
                false
            }
        }
    }

    fn prefixes(&mut self, field: &str) -> BTreeSet<NamePrefix> {
        let expected = format!("text of 1 to {MAX_PREFIX_CHARS} characters that is not only white space");
        self.list(field, (MAX_PREFIXES, "prefixes"), &expected, |text| {
            if text.chars().count() > MAX_PREFIX_CHARS { None } else { NamePrefix::new(text) }
        })
    }

    fn groups(&mut self, field: &str) -> BTreeSet<GroupId> {
        let expected = "a group's object id (not its name): 1 to 128 letters, digits, '-', '_' and '.'";
        self.list(field, (MAX_LISTED_GROUPS, "ids of groups"), expected, |text| text.parse().ok())
    }

    fn safety_limit(&mut self, field: &str) -> SafetyLimit {
        let mut limit = SafetyLimit::default();
        let mut fields = match self.fields.remove(field) {
            None => return limit,
            Some(Value::Object(fields)) => fields,
            Some(other) => {
                self.fault(field, "an object of percent and at_least", &other);
                return limit;
            }
        };
        if let Some(value) = fields.remove("percent") {
            match whole_number(&value).and_then(|percent| u8::try_from(percent).ok()).filter(|percent| *percent <= 100)
            {
                Some(percent) => limit.percent = percent,
                None => self.fault(&format!("{field}.percent"), "a whole number from 0 to 100", &value),
            }
        }
        if let Some(value) = fields.remove("at_least") {
            match whole_number(&value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number >= 1) {
                Some(number) => limit.at_least = number,
                None => {
                    self.fault(&format!("{field}.at_least"), &format!("a whole number from 1 to {}", u32::MAX), &value);
                }
            }
        }
        for (name, value) in fields {
            self.fault(&format!("{field}.{name}"), "one of percent, at_least", &value);
        }
        limit
    }

    fn minutes(&mut self, field: &str) -> Option<u16> {
        let value = self.fields.remove(field).filter(|value| !value.is_null())?;
        let minutes = whole_number(&value).and_then(|minutes| u16::try_from(minutes).ok());
        let minutes = minutes.filter(|minutes| (1..=MAX_MINUTES).contains(minutes));
        if minutes.is_none() {
            let expected = format!("a whole number of minutes from 1 to {MAX_MINUTES}, or null");
            self.fault(field, &expected, &value);
        }
        minutes
    }

    fn list<T: Ord>(
        &mut self,
        field: &str,
        (max, what): (usize, &str),
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> BTreeSet<T> {
        let elements = match self.fields.remove(field) {
            None => return BTreeSet::new(),
            Some(Value::Array(elements)) if elements.len() <= max => elements,
            Some(other) => {
                let found = other.as_array().map(|elements| Value::from(elements.len()));
                self.fault(field, &format!("a list of at most {max} {what}"), &found.unwrap_or(other));
                return BTreeSet::new();
            }
        };
        let mut set = BTreeSet::new();
        for (index, element) in elements.iter().enumerate() {
            match element.as_str().and_then(&parse) {
                Some(value) => {
                    set.insert(value);
                }
                None => self.fault(&format!("{field}[{index}]"), expected, element),
            }
        }
        set
    }

    fn refuse_unknown_fields(&mut self) {
        for (field, value) in std::mem::take(&mut self.fields) {
            self.fault(
                &field,
                "one of sync_users, sync_groups, sync_groups_without_email, group_prefixes, allowed_groups, \
                 ignored_groups, nested_groups, safety_limit, sync_every_minutes",
                &value,
            );
        }
    }
}

/// Returns a whole number, however it is written: to JSON Schema `20.0` and `2e1` are integers too.
#[must_use]
pub fn whole_number(value: &Value) -> Option<u64> {
    /// Above it, not every whole number is a double.
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    let from_double = |number: f64| {
        let is_exact = number.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
        is_exact.then_some(number as u64)
    };
    value.as_u64().or_else(|| value.as_f64().and_then(from_double))
}

fn shortened(text: &str) -> String {
    if text.chars().nth(MAX_SHOWN_CHARS).is_none() {
        return text.to_owned();
    }
    text.chars().take(MAX_SHOWN_CHARS).chain(['…']).collect()
}
