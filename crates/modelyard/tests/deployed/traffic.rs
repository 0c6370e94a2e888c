//! Clients that ask production all the time, and what each of their requests came to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::Client;
use crate::shop::row;

/// What became of a request. Times are microseconds since the epoch.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) sent: i64,
    pub(crate) ended: i64,
    /// When its connection was opened, or tried to be.
    pub(crate) connected: i64,
    pub(crate) came: Came,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Came {
    /// The version that answered.
    Answer(u64),
    Status(u16, String),
    /// The connection broke.
    Lost(String),
    /// Nobody listened.
    Refused(String),
}

pub(crate) struct Traffic {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    kind: Mutex<String>,
    is_over: AtomicBool,
    answered: AtomicU64,
    asked: Mutex<Vec<Asked>>,
}

impl Traffic {
    /// So many clients, each on a connection that it keeps, with a short pause after an answer.
    pub(crate) fn begin(address: SocketAddr, clients: u32) -> Self {
        let shared = Arc::new(Shared {
            address,
            kind: Mutex::new("red".to_owned()),
            is_over: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            asked: Mutex::default(),
        });
        let start = |number: u32| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.ask_on(number))
        };
        let clients = (0..clients).map(start).collect();
        Self { shared, clients }
    }

    /// What visitors look at from now on.
    pub(crate) fn kind(&self, kind: &str) {
        *self.shared.kind.lock().unwrap() = kind.to_owned();
    }

    /// Waits until `more` further requests are answered.
    #[track_caller]
    pub(crate) fn goes_on(&self, more: u64) {
        let (began, before) = (Instant::now(), self.shared.answered.load(Ordering::SeqCst));
        while self.shared.answered.load(Ordering::SeqCst) < before + more {
            assert!(began.elapsed() < Duration::from_secs(60), "requests are not answered");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Everything that was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.asked.lock().unwrap())
    }

    /// Ends, and answers the rest.
    #[track_caller]
    pub(crate) fn end(mut self) -> Vec<Asked> {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            client.join().unwrap();
        }
        self.asked()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn ask_on(&self, number: u32) {
        let mut client: Option<(Client, i64)> = None;
        for turn in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let kind = self.kind.lock().unwrap().clone();
            let sent = now();
            let (mut open, connected) = match client.take() {
                Some(client) => client,
                None => match Client::connect(self.address) {
                    Ok(client) => (client, sent),
                    Err(error) => {
                        let came = Came::Refused(error.to_string());
                        self.note(Asked { sent, ended: now(), connected: sent, came });
                        std::thread::sleep(Duration::from_millis(20));
                        continue;
                    }
                },
            };
            let came = match open.try_post("/predict/buyers", &row(number * 101 + turn, &kind)) {
                Err(error) => Came::Lost(error.to_string()),
                Ok(answer) if answer.status == 200 => {
                    client = Some((open, connected));
                    Came::Answer(answer.json()["version"].as_u64().unwrap())
                }
                Ok(answer) => {
                    client = Some((open, connected));
                    Came::Status(answer.status, answer.text())
                }
            };
            self.note(Asked { sent, ended: now(), connected, came });
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn note(&self, asked: Asked) {
        if matches!(asked.came, Came::Answer(_)) {
            self.answered.fetch_add(1, Ordering::SeqCst);
        }
        self.asked.lock().unwrap().push(asked);
    }
}

#[allow(clippy::disallowed_methods, reason = "compared with what other processes wrote down")]
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_micros() as i64
}
