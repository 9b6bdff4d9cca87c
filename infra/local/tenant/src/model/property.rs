//! Properties of a user or group, each with the time of its last change, so that delta can tell three states apart:
//! never set, set to null, and set.

use std::collections::BTreeMap;

use serde_json::Value;

/// A point in the tenant's history. Every change moves it on by one.
pub(crate) type Moment = u64;

#[derive(Debug, Clone, Default)]
pub(crate) struct Properties(BTreeMap<String, Property>);

#[derive(Debug, Clone)]
struct Property {
    value: Value,
    changed: Moment,
}

impl Properties {
    /// Sets a property and says whether that changed anything. Taking away what was never there does not.
    pub(crate) fn set(&mut self, name: &str, value: Value, at: Moment) -> bool {
        match self.0.get_mut(name) {
            Some(property) if property.value == value => false,
            Some(property) => {
                *property = Property { value, changed: at };
                true
            }
            None if value.is_null() => false,
            None => {
                self.0.insert(name.to_owned(), Property { value, changed: at });
                true
            }
        }
    }

    /// The value; `None` for a property that was never set.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|property| &property.value)
    }

    /// When a property last changed; 0 for one that was never set.
    pub(crate) fn changed(&self, name: &str) -> Moment {
        self.0.get(name).map_or(0, |property| property.changed)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Marks all properties as changed, as when an object comes back from deletion.
    pub(crate) fn touch(&mut self, at: Moment) {
        self.0.values_mut().for_each(|property| property.changed = at);
    }
}
