//! `email`: a message in plain text, over SMTP.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelyard_core::{Result, Timestamp};

use super::smtp::{self, Letter};
use super::{Message, Tell};

pub(super) struct Email {
    /// `HOST:PORT`.
    pub(super) server: String,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    /// Name and password.
    pub(super) login: Option<(String, String)>,
}

#[async_trait]
impl Tell for Email {
    async fn tell(&self, message: &Message) -> Result<()> {
        let letter = Letter { from: self.from.clone(), to: self.to.clone(), content: self.content(message) };
        let login = self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        smtp::send(&self.server, login, &letter).await
    }
}

impl Email {
    /// Headers and body. The body is base64, so that no line is too long, begins with a dot or has a
    /// character that a mail server of old does not know.
    fn content(&self, message: &Message) -> String {
        let id = message.id();
        let mut headers = vec![
            format!("From: {}", self.from),
            format!("To: {}", self.to.join(", ")),
            format!("Subject: {}", header_text(&format!("[modelyard] {}", message.title()))),
            format!("Date: {}", date(message.at)),
            // The same at every attempt: mail programs show it once.
            format!("Message-ID: <{id}@modelyard>"),
            "Auto-Submitted: auto-generated".to_owned(),
            "MIME-Version: 1.0".to_owned(),
            "Content-Type: text/plain; charset=utf-8".to_owned(),
            "Content-Transfer-Encoding: base64".to_owned(),
        ];
        if id.ends_with("resolved") {
            // Below the one that told of its begin.
            headers.push(format!("In-Reply-To: <{}-opened@modelyard>", message.alert.id));
        }
        let body = STANDARD.encode(format!("{}\n", message.text()));
        let lines = body.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned());
        headers
            .into_iter()
            .chain([String::new()])
            .chain(lines)
            .fold(String::new(), |text, line| text + &line + "\r\n")
    }
}

/// A header's text: encoded words of RFC 2047, each below its 75 characters, where it is more than printable
/// ASCII.
fn header_text(text: &str) -> String {
    if text.len() <= 900 && text.chars().all(|character| matches!(character, ' '..='~')) {
        return text.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for character in text.chars().filter(|character| !character.is_control()) {
        if word.len() + character.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(character);
    }
    words.push(word);
    let encoded = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

/// As RFC 5322 writes it.
fn date(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_micros(at.micros()).unwrap_or_default().to_rfc2822()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_text_or_encoded_words_and_never_a_second_header() {
        assert_eq!(header_text("warning: temp has moved"), "warning: temp has moved");
        assert_eq!(header_text("Überall"), "=?utf-8?B?w5xiZXJhbGw=?=");
        assert_eq!(header_text("a\r\nBcc: eve"), "=?utf-8?B?YUJjYzogZXZl?=");
        let long = header_text(&"ü".repeat(60));
        assert!(long.split("\r\n ").all(|word| word.len() <= 75), "{long}");
        assert_eq!(long.lines().count(), 3);
    }
}
