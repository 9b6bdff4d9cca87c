//! What a client can find out about us: configuration, kinds of resources, and schemas.
//!
//! Sources: RFC 7643, sections 5 to 7; RFC 7644, section 4; RFC 9865, section 4.

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::request::Parts;
use serde_json::{Map, Value, json};
use shared::http::{Params, Problem, ProblemKind};

use super::attributes::{Attribute, DIRECTORY_USER, ENTERPRISE_USER, GROUP, Kind, ResourceType, Schema, USER};
use super::messages::{ListResponse, answer};
use super::query::{DEFAULT_COUNT, MAX_COUNT, PARAMETERS};
use super::resource::Base;
use crate::App;
use crate::access::Readable;

static SCHEMAS: [&Schema; 4] = [&USER, &GROUP, &ENTERPRISE_USER, &DIRECTORY_USER];

/// What is described to a bearer who may read the directory. It cannot be searched, which RFC 7644 wants to be a 403 (section 4). Nor
/// are there pages of it.
pub(super) struct Described {
    base: Base,
    params: Params,
}

impl FromRequestParts<App> for Described {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Readable(directory, _) = Readable::from_request_parts(parts, app).await?;
        let params = Params::from_request_parts(parts, app).await?;
        let [filter, ..] = params.query(PARAMETERS)?;
        match filter {
            None => Ok(Self { base: Base::of(app, &directory), params }),
            Some(_) => Err(Problem::new(ProblemKind::FilterNotAllowed, "What is described here cannot be filtered.")),
        }
    }
}

/// `GET /ServiceProviderConfig`
pub(super) async fn service_provider_config(Described { base, .. }: Described, State(app): State<App>) -> Response {
    answer(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "documentationUri": format!("{}/api/v1/docs", app.base_url),
        "patch": { "supported": false },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MAX_COUNT },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_COUNT,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Access token",
            "description": "A bearer token of scope `read`, made on the Sync page under API tokens.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": base.path("ServiceProviderConfig") },
    }))
}

/// `GET /ResourceTypes`
pub(super) async fn resource_types(Described { base, .. }: Described) -> Response {
    all(ResourceType::ALL.into_iter().map(|kind| resource_type_view(&base, kind)).collect())
}

/// `GET /ResourceTypes/{name}`
pub(super) async fn resource_type(Described { base, params }: Described) -> Result<Response, Problem> {
    let kind = ResourceType::ALL.into_iter().find(|kind| kind.name() == params.segment("name"));
    let kind = kind.ok_or_else(|| Problem::not_found("There are the resource types `User` and `Group`."))?;
    Ok(answer(resource_type_view(&base, kind)))
}

/// `GET /Schemas`
pub(super) async fn schemas(Described { base, .. }: Described) -> Response {
    all(SCHEMAS.into_iter().map(|schema| schema_view(&base, schema)).collect())
}

/// `GET /Schemas/{id}`
pub(super) async fn schema(Described { base, params }: Described) -> Result<Response, Problem> {
    let schema = SCHEMAS.into_iter().find(|schema| schema.id.eq_ignore_ascii_case(params.segment("id")));
    let schema = schema.ok_or_else(|| Problem::not_found("There is no such schema. `/Schemas` has them all."))?;
    Ok(answer(schema_view(&base, schema)))
}

fn all(resources: Vec<Value>) -> Response {
    let total = resources.len() as u64;
    answer(ListResponse::new(resources, total).at_place(1))
}

fn resource_type_view(base: &Base, kind: ResourceType) -> Value {
    let extensions: Vec<Value> =
        kind.extensions().iter().map(|schema| json!({ "schema": schema.id, "required": false })).collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": kind.name(),
        "name": kind.name(),
        "description": kind.description(),
        "endpoint": format!("/{}", kind.endpoint()),
        "schema": kind.schema().id,
        "schemaExtensions": extensions,
        "meta": { "resourceType": "ResourceType", "location": base.path(&format!("ResourceTypes/{}", kind.name())) },
    })
}

fn schema_view(base: &Base, schema: &Schema) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(attribute_view).collect::<Vec<_>>(),
        "meta": { "resourceType": "Schema", "location": base.path(&format!("Schemas/{}", schema.id)) },
    })
}

fn attribute_view(attribute: &Attribute) -> Value {
    let mut view = Map::new();
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    put("name", attribute.name.into());
    put(
        "type",
        match attribute.kind {
            Kind::Text | Kind::Address | Kind::Id => "string",
            Kind::Boolean => "boolean",
            Kind::DateTime => "dateTime",
            Kind::Reference => "reference",
            Kind::Complex => "complex",
        }
        .into(),
    );
    put("description", attribute.description.into());
    put("multiValued", attribute.multi_valued.into());
    put("required", attribute.required.into());
    put("mutability", "readOnly".into());
    put("returned", if attribute.always { "always" } else { "default" }.into());
    if attribute.kind != Kind::Complex {
        put("caseExact", attribute.case_exact.into());
        put("uniqueness", if attribute.unique { "server" } else { "none" }.into());
    }
    if !attribute.canonical.is_empty() {
        put("canonicalValues", attribute.canonical.into());
    }
    if !attribute.refers_to.is_empty() {
        put("referenceTypes", attribute.refers_to.into());
    }
    if !attribute.parts.is_empty() {
        put("subAttributes", attribute.parts.iter().map(attribute_view).collect::<Vec<_>>().into());
    }
    view.into()
}
