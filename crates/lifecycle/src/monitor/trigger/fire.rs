//! Causes that somebody asks for: a person, a program, a webhook.

use hmac::{Hmac, Mac};
use modelyard_core::audit::Actor;
use modelyard_core::monitor::{Cause, Origin, TriggerSpec};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Fault, Kind, Result};
use sha2::Sha256;

use super::new_cause;
use crate::deploy::apply;

/// Asks for a training by `trigger` of `project`; `None`: its only one. Whoever runs the server begins it.
///
/// # Errors
/// [`Kind::NotFound`] if there is no such trigger.
pub async fn fire(
    home: &Home,
    clock: &dyn Clock,
    project: &str,
    trigger: Option<&str>,
    by: &str,
) -> Result<Cause> {
    let trigger = find(home, project, trigger).await?;
    let mut cause = new_cause(clock, project, &trigger, Origin::Request, String::new(), by);
    cause.key = format!("request {}", cause.id);
    let actor = Actor { name: by.to_owned(), at: clock.now() };
    Ok(home.causes.add_cause(&cause, &actor).await?.0)
}

/// Takes a webhook of `trigger`: `body` with its HMAC-SHA256 under `secret`, as `sha256=HEX`. The same body is the
/// same cause, however often it comes, so whoever caught one can't set off a second training with it. Answers the
/// cause, and whether it is new; `None` if the signature is not the body's.
///
/// # Errors
/// [`Kind::Usage`] if the trigger takes none; [`Kind::Environment`] without the secret.
pub async fn webhook(
    home: &Home,
    clock: &dyn Clock,
    project: &str,
    trigger: &str,
    body: &[u8],
    signature: Option<&str>,
    secret: impl Fn(&str) -> Option<String>,
) -> Result<Option<(Cause, bool)>> {
    let trigger = find(home, project, Some(trigger)).await?;
    let variable = trigger.secret.as_deref().ok_or_else(|| {
        Fault::new(Kind::Usage, format!("the trigger `{}` takes no webhooks", trigger.name))
            .hint("secret = \"VARIABLE\" in [[triggers]] names the server's variable with the secret")
    })?;
    let secret = secret(variable).filter(|secret| !secret.is_empty()).ok_or_else(|| {
        Fault::new(Kind::Environment, format!("the server has no variable `{variable}` with the secret"))
            .hint("set it and start the server again")
    })?;
    if !signature.is_some_and(|signature| is_signed(body, signature, secret.as_bytes())) {
        return Ok(None);
    }
    let by = format!("webhook {}", trigger.name);
    let key = format!("webhook {}", Digest::of(body));
    let cause = new_cause(clock, project, &trigger, Origin::Request, key, &by);
    Ok(Some(home.causes.add_cause(&cause, &Actor { name: by, at: clock.now() }).await?))
}

async fn find(home: &Home, project: &str, name: Option<&str>) -> Result<TriggerSpec> {
    let mut triggers = apply::applied(home, project).await?.triggers;
    let known: Vec<String> = triggers.iter().map(|trigger| format!("`{}`", trigger.name)).collect();
    let place = match name {
        Some(name) => triggers.iter().position(|trigger| trigger.name == name),
        None if triggers.len() == 1 => Some(0),
        None => None,
    };
    if let Some(place) = place {
        return Ok(triggers.swap_remove(place));
    }
    let message = match name {
        Some(name) => format!("`{project}` applied no trigger `{name}`"),
        None if known.is_empty() => format!("`{project}` applied no triggers"),
        None => "it is not said which trigger is to fire".to_owned(),
    };
    Err(Fault::new(Kind::NotFound, message).hint(match known.is_empty() {
        true => "declare [[triggers]] in modelyard.toml and run `modelyard apply`".to_owned(),
        false => format!("it has {}", known.join(", ")),
    }))
}

/// Compares in a time that does not depend on where the two differ.
fn is_signed(body: &[u8], signature: &str, secret: &[u8]) -> bool {
    let Some(given) = signature.strip_prefix("sha256=").and_then(bytes) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(body);
    mac.verify_slice(&given).is_ok()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || hex.len() % 2 == 1 {
        return None;
    }
    (0..hex.len()).step_by(2).map(|place| u8::from_str_radix(&hex[place..place + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_that_github_documents() {
        // docs.github.com, "Validating webhook deliveries": its example of secret, payload and signature.
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secret = b"It's a Secret to Everybody";
        assert!(is_signed(b"Hello, World!", signature, secret));
        assert!(!is_signed(b"Hello, World?", signature, secret));
        assert!(!is_signed(b"Hello, World!", signature, b"It's another one"));
        for broken in ["", "sha256=", "sha256=7", "sha256=zz", "sha1=75", &signature[7..], "sha256=é"] {
            assert!(!is_signed(b"Hello, World!", broken, secret), "{broken}");
        }
    }
}
