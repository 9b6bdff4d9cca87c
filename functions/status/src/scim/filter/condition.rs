//! A filter with its attributes looked up, and what it says of a resource.

use std::cmp::Ordering;

use jiff::Timestamp;
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};
use serde_json::Value;
use shared::directory::{Folded, ObjectId};

use crate::scim::attributes::{Attribute, Kind, Path, ResourceType};

/// What is asked of a resource, or of a value of a complex attribute.
#[derive(Debug, Clone)]
pub(in crate::scim) enum Condition {
    /// One of the attribute's values passes the test.
    Holds(Path, Test),
    /// One of the values of a complex attribute meets the condition.
    OfOne(Path, Box<Self>),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scim) enum Test {
    Present,
    Is(bool),
    Equals(String),
    Differs(String),
    BeginsWith(String),
    EndsWith(String),
    Contains(String),
    Comes(Order, Compared),
}

/// How two values follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scim) enum Order {
    Before,
    BeforeOrAt,
    After,
    AfterOrAt,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scim) enum Compared {
    Text(String),
    Time(Timestamp),
}

impl Condition {
    /// Looks the attributes of a filter up.
    pub(in crate::scim) fn of(filter: &Filter, kind: ResourceType) -> Result<Self, String> {
        let all = |filters: &[Filter]| filters.iter().map(|filter| Self::of(filter, kind)).collect::<Result<_, _>>();
        match filter {
            Filter::Attr(expression) => single(expression, |path| find(path, kind)),
            Filter::ValuePath(values) => {
                let path = find(&values.attr, kind)?;
                if path.part.is_some() || path.attribute.kind != Kind::Complex {
                    return Err(format!("`{}` has no parts to be asked about in brackets.", path.name()));
                }
                Ok(Self::OfOne(path, Box::new(Self::of_value(&values.filter, &path)?)))
            }
            Filter::Not(inner) => Ok(Self::Not(Box::new(Self::of(inner, kind)?))),
            Filter::And(filters) => all(filters).map(Self::All),
            Filter::Or(filters) => all(filters).map(Self::Any),
        }
    }

    fn of_value(filter: &ValFilter, of: &Path) -> Result<Self, String> {
        let all =
            |filters: &[ValFilter]| filters.iter().map(|filter| Self::of_value(filter, of)).collect::<Result<_, _>>();
        match filter {
            ValFilter::Attr(expression) => single(expression, |path| {
                let is_plain = path.uri.is_none() && path.sub_attr.is_none();
                of.within(&path.name)
                    .filter(|_| is_plain)
                    .ok_or_else(|| format!("`{}` has no part `{path}`.", of.name()))
            }),
            ValFilter::Not(inner) => Ok(Self::Not(Box::new(Self::of_value(inner, of)?))),
            ValFilter::And(filters) => all(filters).map(Self::All),
            ValFilter::Or(filters) => all(filters).map(Self::Any),
        }
    }

    /// Whether a resource, or a value, is as asked.
    pub(in crate::scim) fn holds(&self, of: &Value) -> bool {
        match self {
            Self::Holds(path, test) => path.values(of).into_iter().any(|value| test.passes(value, path.last())),
            Self::OfOne(path, condition) => path.values(of).into_iter().any(|value| condition.holds(value)),
            Self::Not(condition) => !condition.holds(of),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(of)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(of)),
        }
    }

    /// Whether an attribute of the resource has to be known.
    pub(in crate::scim) fn asks_for(&self, attribute: &str) -> bool {
        match self {
            Self::Holds(path, _) | Self::OfOne(path, _) => path.attribute.name == attribute,
            Self::Not(condition) => condition.asks_for(attribute),
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().any(|condition| condition.asks_for(attribute))
            }
        }
    }
}

fn find(path: &AttrPath, kind: ResourceType) -> Result<Path, String> {
    Path::find(kind, path.uri.as_deref(), &path.name, path.sub_attr.as_deref())
        .ok_or_else(|| format!("A {} has no attribute `{path}`. `/Schemas` has them all.", kind.name()))
}

fn single(expression: &AttrExp, find: impl Fn(&AttrPath) -> Result<Path, String>) -> Result<Condition, String> {
    match expression {
        AttrExp::Present(path) => Ok(Condition::Holds(find(path)?, Test::Present)),
        AttrExp::Comparison(path, operator, value) => {
            let path = find(path)?.to_value();
            match (operator, value) {
                (CompareOp::Eq, CompValue::Null) => Ok(Condition::Not(Box::new(Condition::Holds(path, Test::Present)))),
                (CompareOp::Ne, CompValue::Null) => Ok(Condition::Holds(path, Test::Present)),
                _ => test(&path, operator, value).map(|test| Condition::Holds(path, test)),
            }
        }
    }
}

/// The truth value that a filter compares with. Microsoft's clients write it as text: `active eq "True"`.
fn truth(value: &CompValue) -> Option<bool> {
    match value {
        CompValue::True => Some(true),
        CompValue::False => Some(false),
        CompValue::Str(text) if text.eq_ignore_ascii_case("true") => Some(true),
        CompValue::Str(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// An id as resources have it: a GUID in lower case. Anything else may only be the id that is written so.
fn printed_id(text: &str) -> String {
    text.parse::<ObjectId>().map_or_else(|_| text.to_owned(), |id| id.to_string())
}

/// What a comparison asks of the values of an attribute.
fn test(path: &Path, operator: &CompareOp, value: &CompValue) -> Result<Test, String> {
    let kind = path.last().kind;
    match (kind, value) {
        (Kind::Boolean, value) if let Some(is_true) = truth(value) => match operator {
            CompareOp::Eq => Ok(Test::Is(is_true)),
            CompareOp::Ne => Ok(Test::Is(!is_true)),
            _ => Err(format!("`{}` is true or false: expected `eq` or `ne`, found `{operator}`.", path.name())),
        },
        (Kind::DateTime, CompValue::Str(text)) => {
            let time: Timestamp = text
                .parse()
                .map_err(|_| format!("`{}` is a time: expected one such as \"2026-01-31T12:00:00Z\".", path.name()))?;
            let order = order(operator).ok_or_else(|| {
                format!("`{}` is a time: expected `gt`, `ge`, `lt` or `le`, found `{operator}`.", path.name())
            })?;
            Ok(Test::Comes(order, Compared::Time(time)))
        }
        (Kind::Text | Kind::Address | Kind::Id | Kind::Reference, CompValue::Str(text)) => {
            let text = match kind {
                Kind::Id => printed_id(text),
                Kind::Address if matches!(operator, CompareOp::Eq | CompareOp::Ne) => text.trim().to_owned(),
                _ => text.clone(),
            };
            Ok(match operator {
                CompareOp::Eq => Test::Equals(text),
                CompareOp::Ne => Test::Differs(text),
                CompareOp::Co => Test::Contains(text),
                CompareOp::Sw => Test::BeginsWith(text),
                CompareOp::Ew => Test::EndsWith(text),
                CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le => {
                    let order = order(operator).unwrap_or(Order::After);
                    Test::Comes(order, Compared::Text(text))
                }
            })
        }
        (Kind::Complex, _) => Err(format!("`{}` has parts: name the one that is meant.", path.name())),
        _ => Err(format!("`{}` cannot be compared with {value}.", path.name())),
    }
}

fn order(operator: &CompareOp) -> Option<Order> {
    match operator {
        CompareOp::Gt => Some(Order::After),
        CompareOp::Ge => Some(Order::AfterOrAt),
        CompareOp::Lt => Some(Order::Before),
        CompareOp::Le => Some(Order::BeforeOrAt),
        CompareOp::Eq | CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => None,
    }
}

impl Test {
    fn passes(&self, value: &Value, attribute: &Attribute) -> bool {
        let case_exact = attribute.case_exact;
        let compare = |wanted: &str, exactly: fn(&str, &str) -> bool, folded: fn(&Folded, &Folded) -> bool| {
            value.as_str().is_some_and(|text| {
                let text = if attribute.kind == Kind::Address { text.trim() } else { text };
                if case_exact { exactly(text, wanted) } else { folded(&Folded::of(text), &Folded::of(wanted)) }
            })
        };
        match self {
            Self::Present => match value {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(values) => !values.is_empty(),
                Value::Object(members) => !members.is_empty(),
                Value::Bool(_) | Value::Number(_) => true,
            },
            Self::Is(wanted) => value.as_bool() == Some(*wanted),
            Self::Equals(wanted) => compare(wanted, |text, wanted| text == wanted, |text, wanted| text == wanted),
            Self::Differs(wanted) => compare(wanted, |text, wanted| text != wanted, |text, wanted| text != wanted),
            Self::BeginsWith(wanted) => compare(wanted, |text, wanted| text.starts_with(wanted), Folded::begins_with),
            Self::EndsWith(wanted) => compare(wanted, |text, wanted| text.ends_with(wanted), Folded::ends_with),
            Self::Contains(wanted) => compare(wanted, |text, wanted| text.contains(wanted), Folded::contains),
            Self::Comes(order, with) => {
                let ordering = match with {
                    Compared::Text(wanted) if case_exact => value.as_str().map(|text| text.cmp(wanted)),
                    Compared::Text(wanted) => value.as_str().map(|text| Folded::of(text).cmp(&Folded::of(wanted))),
                    Compared::Time(wanted) => {
                        value.as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(|time| time.cmp(wanted))
                    }
                };
                ordering.is_some_and(|ordering| match order {
                    Order::Before => ordering == Ordering::Less,
                    Order::BeforeOrAt => ordering != Ordering::Greater,
                    Order::After => ordering == Ordering::Greater,
                    Order::AfterOrAt => ordering != Ordering::Less,
                })
            }
        }
    }
}
