//! A conversation with a mail server (RFC 5321): greeting, encryption where there is any, login, one letter.
//!
//! Port 465 is encrypted from the first byte; elsewhere `STARTTLS` is taken where it is offered, and a password
//! goes over an encrypted connection or to this machine alone. It is our own since what the libraries would
//! do for one letter is little, and they draw in a good deal.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What is sent, to whom.
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    /// Headers and body, lines ended by CR LF, none of the body beginning with a dot.
    pub(super) content: String,
}

/// Encrypted from the first byte.
const SUBMISSIONS: u16 = 465;

/// A reply that is longer is none.
const REPLY_BYTES: u64 = 64 << 10;

/// Gives `letter` to the mail server at `address`, `HOST:PORT`.
///
/// # Errors
/// If it can't be reached, does not speak SMTP, or does not take the letter.
pub(super) async fn send(address: &str, login: Option<(&str, &str)>, letter: &Letter) -> Result<()> {
    let (host, port) = address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.trim_matches(['[', ']']), port.parse::<u16>().ok()?)))
        .ok_or_else(|| Fault::new(Kind::Config, format!("`{address}` is no HOST:PORT of a mail server")))?;
    let stream = TcpStream::connect((host, port))
        .await
        .attempt(Kind::Environment, || format!("cannot reach the mail server `{address}`"))?;
    let is_here = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
    if port == SUBMISSIONS {
        let mut talk = Talk::new(encrypted(stream, host).await?, address);
        talk.reply("greet").await?;
        talk.hello().await?;
        return talk.deliver(login, letter).await;
    }
    let mut talk = Talk::new(stream, address);
    talk.reply("greet").await?;
    let offers = talk.hello().await?;
    if offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
        talk.ask("STARTTLS").await?;
        // What was sent before the encryption, by whoever, is not taken for what came after it.
        if !talk.stream.buffer().is_empty() {
            return Err(talk.fault("start encryption", "it spoke before it was encrypted"));
        }
        let mut talk = Talk::new(encrypted(talk.stream.into_inner(), host).await?, address);
        // What was offered in the clear counts for nothing.
        talk.hello().await?;
        return talk.deliver(login, letter).await;
    }
    if login.is_some() && !is_here {
        let message = format!("the mail server `{address}` offers no encryption, so no password is sent");
        return Err(Fault::new(Kind::Environment, message)
            .hint("use its port 465 or 587, or leave out `user` and `secret`"));
    }
    talk.deliver(login, letter).await
}

async fn encrypted(stream: TcpStream, host: &str) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let cannot = || format!("cannot talk to the mail server `{host}` encrypted");
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = match host.parse::<IpAddr>() {
        Ok(ip) => ServerName::IpAddress(ip.into()),
        Err(_) => ServerName::try_from(host.to_owned()).attempt(Kind::Config, cannot)?,
    };
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.attempt(Kind::Environment, cannot)
}

struct Talk<'a, S> {
    stream: BufReader<S>,
    address: &'a str,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    fn new(stream: S, address: &'a str) -> Self {
        Self { stream: BufReader::new(stream), address }
    }

    /// All that comes after greetings.
    async fn deliver(&mut self, login: Option<(&str, &str)>, letter: &Letter) -> Result<()> {
        if let Some((user, password)) = login {
            let proof = STANDARD.encode(format!("\0{user}\0{password}"));
            self.write(&format!("AUTH PLAIN {proof}\r\n")).await?;
            self.reply("log in").await?;
        }
        self.ask(&format!("MAIL FROM:<{}>", letter.from)).await?;
        for to in &letter.to {
            self.ask(&format!("RCPT TO:<{to}>")).await?;
        }
        self.ask("DATA").await?;
        self.write(&format!("{}.\r\n", letter.content)).await?;
        self.reply("hand over the letter").await?;
        // It is taken, however it says goodbye.
        let _ = self.write("QUIT\r\n").await;
        Ok(())
    }

    /// Answers what the server offers.
    async fn hello(&mut self) -> Result<Vec<String>> {
        self.ask("EHLO [127.0.0.1]").await
    }

    async fn ask(&mut self, line: &str) -> Result<Vec<String>> {
        if line.contains(['\r', '\n']) {
            return Err(Fault::new(Kind::Config, format!("`{}` is not one line", line.escape_debug())));
        }
        self.write(&format!("{line}\r\n")).await?;
        self.reply(line).await
    }

    async fn write(&mut self, text: &str) -> Result<()> {
        let sent = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        sent.await.attempt(Kind::Environment, || {
            format!("the mail server `{}` closed the connection", self.address)
        })
    }

    /// The texts of a reply that agrees (2xx, 3xx) to `what`.
    async fn reply(&mut self, what: &str) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        loop {
            let mut line = String::new();
            let read = (&mut self.stream).take(REPLY_BYTES).read_line(&mut line).await;
            let read = read.attempt(Kind::Environment, || self.cannot(what))?;
            let line = line.trim_end();
            let (code, text) = line.split_at_checked(3).unwrap_or((line, ""));
            if read == 0 || code.parse::<u16>().is_err() {
                return Err(self.fault(what, if line.is_empty() { "it closed the connection" } else { line }));
            }
            texts.push(text.get(1..).unwrap_or_default().to_owned());
            if text.starts_with('-') && texts.len() < 100 {
                continue;
            }
            if !code.starts_with(['2', '3']) {
                return Err(self.fault(what, line));
            }
            return Ok(texts);
        }
    }

    fn cannot(&self, what: &str) -> String {
        format!("cannot {what}: the mail server `{}` does not agree", self.address)
    }

    fn fault(&self, what: &str, said: &str) -> Fault {
        Fault::new(Kind::Environment, self.cannot(what)).detail("answer", said.to_owned())
    }
}
