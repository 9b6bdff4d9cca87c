//! Settings as they are sent: those of a policy, any of which may be left out, and a confirmation.

use serde_json::Value;
use shared::filter::{FieldError, InvalidPolicy, Policy, SafetyLimit, whole_number};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, AnyOf, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, Schema, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// The number of deactivations that the sender means.
const CONFIRMATION: &str = "confirm_deactivations";

/// Settings that are to replace others.
pub(super) struct NewSettings {
    pub(super) policy: Policy,
    /// The number of deactivations that the sender has confirmed.
    pub(super) confirmed: Option<usize>,
}

impl NewSettings {
    /// Parses a body, and names every field that is wrong.
    pub(super) fn parse(mut body: Value) -> Result<Self, InvalidPolicy> {
        let number = |sent: &Value| {
            let number = whole_number(sent).and_then(|number| usize::try_from(number).ok());
            number.ok_or_else(|| FieldError::new(CONFIRMATION, "a whole number from 0 on", sent))
        };
        let sent = body.as_object_mut().and_then(|fields| fields.remove(CONFIRMATION));
        match (Policy::parse(&body), sent.as_ref().map(number).transpose()) {
            (Ok(policy), Ok(confirmed)) => Ok(Self { policy, confirmed }),
            (policy, confirmed) => {
                let mut faults = policy.err().map(|invalid| invalid.faults).unwrap_or_default();
                faults.extend(confirmed.err());
                Err(InvalidPolicy { faults })
            }
        }
    }
}

impl PartialSchema for NewSettings {
    fn schema() -> RefOr<Schema> {
        let mut settings = open(Policy::schema());
        settings.description = Some("Settings; one that is left out is off or empty.".to_owned());
        for list in ["group_prefixes", "allowed_groups", "ignored_groups"] {
            if let Some(RefOr::T(Schema::Array(list))) = settings.properties.get_mut(list) {
                // What is named twice is taken once.
                list.unique_items = false;
            }
        }
        let limit = open(SafetyLimit::schema());
        settings.properties.insert("safety_limit".to_owned(), limit.into());
        let confirmation = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).description(Some(
            "The number that a `409` of the type `deactivations-not-confirmed` has named. It is compared with what would \
             happen now.",
        ));
        settings.properties.insert(CONFIRMATION.to_owned(), confirmation.into());
        AllOfBuilder::new().item(settings).item(Schema::AnyOf(no_lists_without_groups())).into()
    }
}

/// The schema of what the parser asks beyond single fields: lists of groups only together with group sync.
fn no_lists_without_groups() -> AnyOf {
    let on = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true]));
    let with_groups = ObjectBuilder::new().property("sync_groups", on).required("sync_groups");
    let empty = || ArrayBuilder::new().max_items(Some(0));
    let without_lists = ObjectBuilder::new().property("allowed_groups", empty()).property("ignored_groups", empty());
    AnyOfBuilder::new().item(with_groups).item(without_lists).build()
}

impl ToSchema for NewSettings {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Policy::schemas(schemas);
    }
}

/// The schema of an object that may lack any member, and has no others.
fn open(schema: RefOr<Schema>) -> Object {
    let RefOr::T(Schema::Object(mut object)) = schema else { return Object::default() };
    object.required.clear();
    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    object
}
