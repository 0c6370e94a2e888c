//! The open-loop load: each request has the moment at which it is due, is sent then however slow the answers
//! are, and is counted from then, so that a stall costs every request that it delays (what closed loops
//! leave out: "coordinated omission").
//!
//! One thread does all of it: it waits in `ppoll` until the next request is due or an answer has come, and
//! every request that finds no idle connection opens another. Bodies are prepared, of an answer only the
//! status and the end are looked at.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::application_test::endpoint::{LoadMeasured, LoadPlan};
use modelyard_process::waiting::{self, For, thread_cpu};

/// Opened before the first request is due.
const CONNECTIONS: usize = 8;

/// Requests beyond wait for a connection, and their time goes on.
const MOST_CONNECTIONS: usize = 1_024;

/// Wakes that are this early are made up for by spinning: a sleep's end is not exact.
const SPIN: Duration = Duration::from_micros(20);

/// Sends `plan` to `path` at `address`, from a thread of its own, until all is answered or given
/// up, or until `stop` is set.
///
/// # Errors
/// If the address can't be connected to, or the plan has no body or no rate.
pub fn run(address: SocketAddr, path: &str, plan: &LoadPlan, stop: &AtomicBool) -> Result<LoadMeasured> {
    if plan.bodies.is_empty() || !plan.rate.is_finite() || plan.rate <= 0.0 {
        return Err(Fault::new(Kind::Internal, "a load needs a rate and a body"));
    }
    let requests = plan.bodies.iter().map(|body| request(address, path, body)).collect();
    let mut load = Load::new(address, requests, plan);
    // The caller's thread keeps its slack.
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            waiting::wake_on_time();
            load.run(stop)
        });
        sending.join().map_err(|_| Fault::new(Kind::Internal, "the load's thread ended"))?
    })?;
    Ok(load.measured)
}

fn request(address: SocketAddr, path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

struct Load {
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    patience: Duration,
    rate: f64,
    total: u64,
    connections: Vec<Connection>,
    /// Places of those that wait for work; the last used first, since it is the warmest.
    idle: Vec<usize>,
    /// Places whose connection was closed.
    vacant: Vec<usize>,
    /// Due, without a connection.
    waiting: VecDeque<u64>,
    /// Sent or waiting, not yet counted.
    open: u64,
    measured: LoadMeasured,
    began: Instant,
}

struct Connection {
    stream: Option<TcpStream>,
    state: State,
    /// Bytes of an answer that has not ended.
    buffer: Vec<u8>,
    /// Whether an answer came through it before: the server may have closed it since.
    used: bool,
}

enum State {
    Vacant,
    Idle,
    Connecting(Job),
    Writing(Job, usize),
    Reading(Job),
}

/// A request under way.
#[derive(Clone, Copy)]
struct Job {
    number: u64,
    tried: bool,
}

impl Load {
    fn new(address: SocketAddr, requests: Vec<Vec<u8>>, plan: &LoadPlan) -> Self {
        let total = (plan.rate * plan.duration.as_secs_f64()).round().max(1.0) as u64;
        let capacity = usize::try_from(total).unwrap_or(0).min(1 << 24);
        Self {
            address,
            requests,
            patience: plan.patience,
            rate: plan.rate,
            total,
            connections: Vec::new(),
            idle: Vec::new(),
            vacant: Vec::new(),
            waiting: VecDeque::new(),
            open: 0,
            measured: LoadMeasured {
                latencies_us: Vec::with_capacity(capacity),
                late_us: Vec::with_capacity(capacity),
                ..LoadMeasured::default()
            },
            began: Instant::now(),
        }
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<()> {
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(self.address).map_err(|error| self.unreachable(error))?;
            stream
                .set_nodelay(true)
                .and_then(|()| stream.set_nonblocking(true))
                .map_err(|error| self.unreachable(error))?;
            self.idle.push(self.connections.len());
            self.connections.push(Connection {
                stream: Some(stream),
                state: State::Idle,
                buffer: Vec::with_capacity(4096),
                used: false,
            });
        }
        let cpu = thread_cpu();
        self.began = Instant::now();
        let mut next = 0;
        while (next < self.total || self.open > 0) && !stop.load(Relaxed) {
            // Behind its time it would never come to the end of this.
            while next < self.total && self.due(next) <= Instant::now() && !stop.load(Relaxed) {
                self.open += 1;
                self.measured.sent += 1;
                self.assign(Job { number: next, tried: false });
                next += 1;
            }
            self.wait(next)?;
            self.give_up(Instant::now());
        }
        self.measured.took = self.began.elapsed();
        self.measured.own_cpu = thread_cpu().saturating_sub(cpu);
        self.measured.connections = u32::try_from(self.connections.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    fn unreachable(&self, error: std::io::Error) -> Fault {
        Fault::new(Kind::Conflict, format!("cannot connect to {}", self.address)).because(error)
    }

    /// When request `number` is due: no sum, which would add up errors.
    fn due(&self, number: u64) -> Instant {
        self.began + Duration::from_secs_f64(number as f64 / self.rate)
    }

    /// Gives `job` a connection, or lets it wait for one.
    fn assign(&mut self, job: Job) {
        if let Some(place) = self.idle.pop() {
            return self.write(place, job, 0);
        }
        let place = match self.vacant.pop() {
            Some(place) => place,
            None if self.connections.len() < MOST_CONNECTIONS => {
                self.connections.push(Connection {
                    stream: None,
                    state: State::Vacant,
                    buffer: Vec::with_capacity(4096),
                    used: false,
                });
                self.connections.len() - 1
            }
            None => return self.waiting.push_back(job.number),
        };
        self.open_connection(place, job);
    }

    fn open_connection(&mut self, place: usize, job: Job) {
        match begin_connecting(self.address) {
            Ok(stream) => {
                let connection = &mut self.connections[place];
                connection.stream = Some(stream);
                connection.used = false;
                connection.state = State::Connecting(job);
            }
            Err(error) => {
                self.vacant.push(place);
                self.fail(job, || format!("cannot connect: {error}"));
            }
        }
    }

    /// Waits until something is due or has come, and goes on with what has.
    fn wait(&mut self, next: u64) -> Result<()> {
        let now = Instant::now();
        let until = if next < self.total { self.due(next) } else { now + Duration::from_millis(50) };
        let left = until.saturating_duration_since(now).min(Duration::from_millis(50));
        // The last microseconds are spun away: a sleep would end after them.
        let sleep = left.saturating_sub(SPIN);
        let mut places = Vec::with_capacity(self.connections.len());
        let mut sockets = Vec::with_capacity(self.connections.len());
        for (place, connection) in self.connections.iter().enumerate() {
            let what = match connection.state {
                State::Connecting(_) | State::Writing(..) => For::Writing,
                State::Reading(_) => For::Reading,
                State::Vacant | State::Idle => continue,
            };
            if let Some(stream) = &connection.stream {
                places.push(place);
                sockets.push((stream.as_fd(), what));
            }
        }
        let ready = waiting::wait(&sockets, sleep)
            .attempt(Kind::Internal, || "cannot wait for answers".to_owned())?;
        let ready: Vec<_> = ready.into_iter().map(|ready| places[ready]).collect();
        if ready.is_empty() && left <= SPIN {
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
        for place in ready {
            match self.connections[place].state {
                State::Connecting(job) => self.write(place, job, 0),
                State::Writing(job, from) => self.write(place, job, from),
                State::Reading(job) => self.read(place, job),
                State::Vacant | State::Idle => {}
            }
        }
        Ok(())
    }

    fn write(&mut self, place: usize, job: Job, from: usize) {
        if from == 0 && !job.tried {
            let late = Instant::now().saturating_duration_since(self.due(job.number));
            self.measured.late_us.push(micros(late));
        }
        let request = &self.requests[(job.number % self.requests.len() as u64) as usize];
        let connection = &mut self.connections[place];
        let Some(stream) = &mut connection.stream else { return };
        match stream.write(&request[from..]) {
            Ok(written) if from + written == request.len() => {
                connection.buffer.clear();
                connection.state = State::Reading(job);
            }
            Ok(written) => connection.state = State::Writing(job, from + written),
            Err(error) if is_later(&error) => connection.state = State::Writing(job, from),
            Err(error) => self.lost(place, job, || format!("cannot send: {error}")),
        }
    }

    fn read(&mut self, place: usize, job: Job) {
        let mut chunk = [0; 16 << 10];
        let connection = &mut self.connections[place];
        let Some(stream) = &mut connection.stream else { return };
        match stream.read(&mut chunk) {
            Ok(0) => {
                return self.lost(place, job, || "the connection was closed before an answer".to_owned());
            }
            Ok(read) => connection.buffer.extend_from_slice(&chunk[..read]),
            Err(error) if is_later(&error) => return,
            Err(error) => return self.lost(place, job, || format!("cannot receive: {error}")),
        }
        match answer(&connection.buffer) {
            Ok(None) => {}
            Ok(Some(answer)) => self.answered(place, job, answer),
            Err(what) => {
                self.close(place);
                self.fail(job, || what.to_owned());
            }
        }
    }

    fn answered(&mut self, place: usize, job: Job, answer: Answer) {
        let body = &self.connections[place].buffer;
        if self.measured.first_failure.is_none() && answer.status != 200 {
            let text = String::from_utf8_lossy(&body[answer.body..]);
            let text: String = text.chars().take(200).collect();
            self.measured.first_failure = Some(format!("status {}: {text}", answer.status));
        }
        let count = match answer.status {
            200 => &mut self.measured.answered,
            400..500 => &mut self.measured.refused,
            _ => &mut self.measured.failed,
        };
        *count += 1;
        self.count(job);
        if answer.closes {
            self.close(place);
        } else {
            let connection = &mut self.connections[place];
            connection.used = true;
            connection.state = State::Idle;
            self.idle.push(place);
        }
        self.next_waiting();
    }

    /// A connection broke. One that was idle may have been closed by the server meanwhile: the request is
    /// sent once more through a new one, and its time goes on.
    fn lost(&mut self, place: usize, job: Job, what: impl FnOnce() -> String) {
        let connection = &self.connections[place];
        let again = connection.used && connection.buffer.is_empty() && !job.tried;
        self.close(place);
        if again {
            self.assign(Job { tried: true, ..job });
        } else {
            self.fail(job, what);
        }
    }

    fn fail(&mut self, job: Job, what: impl FnOnce() -> String) {
        self.measured.failed += 1;
        self.measured.first_failure.get_or_insert_with(what);
        self.count(job);
        self.next_waiting();
    }

    fn count(&mut self, job: Job) {
        let latency = Instant::now().saturating_duration_since(self.due(job.number));
        self.measured.latencies_us.push(micros(latency));
        self.open -= 1;
    }

    fn next_waiting(&mut self) {
        if let Some(number) = self.waiting.pop_front() {
            self.assign(Job { number, tried: false });
        }
    }

    fn close(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        connection.stream = None;
        connection.state = State::Vacant;
        self.vacant.push(place);
    }

    /// Counts those that were due too long ago.
    fn give_up(&mut self, now: Instant) {
        let Some(before) = now.checked_sub(self.patience) else { return };
        let late: Vec<_> = self
            .connections
            .iter()
            .enumerate()
            .filter_map(|(place, connection)| match connection.state {
                State::Connecting(job) | State::Writing(job, _) | State::Reading(job) => Some((place, job)),
                State::Vacant | State::Idle => None,
            })
            .filter(|(_, job)| self.due(job.number) < before)
            .collect();
        for (place, job) in late {
            self.close(place);
            self.timed_out(job);
            self.next_waiting();
        }
        while let Some(number) = self.waiting.front().copied().filter(|number| self.due(*number) < before) {
            self.waiting.pop_front();
            self.timed_out(Job { number, tried: false });
        }
    }

    fn timed_out(&mut self, job: Job) {
        self.measured.timed_out += 1;
        let patience = self.patience;
        self.measured
            .first_failure
            .get_or_insert_with(|| format!("no answer within {:.1} s", patience.as_secs_f64()));
        self.count(job);
    }
}

/// Of an answer that is whole.
struct Answer {
    status: u16,
    /// Where its body begins.
    body: usize,
    /// Whether the connection ends with it.
    closes: bool,
}

/// The answer in `bytes`; `None` while it is not whole.
fn answer(bytes: &[u8]) -> Result<Option<Answer>, &'static str> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let body = end + 4;
    let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status = status.filter(|_| bytes.starts_with(b"HTTP/1.1 ")).ok_or("the answer is no HTTP/1.1")?;
    let (mut length, mut chunked, mut closes) = (None, false, false);
    for line in bytes[..end].split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value).ok().and_then(|text| text.parse::<usize>().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            chunked = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    let whole = match (length, chunked) {
        (Some(length), false) => bytes.len() >= body + length,
        (_, true) => bytes.ends_with(b"0\r\n\r\n"),
        (None, false) => return Err("the answer does not say how long it is"),
    };
    Ok(whole.then_some(Answer { status, body, closes }))
}

fn begin_connecting(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = waiting::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn is_later(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
