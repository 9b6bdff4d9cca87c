//! What descriptions of routes have in common.

use std::marker::PhantomData;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::directory::DirectoryId;

/// The directory in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it only describes")]
pub struct DirectoryInPath {
    /// The directory, by the id of its tenant.
    directory: DirectoryId,
}

/// A `T` of which any member may be left out.
pub struct SomeOf<T>(PhantomData<T>);

impl<T: PartialSchema> PartialSchema for SomeOf<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
        }
        schema
    }
}

impl<T: ToSchema> ToSchema for SomeOf<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("SomeOf{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}
