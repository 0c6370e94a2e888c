//! The server's API as strangers meet it: pages of other origins, bodies and headers beyond all measure,
//! clients that dawdle.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::stage::{Stage, ask, send};

const FREEZE: &str = "/api/v1/projects/small/environments/live/freeze";

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let stage = Stage::new(&[("live", "")]);
    stage.project.succeeds(&["apply", "--yes"]);
    let (_server, address) = stage.server();
    let entries = || stage.project.document(&["audit"]).as_array().unwrap().len();
    let before = entries();
    let own = format!("origin: http://{address}\r\nsec-fetch-site: same-origin\r\n");
    for page in [
        "origin: http://evil.example\r\n",
        "origin: null\r\n",
        "origin: http://localhost:8080\r\nsec-fetch-site: same-site\r\n",
        "sec-fetch-site: cross-site\r\n",
        &format!("{own}origin: http://evil.example\r\n"),
    ] {
        let (status, answer) = ask(address, "PUT", FREEZE, page, "{}");
        assert_eq!((status, answer["code"].as_str()), (403, Some("forbidden")), "{page}: {answer}");
    }
    // A name that was made to lead here.
    for host in [format!("evil.example:{}", address.port()), "evil.example".to_owned(), String::new()] {
        for (method, path) in [("PUT", FREEZE), ("GET", "/api/v1/models"), ("GET", "/health")] {
            let text = send(
                address,
                &format!(
                    "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                ),
            );
            assert!(text.starts_with("HTTP/1.1 403 "), "{host} {path}: {text}");
        }
    }
    assert_eq!(entries(), before);
    let (status, answer) = ask(address, "PUT", FREEZE, &own, "{}");
    assert_eq!(status, 200, "{answer}");
    assert!(entries() > before, "the route does change something");
}

#[test]
fn what_is_beyond_measure_is_refused_and_the_server_goes_on() {
    let stage = Stage::new(&[("live", "")]);
    stage.project.succeeds(&["apply", "--yes"]);
    let (_server, address) = stage.server();
    let entries = || stage.project.document(&["audit"]).as_array().unwrap().len();
    let before = entries();
    let deep = |levels: usize| format!("{{\"comment\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let huge = format!("{{\"comment\":\"{}\"}}", "a".repeat(8 << 20));
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(1 << 20));
    for (headers, body, wanted) in [
        ("", deep(100), &[400, 422][..]),
        ("", deep(100_000), &[400, 422]),
        ("", huge, &[413]),
        ("", "{".to_owned(), &[400]),
        ("", "\u{0}".to_owned(), &[400]),
        (&many, "{}".to_owned(), &[431]),
        // It may be cut off before the answer.
        (&long, "{}".to_owned(), &[431, 0]),
        ("transfer-encoding: chunked\r\n", "zzz".to_owned(), &[400]),
    ] {
        let (status, answer) = ask(address, "PUT", FREEZE, headers, &body);
        assert!(wanted.contains(&status), "{status} {answer}: {:.60} {:.60}", headers, body);
    }
    let (status, _) = ask(address, "POST", &format!("/{}", "a".repeat(100_000)), "", "");
    assert!([0, 404, 414, 431].contains(&status), "{status}");
    assert_eq!(ask(address, "GET", "/health", "", "").0, 200);
    assert_eq!(entries(), before);
}

/// Clients that send a byte now and then, more than connections are kept for, do not keep others out.
#[test]
fn who_dawdles_keeps_nobody_out() {
    let stage = Stage::new(&[("live", "")]);
    let (_server, address) = stage.server();
    let open = |start: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(start.as_bytes()).unwrap();
        stream
    };
    let mut dawdling: Vec<TcpStream> = Vec::new();
    for _ in 0..40 {
        dawdling.push(open("GET /hea"));
        dawdling.push(open(&format!(
            "PUT {FREEZE} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{{"
        )));
    }
    assert_eq!(ask(address, "GET", "/health", "", "").0, 200);
    let begin = Instant::now();
    while !dawdling.is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(90), "{} are still waited for", dawdling.len());
        dawdling.retain_mut(goes_on);
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(ask(address, "GET", "/health", "", "").0, 200);
}

/// Sends one more byte; whether it is still waited for.
fn goes_on(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut answer = [0; 4096];
    let closed = match stream.read(&mut answer) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    };
    !closed && stream.write_all(b"a").is_ok()
}
