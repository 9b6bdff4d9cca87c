//! Which attributes of a resource are answered.
//!
//! Source: RFC 7644, section 3.9; RFC 7643, section 7 (`returned`).

use serde_json::{Map, Value};
use shared::http::Problem;

use super::attributes::{Path, ResourceType};

/// The most attributes that are named at once.
const MAX_NAMES: usize = 100;

/// A choice of attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Projection {
    /// All there are.
    All,
    /// Only these, by their names.
    Only(Vec<String>),
    /// All but these.
    AllBut(Vec<String>),
}

/// A name, looked up: an extension as a whole, or an attribute or a part of one.
enum Named {
    Extension(&'static str),
    Path(Path),
}

impl Projection {
    /// Reads the parameters `attributes` and `excludedAttributes`.
    pub(super) fn parse(only: Option<Vec<String>>, all_but: Option<Vec<String>>) -> Result<Self, Problem> {
        let checked = |parameter: &str, names: Vec<String>| {
            let names: Vec<String> =
                names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
            if names.len() > MAX_NAMES {
                return Err(Problem::invalid_parameter(parameter, format!("at most {MAX_NAMES} names"), "more"));
            }
            let is_known = |name: &&String| ResourceType::ALL.iter().any(|kind| find(*kind, name).is_some());
            match names.iter().find(|name| !is_known(name)) {
                None => Ok(names),
                Some(unknown) => {
                    let shown: String = unknown.chars().take(80).collect();
                    Err(Problem::invalid_parameter(parameter, "names of attributes, as `/Schemas` has them", &shown))
                }
            }
        };
        match (only, all_but) {
            (None, None) => Ok(Self::All),
            (Some(only), None) => Ok(Self::Only(checked("attributes", only)?)),
            (None, Some(all_but)) => Ok(Self::AllBut(checked("excludedAttributes", all_but)?)),
            (Some(_), Some(_)) => {
                Err(Problem::invalid_parameter("excludedAttributes", "not together with attributes", "both"))
            }
        }
    }

    /// Whether any of an attribute is answered: what only that needs does not have to be read otherwise.
    pub(super) fn wants(&self, kind: ResourceType, attribute: &str) -> bool {
        let names_it = |name: &String, parts: bool| match find(kind, name) {
            Some(Named::Path(path)) => path.attribute.name == attribute && (parts || path.part.is_none()),
            Some(Named::Extension(_)) | None => false,
        };
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| names_it(name, true)),
            Self::AllBut(names) => !names.iter().any(|name| names_it(name, false)),
        }
    }

    /// The resource as it is answered.
    pub(super) fn apply(&self, kind: ResourceType, resource: Value) -> Value {
        let Value::Object(members) = resource else { return resource };
        let named = |names: &[String]| names.iter().filter_map(|name| find(kind, name)).collect::<Vec<_>>();
        match self {
            Self::All => members.into(),
            Self::Only(names) => {
                let always = ["schemas", "id"].into_iter().filter_map(|name| find(kind, name));
                pick(&members, &named(names).into_iter().chain(always).collect::<Vec<_>>()).into()
            }
            Self::AllBut(names) => without(members, &named(names)).into(),
        }
    }
}

fn find(kind: ResourceType, name: &str) -> Option<Named> {
    if let Some(extension) = kind.extensions().iter().find(|extension| extension.id.eq_ignore_ascii_case(name)) {
        return Some(Named::Extension(extension.id));
    }
    // An attribute's name has no colon, and the URN before it has dots of its own.
    let (schema, name) = name.rsplit_once(':').map_or((None, name), |(schema, name)| (Some(schema), name));
    let (name, part) = name.split_once('.').map_or((name, None), |(name, part)| (name, Some(part)));
    Path::find(kind, schema, name, part).map(Named::Path)
}

/// Only these members.
fn pick(members: &Map<String, Value>, named: &[Named]) -> Map<String, Value> {
    let mut picked = Map::new();
    for one in named {
        match one {
            Named::Extension(id) => {
                if let Some(extension) = members.get(*id) {
                    picked.insert((*id).to_owned(), extension.clone());
                }
            }
            Named::Path(path) => {
                let (from, into) = match path.extension {
                    None => (Some(members), &mut picked),
                    Some(id) => {
                        let Some(Value::Object(from)) = members.get(id) else { continue };
                        let into = picked.entry(id).or_insert_with(|| Map::new().into());
                        let Value::Object(into) = into else { continue };
                        (Some(from), into)
                    }
                };
                if let Some(value) = from.and_then(|from| from.get(path.attribute.name)) {
                    let known = into.remove(path.attribute.name);
                    let part = path.part.map(|part| part.name);
                    into.insert(path.attribute.name.to_owned(), with_part(known, value, part));
                }
            }
        }
    }
    picked
}

/// A value with one part more of it, or the whole.
fn with_part(known: Option<Value>, whole: &Value, part: Option<&str>) -> Value {
    let Some(part) = part else { return whole.clone() };
    match (known, whole) {
        (Some(Value::Array(known)), Value::Array(whole)) if known.len() == whole.len() => {
            known.into_iter().zip(whole).map(|(known, whole)| with_part(Some(known), whole, Some(part))).collect()
        }
        (_, Value::Array(whole)) => whole.iter().map(|whole| with_part(None, whole, Some(part))).collect(),
        (known, Value::Object(whole)) => {
            let mut known = if let Some(Value::Object(known)) = known { known } else { Map::new() };
            known.extend(whole.get(part).map(|value| (part.to_owned(), value.clone())));
            known.into()
        }
        (_, other) => other.clone(),
    }
}

/// All members but these.
fn without(mut members: Map<String, Value>, named: &[Named]) -> Map<String, Value> {
    for one in named {
        match one {
            Named::Extension(id) => drop(members.remove(*id)),
            Named::Path(path) if path.attribute.always => {}
            Named::Path(path) => {
                let owner = match path.extension {
                    None => Some(&mut members),
                    Some(id) => members.get_mut(id).and_then(Value::as_object_mut),
                };
                let Some(owner) = owner else { continue };
                match path.part {
                    None => drop(owner.remove(path.attribute.name)),
                    Some(part) => {
                        owner.get_mut(path.attribute.name).into_iter().for_each(|value| remove(value, part.name));
                    }
                }
            }
        }
    }
    members
}

fn remove(value: &mut Value, part: &str) {
    match value {
        Value::Object(members) => drop(members.remove(part)),
        Value::Array(values) => values.iter_mut().for_each(|value| remove(value, part)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
