//! A page from another origin can change nothing, whatever a browser lets it send.

use modelyard_http::native::listed;

use crate::rig::Rig;

/// What a browser says of a request that another page makes it send.
const PAGES: [&str; 7] = [
    "origin: http://evil.example\r\n",
    "origin: http://evil.example\r\nsec-fetch-site: cross-site\r\n",
    // A sandboxed frame, a file, a redirect.
    "origin: null\r\n",
    // Another program's page on this machine.
    "origin: http://localhost:8080\r\nsec-fetch-site: same-site\r\n",
    "origin: https://127.0.0.1\r\n",
    // A form's navigation.
    "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\ncontent-type: application/x-www-form-urlencoded\r\n",
    "origin: http://evil.example\r\ncontent-type: text/plain\r\n",
];

#[tokio::test]
async fn no_route_lets_another_origin_change_something() {
    let rig = Rig::new().await;
    rig.register(1).await;
    let before = rig.home.audit.head().await.unwrap();
    for route in listed().into_iter().filter(|route| route.method != "GET") {
        let path = route.path.replace("{name}", "late-flights").replace(['{', '}'], "");
        for page in PAGES {
            let answer = rig.ask(route.method, &path, page, r#"{"version":1}"#).await;
            assert_eq!(answer.code(), (403, "forbidden".to_owned()), "{} {path} {page}", route.method);
            assert!(!answer.headers.contains("access-control-"), "no page is let read");
        }
    }
    assert_eq!(rig.home.audit.head().await.unwrap(), before);
    // The same from nowhere does change something: the routes work.
    let kind = "content-type: application/json\r\n";
    let path = "/api/v1/models/late-flights/aliases/x";
    assert_eq!(rig.ask("PUT", path, kind, r#"{"version":1}"#).await.status, 200);
    let own = format!("{kind}origin: http://{}\r\nsec-fetch-site: same-origin\r\n", rig.address);
    assert_eq!(
        rig.ask("PUT", "/api/v1/models/late-flights/aliases/y", &own, r#"{"version":1}"#).await.status,
        200
    );
    assert_ne!(rig.home.audit.head().await.unwrap(), before);
}

#[tokio::test]
async fn no_preflight_is_granted() {
    let rig = Rig::new().await;
    let asks = "origin: http://evil.example\r\naccess-control-request-method: PUT\r\n";
    let answer = rig.ask("OPTIONS", "/api/v1/models/late-flights/aliases/x", asks, "").await;
    assert_eq!(answer.status, 405);
    assert!(!answer.headers.contains("access-control-"));
}

#[tokio::test]
async fn a_name_that_was_made_to_lead_here_is_not_answered() {
    let rig = Rig::new().await;
    let port = rig.address.port();
    for host in
        [format!("evil.example:{port}"), format!("127.0.0.1.evil.example:{port}"), "localhost".to_owned()]
    {
        for path in ["/health", "/metrics", "/api/v1", "/api/v1/models", "/api/v1/events", "/nothing"] {
            let answer =
                rig.send(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).await;
            assert_eq!(answer.code(), (403, "forbidden".to_owned()), "{host} {path}");
        }
    }
    let answer = rig.send("GET /health HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    let named = format!("GET /health HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
    assert_eq!(rig.send(&named).await.status, 200);
}

#[test]
fn only_addresses_of_this_machine_are_listened_on() {
    use modelyard_http::native::check_address;
    for address in ["127.0.0.1:5000", "127.8.9.1:5000", "[::1]:5000"] {
        check_address(address.parse().unwrap()).unwrap();
    }
    for address in ["0.0.0.0:5000", "192.168.0.1:5000", "[::]:5000", "[fe80::1]:5000"] {
        check_address(address.parse().unwrap()).unwrap_err();
    }
}
