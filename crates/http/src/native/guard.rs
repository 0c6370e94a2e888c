//! What is refused before any route sees it.
//!
//! A browser on this machine reaches the server on behalf of any page. A page whose name was made to lead
//! here (DNS rebinding) is known by its Host header; one that sends a form or a script's request across
//! origins by Origin and Sec-Fetch-Site, which pages can't set. Programs send neither and are let through:
//! they run as somebody who could change the home anyway.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Api;
use super::refusal::refused;

/// Refuses what comes from elsewhere, and marks answers as this origin's alone.
pub(super) async fn check(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let mut answer = match trouble(api.address, request.method(), request.headers()) {
        Some(trouble) => {
            refused(StatusCode::FORBIDDEN, "forbidden", trouble.message, Some(trouble.hint), None)
        }
        None => next.run(request).await,
    };
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

struct Trouble {
    message: &'static str,
    hint: &'static str,
}

fn trouble(address: SocketAddr, method: &Method, headers: &HeaderMap) -> Option<Trouble> {
    let host = match single(headers, &header::HOST) {
        Some(host) if is_ours(host, address) => host,
        _ => {
            return Some(Trouble {
                message: "the request is for another host",
                hint: "ask for localhost, 127.0.0.1 or [::1] and the server's port",
            });
        }
    };
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    let elsewhere = Some(Trouble {
        message: "the request comes from a page of another origin",
        hint: "what changes something is asked for by this server's own pages, or by programs",
    });
    if headers.contains_key(header::ORIGIN) {
        let origin = single(headers, &header::ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        if !origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host)) {
            return elsewhere;
        }
    }
    let site = HeaderName::from_static("sec-fetch-site");
    if headers.contains_key(&site) && !matches!(single(headers, &site), Some("same-origin" | "none")) {
        return elsewhere;
    }
    None
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether `host` is a name of this machine that only this machine gives itself, with the server's port.
fn is_ours(host: &str, address: SocketAddr) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colons of a bare `[::1]` are not before a port.
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
        _ => (host, Some(80)),
    };
    let is_name = name.eq_ignore_ascii_case("localhost")
        || name == "127.0.0.1"
        || name == "[::1]"
        || name == bare(address).as_str();
    is_name && port == Some(address.port())
}

fn bare(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        trouble("127.0.0.1:5000".parse().unwrap(), method, &map).is_none()
    }

    #[test]
    fn only_this_machines_own_names_are_answered() {
        for host in ["localhost:5000", "LOCALHOST:5000", "127.0.0.1:5000", "[::1]:5000"] {
            assert!(allowed(&Method::GET, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:5000",
            "localhost",
            "localhost:80",
            "localhost.evil.example:5000",
            "127.0.0.1.evil.example:5000",
            "127.0.0.2:5000",
            "[::1]",
            "::1",
            "",
            "localhost:5000:5000",
            "user@localhost:5000",
        ] {
            assert!(!allowed(&Method::GET, &[("host", host)]), "{host}");
        }
        assert!(!allowed(&Method::GET, &[]));
        assert!(!allowed(&Method::GET, &[("host", "localhost:5000"), ("host", "localhost:5000")]));
    }

    #[test]
    fn what_changes_something_does_not_come_from_another_origin() {
        let host = ("host", "localhost:5000");
        for headers in [
            vec![host],
            vec![host, ("origin", "http://localhost:5000")],
            vec![host, ("origin", "http://localhost:5000"), ("sec-fetch-site", "same-origin")],
            vec![host, ("sec-fetch-site", "none")],
        ] {
            assert!(allowed(&Method::POST, &headers), "{headers:?}");
        }
        for extra in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "https://localhost:5000"),
            ("origin", "http://localhost:8080"),
            ("origin", "http://127.0.0.1:5000"),
            ("origin", "http://localhost:5000.evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "anything"),
        ] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                assert!(!allowed(&method, &[host, extra]), "{method} {extra:?}");
            }
        }
    }
}
