//! A route: where it is, what it needs, what it does and what it answers, in one value.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter, on};

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
    handler: MethodRouter<Arc<Api>>,
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
        Self { method, path, permission, command: None, summary, handler: on(filter, handler) }
    }

    /// Names the command that does the same.
    pub(super) fn does(mut self, command: &'static str) -> Self {
        self.command = Some(command);
        self
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
            summary: self.summary,
        }
    }

    pub(super) fn into_router(self, api: &Arc<Api>) -> Router<Arc<Api>> {
        let needs = middleware::from_fn_with_state((Arc::clone(api), self.permission), access::need);
        Router::new().route(&format!("{ROOT}{}", self.path), self.handler.route_layer(needs))
    }
}
