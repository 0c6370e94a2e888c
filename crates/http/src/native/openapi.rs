//! The API's OpenAPI document, made of the same routes that are answered.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Components, ObjectBuilder, Schema, Type};
use utoipa::openapi::{
    ContentBuilder, Info, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::route::{Route, Shape};
use super::routes;

/// What a request that is refused, or that failed, is answered.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
#[allow(dead_code, reason = "its shape is what counts")]
struct Refused {
    /// What was attempted and found.
    message: String,
    /// `not_found`, `conflict`, …: for programs.
    code: String,
    /// What to do about it.
    hint: Option<String>,
    /// Of the body or the query, where one is wrong.
    field: Option<String>,
    /// Labelled facts.
    details: Option<BTreeMap<String, String>>,
}

/// The document: OpenAPI 3.1.
pub fn document() -> OpenApi {
    let mut components = Components::new();
    keep(&mut components, &[(Refused::name().into_owned(), Refused::schema())]);
    let mut paths = Paths::new();
    for route in routes() {
        for shape in [route.taken(), route.answered()].into_iter().flatten() {
            keep(&mut components, &shape.used);
        }
        let listed = route.listed();
        let method = match listed.method {
            "POST" => HttpMethod::Post,
            "PUT" => HttpMethod::Put,
            _ => HttpMethod::Get,
        };
        paths.add_path_operation(&listed.path, vec![method], operation(&route));
    }
    let mut info = Info::new("Modelyard", "1");
    info.description = Some(
        "What the commands of Modelyard do, on a server of this machine. Whoever may connect may ask; pages \
         of other origins may not change anything."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

/// # Panics
/// If two schemas share a name: a fault of this program that every test of the document shows.
fn keep(components: &mut Components, used: &[(String, RefOr<Schema>)]) {
    for (name, schema) in used {
        if let Some(known) = components.schemas.get(name) {
            assert!(
                json!(known) == json!(schema),
                "two schemas are called {name}: {} {}",
                json!(known),
                json!(schema)
            );
        }
        components.schemas.insert(name.clone(), schema.clone());
    }
}

fn operation(route: &Route) -> OperationBuilder {
    let listed = route.listed();
    let words: Vec<&str> = listed.path.split('/').skip(3).map(|word| word.trim_matches(['{', '}'])).collect();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("{}_{}", listed.method.to_lowercase(), words.join("_"))))
        .tag(words.first().copied().unwrap_or_default())
        .summary(Some(listed.summary))
        .description(Some(match listed.command {
            Some(command) => {
                format!("As `modelyard {command}`. Needs the permission `{}`.", listed.permission.as_str())
            }
            None => format!("Needs the permission `{}`.", listed.permission.as_str()),
        }));
    for name in listed.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}')) {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(ObjectBuilder::new().schema_type(Type::String))),
        );
    }
    for parameter in route.query() {
        operation = operation.parameter(parameter.clone());
    }
    if let Some(Shape { schema, .. }) = route.taken() {
        let content = ContentBuilder::new().schema(Some(schema.clone())).build();
        let body = RequestBodyBuilder::new().content("application/json", content).build();
        operation = operation.request_body(Some(body));
    }
    let mut answer = ResponseBuilder::new().description(listed.summary);
    if let Some(Shape { schema, .. }) = route.answered() {
        answer =
            answer.content("application/json", ContentBuilder::new().schema(Some(schema.clone())).build());
    }
    let error = ContentBuilder::new().schema(Some(Ref::from_schema_name(Refused::name()))).build();
    operation.response("200", answer).response(
        "default",
        ResponseBuilder::new().description("Refused, or failed").content("application/json", error),
    )
}
