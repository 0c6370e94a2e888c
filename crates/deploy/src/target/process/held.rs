//! One environment's replicas: the processes there are, and how they begin and end.

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_process::control::{self, Says};
use modelyard_process::detached::{self, Life, since_boot};

use super::record::{Folder, Record, State};
use super::{Settings, Wanted};

/// The pause after a first end; it doubles with every further one in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Who lived so long begins a new row.
const LONG_LIFE: Duration = Duration::from_secs(60);

/// How long a process is asked for the socket again and again, since it may just have begun.
const ASKING: Duration = Duration::from_secs(5);

/// How often it is looked after the others while a replica is being replaced.
const TENDING: Duration = Duration::from_secs(1);

/// What this process holds of an environment.
pub(super) struct Held {
    pub(super) environment: EnvironmentId,
    pub(super) folder: Folder,
    pub(super) listener: Option<TcpListener>,
    /// What ended replicas are started again for; `None` once nothing is.
    pub(super) wanted: Option<Wanted>,
    pub(super) watched: bool,
    /// What last did not take over.
    pub(super) refused: Option<Refused>,
}

/// Settings with which no replica became ready: not tried again at once.
pub(super) struct Refused {
    pub(super) wanted: Wanted,
    pub(super) message: String,
    pub(super) row: u32,
    pub(super) again_at: Duration,
}

impl Held {
    pub(super) fn is_listening_on(&self, listen: SocketAddr) -> bool {
        self.listener.as_ref().is_some_and(|listener| listener.local_addr().is_ok_and(|at| at == listen))
    }

    /// The records, each as it turns out to be now: who was being started is found, who has ended waits.
    pub(super) fn records(&self) -> Result<Vec<Record>> {
        self.records_where(|_| true)
    }

    fn records_where(&self, is_meant: impl Fn(&Record) -> bool) -> Result<Vec<Record>> {
        let mut records = self.folder.records()?;
        records.retain(is_meant);
        for record in &mut records {
            let before = record.state.clone();
            match &record.state {
                State::Starting => {
                    record.state = match self.folder.started(record) {
                        Some(life) => State::Running(life),
                        None => {
                            State::Waiting { ended: "it was cut short".to_owned(), again_at: Duration::ZERO }
                        }
                    };
                }
                State::Running(life) => {
                    if let Some(end) = ended(life) {
                        let life = life.clone();
                        self.note_end(record, &life, end);
                    }
                }
                State::Waiting { .. } => {}
            }
            if record.state != before {
                self.folder.write(record)?;
            }
        }
        Ok(records)
    }

    fn note_end(&self, record: &mut Record, life: &Life, end: detached::End) {
        record.ends = if life.age() >= LONG_LIFE { 1 } else { record.ends.saturating_add(1) };
        let why = super::logs::complaint(&self.folder.log(record.replica), record.log_from)
            .map_or_else(|| end.to_string(), |said| format!("{end}: {said}"));
        tracing::warn!("replica {} of {} ended: {why}", record.replica, self.environment);
        record.state = State::Waiting { ended: why, again_at: since_boot() + pause(record.ends) };
    }

    /// Starts the wanted processes whose pause is over; also those whose replacement did not take hold yet, since
    /// whatever is started anew begins with the newest settings.
    pub(super) fn start_due(&self, settings: &Settings, records: &mut [Record]) -> Result<()> {
        let Some(wanted) = &self.wanted else { return Ok(()) };
        for record in records {
            if matches!(&record.state, State::Waiting { again_at, .. } if *again_at <= since_boot())
                && record.replica < wanted.replicas
                && self.is_listening_on(record.listen)
            {
                record.settings = wanted.settings;
                record.longest_answer = wanted.longest_answer;
                self.start(settings, record)?;
            }
        }
        Ok(())
    }

    /// Starts ended processes of other replicas than `replica` again, which is being replaced.
    async fn tend_others(&self, settings: &Settings, replica: u32) -> Infallible {
        loop {
            tokio::time::sleep(TENDING).await;
            // What goes wrong stands in the records.
            if let Ok(mut others) = self.records_where(|record| record.replica != replica) {
                let _ = self.start_due(settings, &mut others);
            }
        }
    }

    /// A new process of `replica`, beside those there are.
    pub(super) fn add(
        &self,
        settings: &Settings,
        replica: u32,
        wanted: &Wanted,
        records: &[Record],
    ) -> Result<Record> {
        let serial = records.iter().map(|record| record.serial + 1).max().unwrap_or(0);
        let listen = self
            .listener
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
            .ok_or_else(|| Fault::new(Kind::Internal, format!("{} listens nowhere", self.environment)))?;
        let mut record = Record {
            version: 1,
            replica,
            serial,
            settings: wanted.settings,
            longest_answer: wanted.longest_answer,
            listen,
            // Named when it is started.
            control: PathBuf::new(),
            state: State::Starting,
            ends: 0,
            log_from: 0,
        };
        self.start(settings, &mut record)?;
        Ok(record)
    }

    fn start(&self, settings: &Settings, record: &mut Record) -> Result<()> {
        let Some(listener) = &self.listener else {
            return Err(Fault::new(Kind::Internal, format!("{} listens nowhere", self.environment)));
        };
        // Of a process before this one that was killed.
        let _ = std::fs::remove_file(&record.control);
        record.control = self.control(settings, record)?;
        record.log_from = self.folder.turn_log(record.replica);
        record.state = State::Starting;
        let number = self.folder.number(record)?;
        self.folder.write(record)?;
        let mut args = settings.args.clone();
        args.extend([
            "serve".into(),
            "--environment".into(),
            self.environment.to_string().into(),
            "--replica".into(),
            record.replica.to_string().into(),
            "--inherited-socket".into(),
            detached::INHERITED.to_string().into(),
            "--control".into(),
            OsString::from(&record.control),
        ]);
        let started = detached::start(&detached::Start {
            program: &settings.program,
            args: &args,
            inherited: listener.as_fd(),
            log: &self.folder.log(record.replica),
            number: &number,
        });
        match started {
            Ok(life) => {
                record.state = State::Running(life);
                self.folder.write(record)
            }
            Err(fault) => {
                record.ends = record.ends.saturating_add(1);
                let again_at = since_boot() + LONGEST_PAUSE;
                record.state = State::Waiting { ended: fault.message().to_owned(), again_at };
                self.folder.write(record)?;
                Err(fault)
            }
        }
    }

    /// The control socket of a process that is about to be. The folder is made again: the machine's start, or
    /// the last logout of the user, removes it.
    fn control(&self, settings: &Settings, record: &Record) -> Result<PathBuf> {
        let (all, environment) = (settings.folder.display(), &self.environment);
        let name = format!("{all}\0{environment}\0{}\0{}", record.replica, record.serial);
        let name = Digest::of(name.as_bytes()).to_string();
        let folder = control::private_folder(settings.runtime.as_deref())?;
        Ok(folder.join(format!("{}.sock", &name[..16])))
    }

    /// Takes the listening socket back from a process that has it.
    pub(super) async fn take_back(&self, listen: SocketAddr, records: &[Record]) -> Option<TcpListener> {
        for record in records.iter().filter(|record| record.listen == listen) {
            let State::Running(life) = &record.state else { continue };
            let begin = since_boot();
            while let Some(process) = life.open()
                && process.has_ended().is_none()
            {
                if let Ok(answer) = control::ask(&record.control).await {
                    return Some(answer.listener);
                }
                if since_boot() - begin > ASKING {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        None
    }

    /// Waits until the process of `record` says that it is ready.
    ///
    /// # Errors
    /// If it ends first, can't load what it is to serve, or takes longer than it may.
    pub(super) async fn until_ready(&self, settings: &Settings, record: &Record) -> Result<()> {
        let State::Running(life) = &record.state else {
            return Err(self.not_ready(record, "it does not run"));
        };
        let Some(process) = life.open() else { return Err(self.not_ready(record, "it ended")) };
        let asked = async {
            loop {
                match control::ask(&record.control).await.map(|answer| answer.says) {
                    Ok(Says::Ready) => return Ok(()),
                    Ok(Says::Stuck) => {
                        return Err(self.not_ready(record, "it can't load what it is to serve"));
                    }
                    Ok(Says::NotYet) | Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let within = self.wanted.as_ref().map_or(Duration::ZERO, |wanted| wanted.longest_start);
        let within = within.max(settings.ready_within);
        tokio::select! {
            answer = asked => answer,
            end = process.ended() => Err(self.not_ready(record, &end.to_string())),
            never = self.tend_others(settings, record.replica) => match never {},
            () = tokio::time::sleep(within) => {
                Err(self.not_ready(record, &format!("it was not ready within {} s", within.as_secs())))
            }
        }
    }

    fn not_ready(&self, record: &Record, found: &str) -> Fault {
        let fault = Fault::new(
            Kind::Release,
            format!(
                "replica {} of {} did not take over with its new settings: {found}",
                record.replica, self.environment
            ),
        );
        let fault = match super::logs::complaint(&self.folder.log(record.replica), record.log_from) {
            Some(said) => fault.detail("it said", said),
            None => fault,
        };
        fault.hint("the one before goes on; see the replica's log")
    }

    /// Ends the processes of `records` at once: asks, waits, kills. Then they are forgotten.
    pub(super) async fn stop(&self, settings: &Settings, records: &[&Record]) {
        futures::future::join_all(records.iter().map(|record| async move {
            if let State::Running(life) = &record.state
                && let Some(process) = life.open()
            {
                process.terminate();
                let patience = settings.patience.saturating_add(record.longest_answer);
                if tokio::time::timeout(patience, process.ended()).await.is_err() {
                    tracing::warn!(
                        "replica {} of {} did not end within {} s of being asked and is killed",
                        record.replica,
                        self.environment,
                        patience.as_secs()
                    );
                    process.kill();
                    process.ended().await;
                }
            }
            self.folder.forget(record);
        }))
        .await;
    }
}

/// The pause after `row` ends in a row, at least 1.
pub(super) fn pause(row: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << row.saturating_sub(1).min(20)).min(LONGEST_PAUSE)
}

/// How the process ended, where it has.
fn ended(life: &Life) -> Option<detached::End> {
    match life.open() {
        Some(process) => process.has_ended(),
        None => Some(detached::End::Unknown),
    }
}
