//! Which properties an answer carries.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{call::Collection, error::GraphError};
use crate::{
    exchange::Fields,
    model::{Moment, Object},
};

/// What users show without `$select` (Microsoft Graph, "List users").
const USER_DEFAULTS: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// What users show besides, when selected.
const USER_MORE: [&str; 26] = [
    "accountEnabled",
    "city",
    "companyName",
    "country",
    "createdDateTime",
    "creationType",
    "deletedDateTime",
    "department",
    "employeeId",
    "employeeType",
    "externalUserState",
    "identityParentId",
    "imAddresses",
    "mailNickname",
    "onPremisesDistinguishedName",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "otherMails",
    "proxyAddresses",
    "showInAddressList",
    "usageLocation",
    "userType",
];

/// Kept outside the directory store: selecting them on a collection answers 501 (Microsoft Graph, "List users").
const USER_NOT_ON_LISTS: [&str; 10] = [
    "aboutMe",
    "birthday",
    "hireDate",
    "interests",
    "mySite",
    "pastProjects",
    "preferredName",
    "responsibilities",
    "schools",
    "skills",
];

/// What groups show without `$select` (Microsoft Graph, "group resource type").
const GROUP_DEFAULTS: [&str; 17] = [
    "id",
    "createdDateTime",
    "deletedDateTime",
    "description",
    "displayName",
    "groupTypes",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "securityEnabled",
    "securityIdentifier",
    "visibility",
];

/// What groups show besides, when selected.
const GROUP_MORE: [&str; 3] = ["onPremisesLastSyncDateTime", "onPremisesSamAccountName", "classification"];

/// The properties an answer carries: those selected, or a default set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Select(Option<Vec<String>>);

impl Select {
    /// Reads `$select`. `relations` may be selected besides properties, as `members` in the groups delta.
    pub(crate) fn parse(query: &Fields, of: Collection, relations: &[&str]) -> Result<Self, GraphError> {
        let Some(text) = query.get("$select") else { return Ok(Self(None)) };
        let (defaults, more) = known(of);
        let mut names = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if of == Collection::Users && USER_NOT_ON_LISTS.contains(&name) {
                let message = format!("The property '{name}' cannot be selected on a collection.");
                return Err(GraphError::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message));
            }
            let mut all = defaults.iter().chain(more).chain(relations);
            let found = all.find(|known| known.eq_ignore_ascii_case(name));
            let name = found.ok_or_else(|| {
                let kind = of.name().trim_end_matches('s');
                GraphError::bad_request(format!(
                    "Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
                ))
            })?;
            names.push((*name).to_owned());
        }
        Ok(Self(Some(names)))
    }

    /// `$select` for a list of mixed kinds: each object shows those of the names that its kind has.
    pub(crate) fn parse_mixed(query: &Fields) -> Self {
        let names = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect();
        Self(query.get("$select").map(names))
    }

    pub(crate) fn is_default(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a relation was selected; without `$select`, none is known to be missing.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|selected| selected == name))
    }

    fn names(&self, of: Collection) -> Vec<&str> {
        match &self.0 {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => known(of).0.to_vec(),
        }
    }

    /// An object on a list: properties never set are null.
    pub(crate) fn show(&self, object: &Object, of: Collection) -> Map<String, Value> {
        let (defaults, more) = known(of);
        let names = self.names(of).into_iter().filter(|name| defaults.contains(name) || more.contains(name));
        let value = |name: &str| match name {
            "id" => json!(object.id),
            _ => object.properties.get(name).cloned().unwrap_or_default(),
        };
        names.map(|name| (name.to_owned(), value(name))).collect()
    }

    /// An object in delta: always with its id; properties never set are absent. With `since`, only those changed after it.
    pub(crate) fn show_changes(&self, object: &Object, of: Collection, since: Option<Moment>) -> Map<String, Value> {
        let fresh = |name: &str| since.is_none_or(|since| object.properties.changed(name) > since);
        let changes = self.names(of).into_iter().filter(|name| fresh(name));
        let mut shown: Map<_, _> = changes
            .filter_map(|name| object.properties.get(name).map(|value| (name.to_owned(), value.clone())))
            .collect();
        shown.insert("id".to_owned(), json!(object.id));
        shown
    }

    /// Whether the object appeared, or a tracked property of it changed, after `since`.
    pub(crate) fn has_changed(&self, object: &Object, of: Collection, since: Moment) -> bool {
        object.appeared > since
            || object.changed > since && self.names(of).iter().any(|name| object.properties.changed(name) > since)
    }
}

fn known(of: Collection) -> (&'static [&'static str], &'static [&'static str]) {
    match of {
        Collection::Users => (&USER_DEFAULTS, &USER_MORE),
        Collection::Groups => (&GROUP_DEFAULTS, &GROUP_MORE),
    }
}
