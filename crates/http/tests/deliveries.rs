//! People are told over real connections: sinks that hang, fail and recover.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use modelyard_core::audit::Actor;
use modelyard_core::deploy::Applied;
use modelyard_core::monitor::{
    About, AlertState, Decay, Delivery, Drift, LogSpec, MonitorSpec, Severity, Sink, SinkKind,
};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_http::client::WebPost;
use modelyard_lifecycle::monitor::Duty;
use modelyard_lifecycle::monitor::alerts::{self, Deliveries, MONITOR, Notice, Outside};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Goes as time does, from a moment of its own.
struct Going(Instant, AtomicU64);

impl Clock for Going {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000 + self.0.elapsed().as_micros() as i64)
    }

    fn entropy(&self) -> u128 {
        self.1.fetch_add(1, Relaxed).into()
    }
}

struct Bench {
    home: Home,
    clock: Arc<Going>,
    deliveries: Deliveries,
}

impl Bench {
    async fn new(folder: &Path, sinks: &[(&str, SinkKind)]) -> Self {
        let home = modelyard_store::memory();
        let sink = |kind: &SinkKind| Sink { kind: kind.clone(), severity: Severity::Warning };
        let monitor = MonitorSpec {
            environment: "production".to_owned(),
            window_secs: 3600.0,
            time: None,
            grace_secs: 3600.0,
            log: LogSpec::default(),
            drift: Drift::default(),
            decay: Decay::default(),
            sinks: sinks.iter().map(|(name, kind)| ((*name).to_owned(), sink(kind))).collect(),
            cool_down_secs: 0.0,
            silence_secs: None,
            max_age_secs: None,
        };
        let clock = Arc::new(Going(Instant::now(), AtomicU64::new(0)));
        let applied = Applied {
            version: 1,
            project: "flights".to_owned(),
            folder: folder.to_string_lossy().into_owned(),
            snapshot: Digest::of(b"snapshot"),
            model: "late".to_owned(),
            environments: BTreeMap::new(),
            monitor: Some(monitor),
            triggers: Vec::new(),
            source: None,
            at: clock.now(),
            by: "ada".to_owned(),
        };
        let actor = Actor { name: "ada".to_owned(), at: clock.now() };
        home.environments.apply(&applied, &[], &actor).await.unwrap();
        let outside = Outside {
            post: Arc::new(WebPost),
            variable: |name| (name == "HOOK").then(|| "Bearer hush".to_owned()),
        };
        let deliveries = Deliveries::new(home.clone(), clock.clone(), outside);
        Self { home, clock, deliveries }
    }

    fn about(&self, subject: &str) -> About {
        About {
            project: "flights".to_owned(),
            environment: Some("production".to_owned()),
            rule: "drift".to_owned(),
            subject: subject.to_owned(),
        }
    }

    async fn raise(&self, subject: &str) {
        let notice = Notice {
            about: self.about(subject),
            severity: Severity::Warning,
            message: format!("{subject} has moved: über 30 °F"),
            since: self.clock.now(),
        };
        alerts::raise(&self.home, &*self.clock, &notice, MONITOR).await.unwrap();
    }

    async fn resolve(&self, subject: &str) {
        alerts::resolve(&self.home, &*self.clock, &self.about(subject), MONITOR).await.unwrap();
    }

    /// Looks until what waits is as `is_so` wants it.
    async fn until(&self, is_so: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let looking = async {
            loop {
                self.deliveries.look().await.unwrap();
                let waiting = self.home.alerts.deliveries("flights").await.unwrap();
                if is_so(&waiting) {
                    return waiting;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("deliveries get on")
    }
}

/// A server that gives each connection it takes to `serve`.
async fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Head and body of a request.
async fn request(stream: &mut BufReader<TcpStream>) -> (String, Value) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).await.unwrap();
    }
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

fn webhook(address: &str) -> SinkKind {
    SinkKind::Webhook { url: format!("http://{address}/alerts"), secret: Some("HOOK".to_owned()) }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn next<T>(told: &mut UnboundedReceiver<T>) -> T {
    tokio::time::timeout(PATIENCE, told.recv()).await.expect("something is told").unwrap()
}

#[tokio::test]
async fn a_sink_that_hangs_holds_up_no_other_and_is_told_once_when_it_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let (tell, mut told) = unbounded_channel();
    let (release, released) = tokio::sync::watch::channel(false);
    let hook = server(move |stream| {
        let (tell, mut released) = (tell.clone(), released.clone());
        async move {
            let mut stream = BufReader::new(stream);
            let request = request(&mut stream).await;
            tell.send(request).unwrap();
            released.wait_for(|released| *released).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let file = SinkKind::File { path: "alerts.jsonl".to_owned() };
    let script = "cat >> told.jsonl; echo >> told.jsonl";
    let run = ["sh", "-c", script].map(str::to_owned).to_vec();
    let sinks = [("hook", webhook(&hook)), ("file", file), ("script", SinkKind::Command { run })];
    let bench = Bench::new(folder.path(), &sinks).await;
    bench.raise("temp").await;
    bench.until(|waiting| waiting.len() == 1).await;
    let (head, body) = next(&mut told).await;
    assert!(head.starts_with("POST /alerts HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer hush\r\n"), "{head}");
    // While it hangs, the others go on.
    bench.raise("dest").await;
    bench.resolve("temp").await;
    let hanging = bench.until(|waiting| waiting.iter().all(|delivery| delivery.sink == "hook")).await;
    assert_eq!(hanging.len(), 3);
    let whats = ["opened", "opened", "resolved"];
    for told in ["alerts.jsonl", "told.jsonl"] {
        let told = lines(&folder.path().join(told));
        assert_eq!(told.iter().map(|line| line["what"].as_str().unwrap()).collect::<Vec<_>>(), whats);
        assert_eq!(told[0]["alert"]["subject"], "temp");
        assert_eq!(told[0]["id"], body["id"]);
    }
    release.send(true).unwrap();
    bench.until(<[_]>::is_empty).await;
    let mut ids = vec![body["id"].clone()];
    while let Ok((_, body)) = told.try_recv() {
        ids.push(body["id"].clone());
    }
    let expected: Vec<_> =
        lines(&folder.path().join("alerts.jsonl")).iter().map(|line| line["id"].clone()).collect();
    assert_eq!(ids, expected, "each once, in order");
    assert_eq!(body["text"], "warning: temp has moved: über 30 °F (flights/production)");
}

#[tokio::test]
async fn what_was_not_taken_is_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let (tell, mut told) = unbounded_channel();
    let hook = server(move |stream| {
        let tell = tell.clone();
        async move {
            let mut stream = BufReader::new(stream);
            let (head, body) = request(&mut stream).await;
            let is_first = tell.send(body).is_ok() && head.contains("modelyard");
            let answer: &[u8] = match is_first && !std::mem::replace(&mut *FAILED.lock().await, true) {
                true => b"HTTP/1.1 500 Oh\r\ncontent-length: 8\r\n\r\nnot now\n",
                false => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            };
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let run = ["sh", "-c", "echo no such pager >&2; exit 3"].map(str::to_owned).to_vec();
    let sinks = [("hook", webhook(&hook)), ("script", SinkKind::Command { run })];
    let bench = Bench::new(folder.path(), &sinks).await;
    bench.raise("temp").await;
    let failed = bench.until(|waiting| waiting.iter().all(|delivery| delivery.attempts > 0)).await;
    let error = |sink: &str| {
        let delivery = failed.iter().find(|delivery| delivery.sink == sink);
        delivery.unwrap().last_error.clone().unwrap()
    };
    assert_eq!(error("hook"), "`127.0.0.1` answered 500 Internal Server Error\n  answer: not now");
    assert!(error("script").ends_with("ended with 3\n  stderr: no such pager"), "{}", error("script"));
    bench.until(|waiting| waiting.iter().all(|delivery| delivery.sink == "script")).await;
    assert_eq!(next(&mut told).await["id"], next(&mut told).await["id"]);
    let all = bench.home.alerts.alerts("flights", true).await.unwrap();
    let told = bench.home.alerts.told(all[0].id).await.unwrap();
    assert_eq!((told[0].attempts, told[0].last_error.clone()), (2, None));
    assert_eq!(told[0].what, AlertState::Opened);
}

/// Whether the server of the test above has failed.
static FAILED: tokio::sync::Mutex<bool> = tokio::sync::Mutex::const_new(false);

#[tokio::test]
async fn a_mail_server_gets_a_letter_that_mail_programs_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let (tell, mut told) = unbounded_channel();
    let server = server(move |stream| {
        let tell = tell.clone();
        async move { tell.send(letter(BufReader::new(stream)).await).unwrap() }
    })
    .await;
    let email = SinkKind::Email {
        server,
        from: "modelyard@example.org".to_owned(),
        to: vec!["ada@example.org".to_owned(), "bob@example.org".to_owned()],
        user: Some("ada".to_owned()),
        secret: Some("HOOK".to_owned()),
    };
    let bench = Bench::new(folder.path(), &[("mail", email)]).await;
    bench.raise("temp").await;
    bench.resolve("temp").await;
    bench.until(<[_]>::is_empty).await;
    let asked = next(&mut told).await;
    let lines: Vec<&str> = asked.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "EHLO [127.0.0.1]",
            "AUTH PLAIN AGFkYQBCZWFyZXIgaHVzaA==",
            "MAIL FROM:<modelyard@example.org>",
            "RCPT TO:<ada@example.org>",
            "RCPT TO:<bob@example.org>",
            "DATA",
        ]
    );
    let message = lines[6..].join("\r\n");
    let script = "import sys, email, email.policy, json
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
print(json.dumps([m['subject'], m['to'], m['date'], m.get_content(), m.defects != []]))";
    let mut python =
        std::process::Command::new(std::env::var("MODELYARD_TEST_PYTHON").unwrap_or("python3".into()))
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
    std::io::Write::write_all(&mut python.stdin.take().unwrap(), message.as_bytes()).unwrap();
    let read: Value = serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(read[0], "[modelyard] warning: temp has moved: über 30 °F (flights/production)");
    assert_eq!(read[1], "ada@example.org, bob@example.org");
    assert_eq!(read[2], "Fri, 15 Jan 2027 08:00:00 +0000");
    assert!(
        read[3].as_str().unwrap().starts_with("temp has moved: über 30 °F\n\nproject      flights\n"),
        "{read}"
    );
    assert_eq!(read[4], json!(false));
    assert!(next(&mut told).await.contains("In-Reply-To: <"), "its end is a reply to its begin");
}

/// What a client says to a mail server that agrees to all, up to the end of its letter.
async fn letter(mut stream: BufReader<TcpStream>) -> String {
    let mut said = String::new();
    stream.write_all(b"220 mail.example.org\r\n").await.unwrap();
    let mut is_letter = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 || line == "QUIT\r\n" {
            return said;
        }
        let reply: &[u8] = match (is_letter, line.as_str()) {
            (true, ".\r\n") => {
                is_letter = false;
                b"250 taken\r\n"
            }
            (true, _) => b"",
            (false, "DATA\r\n") => {
                is_letter = true;
                b"354 go on\r\n"
            }
            (false, line) if line.starts_with("EHLO") => b"250-mail.example.org\r\n250 AUTH PLAIN\r\n",
            _ => b"250 ok\r\n",
        };
        if line != ".\r\n" {
            said.push_str(&line);
        }
        stream.write_all(reply).await.unwrap();
    }
}

#[tokio::test]
async fn a_trial_says_of_each_sink_whether_it_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = SinkKind::File { path: "alerts.jsonl".to_owned() };
    let hook = SinkKind::Webhook { url: "http://127.0.0.1:9".to_owned(), secret: None };
    let bench = Bench::new(folder.path(), &[("file", file), ("hook", hook)]).await;
    let outside = Outside { post: Arc::new(WebPost), variable: |_| None };
    let trial = async |only| alerts::test(&bench.home, bench.clock.clone(), &outside, "flights", only).await;
    let tried = trial(None).await.unwrap();
    assert_eq!(
        tried.iter().map(|trial| (trial.sink.as_str(), trial.taken)).collect::<Vec<_>>(),
        [("file", true), ("hook", false)]
    );
    assert!(tried[1].error.as_ref().unwrap().starts_with("cannot send to `127.0.0.1`"), "{tried:?}");
    assert_eq!(lines(&folder.path().join("alerts.jsonl"))[0]["alert"]["rule"], "test");
    assert_eq!(trial(Some("pager")).await.unwrap_err().kind(), modelyard_core::Kind::NotFound);
    assert_eq!(bench.home.alerts.alerts("flights", false).await.unwrap(), [], "no alert is kept");
}
