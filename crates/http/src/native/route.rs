//! A route: where it is, what it needs, what it does and what it answers, in one value.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter, on};

use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, ToSchema};

use super::access::{self, Permission};
use super::{Api, Listed};

const ROOT: &str = "/api/v1";

pub(super) struct Route {
    method: Method,
    /// Below [`ROOT`].
    path: &'static str,
    permission: Permission,
    command: Option<&'static str>,
    summary: &'static str,
    query: Vec<Parameter>,
    takes: Option<Shape>,
    answers: Option<Shape>,
    handler: MethodRouter<Arc<Api>>,
}

/// A schema, and those that it refers to.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) schema: RefOr<Schema>,
    pub(super) used: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    fn of<T: ToSchema>() -> Self {
        let mut used = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut used);
        Self { schema: Ref::from_schema_name(T::name()).into(), used }
    }
}

/// Looks at something, which everybody may who has [`Permission::Read`].
pub(super) fn get<T: 'static>(
    path: &'static str,
    summary: &'static str,
    handler: impl Handler<T, Arc<Api>>,
) -> Route {
    Route::new(Method::GET, MethodFilter::GET, path, Permission::Read, summary, handler)
}

/// Does something, which needs `permission`.
pub(super) fn post<T: 'static>(
    path: &'static str,
    permission: Permission,
    summary: &'static str,
    handler: impl Handler<T, Arc<Api>>,
) -> Route {
    Route::new(Method::POST, MethodFilter::POST, path, permission, summary, handler)
}

/// Makes something so, however often it is asked for.
pub(super) fn put<T: 'static>(
    path: &'static str,
    permission: Permission,
    summary: &'static str,
    handler: impl Handler<T, Arc<Api>>,
) -> Route {
    Route::new(Method::PUT, MethodFilter::PUT, path, permission, summary, handler)
}

impl Route {
    fn new<T: 'static>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        permission: Permission,
        summary: &'static str,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        Self {
            method,
            path,
            permission,
            command: None,
            summary,
            query: Vec::new(),
            takes: None,
            answers: None,
            handler: on(filter, handler),
        }
    }

    /// Names the command that does the same.
    pub(super) fn does(mut self, command: &'static str) -> Self {
        self.command = Some(command);
        self
    }

    /// What may stand behind the `?`.
    pub(super) fn asks<Q: IntoParams>(mut self) -> Self {
        self.query = Q::into_params(|| Some(ParameterIn::Query));
        self
    }

    /// The document in its body.
    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Some(Shape::of::<T>());
        self
    }

    pub(super) fn answers<T: ToSchema>(mut self) -> Self {
        self.answers = Some(Shape::of::<T>());
        self
    }

    pub(super) fn answers_list<T: ToSchema>(mut self) -> Self {
        let Shape { schema, used } = Shape::of::<T>();
        self.answers = Some(Shape { schema: ArrayBuilder::new().items(schema).into(), used });
        self
    }

    pub(super) fn query(&self) -> &[Parameter] {
        &self.query
    }

    pub(super) fn taken(&self) -> Option<&Shape> {
        self.takes.as_ref()
    }

    pub(super) fn answered(&self) -> Option<&Shape> {
        self.answers.as_ref()
    }

    fn says(&self) -> Vec<String> {
        let in_path = self.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
        let mut said: Vec<String> = in_path.map(str::to_owned).collect();
        said.extend(self.query.iter().map(|parameter| parameter.name.clone()));
        // The body's own schema comes first among those that it uses.
        let body = self.takes.as_ref().and_then(|shape| shape.used.first());
        if let Some((_, RefOr::T(Schema::Object(body)))) = body {
            said.extend(body.properties.keys().cloned());
        }
        said
    }

    pub(super) fn listed(&self) -> Listed {
        Listed {
            method: match self.method {
                Method::POST => "POST",
                Method::PUT => "PUT",
                _ => "GET",
            },
            path: format!("{ROOT}{}", self.path),
            permission: self.permission,
            command: self.command,
            says: self.says(),
            summary: self.summary,
        }
    }

    pub(super) fn into_router(self, api: &Arc<Api>) -> Router<Arc<Api>> {
        let needs = middleware::from_fn_with_state((Arc::clone(api), self.permission), access::need);
        Router::new().route(&format!("{ROOT}{}", self.path), self.handler.route_layer(needs))
    }
}
