//! A container, by the API of Docker on its Unix socket. Podman speaks the same one.
//!
//! Asked are `POST /containers/{name}/restart?t={seconds}` and `GET /containers/{name}/json`, without a version in the path:
//! both have been the same since the first ones.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Trouble;
use crate::alert::Secrets;
use crate::call::{Call, Caller, Reply};

/// Bytes of what is told about a container at most: one with a thousand mounts has fewer.
const LARGEST: usize = 4 << 20;

/// How long a question may take.
const QUESTION: Duration = Duration::from_secs(10);

/// How often is looked whether it runs.
const BEAT: Duration = Duration::from_millis(500);

/// The name of a container, or its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container(String);

/// Why a text is no name of a container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a container: letters, digits, `_`, `.` and `-`")]
pub struct ContainerError(String);

impl FromStr for Container {
    type Err = ContainerError;

    fn from_str(text: &str) -> Result<Self, ContainerError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let is_fit = text.len() < 256
            && text.bytes().all(is_letter)
            && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        is_fit.then(|| Self(text.to_owned())).ok_or_else(|| ContainerError(text.to_owned()))
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long each part may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Until the server is killed that was told to end.
    pub(super) grace: Duration,
    /// Until the container was started again, beside that.
    pub(super) stop: Duration,
    /// Until it is healthy, where it says whether it is.
    pub(super) start: Duration,
}

/// Restarts it, and waits until it runs; until it is healthy, where it has a check of that.
pub(super) async fn restart(container: &Container, socket: &Path, limits: Limits) -> Result<(), Trouble> {
    let untouched =
        |why: String| Trouble::Untouched(format!("failed to restart the container {container}: {why}"));
    let before = state(container, socket).await.map_err(untouched)?;
    let path = format!("/containers/{container}/restart?t={}", limits.grace.as_secs());
    let asked = ask(socket, Method::POST, &path, limits.grace + limits.stop).await;
    if let Err(why) = asked.and_then(|reply| good(&reply, StatusCode::NO_CONTENT)) {
        // It may be half-way: what counts is how it is now.
        return match state(container, socket).await {
            Ok(now) if now.is_running && now.since == before.since => Err(untouched(why)),
            Ok(now) if now.is_running => Ok(()),
            _ => Err(Trouble::Down(format!("the container {container} does not run: {why}"))),
        };
    }
    let until = Instant::now() + limits.start;
    loop {
        let trouble = match state(container, socket).await {
            Ok(now) if now.is_running && now.is_well() => return Ok(()),
            Ok(now) => format!("it is {}", now.words()),
            Err(why) => why,
        };
        if Instant::now() >= until {
            return Err(Trouble::Down(format!("the container {container} was restarted, and {trouble}")));
        }
        sleep(BEAT).await;
    }
}

/// How a container is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    is_running: bool,
    /// `running`, `exited` and the like.
    status: String,
    /// When it was started.
    since: String,
    /// `starting`, `healthy` or `unhealthy`, where it has a check of that.
    health: Option<String>,
}

impl State {
    fn is_well(&self) -> bool {
        self.health.as_ref().is_none_or(|health| health == "healthy")
    }

    fn words(&self) -> String {
        let health = self.health.as_ref().map(|health| format!(" and {health}"));
        format!("{}{}", self.status, health.unwrap_or_default())
    }
}

async fn state(container: &Container, socket: &Path) -> Result<State, String> {
    let reply = ask(socket, Method::GET, &format!("/containers/{container}/json"), QUESTION).await?;
    good(&reply, StatusCode::OK)?;
    let body = reply.body.unwrap_or_default();
    understood(&body).ok_or_else(|| "its state cannot be understood".to_owned())
}

fn understood(body: &[u8]) -> Option<State> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let state = document.get("State")?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(plain);
    let health = text(state.get("Health").and_then(|health| health.get("Status")));
    Some(State {
        is_running: state.get("Running")?.as_bool()?,
        status: text(state.get("Status")).unwrap_or_default(),
        since: text(state.get("StartedAt")).unwrap_or_default(),
        health: health.filter(|health| health != "none" && !health.is_empty()),
    })
}

async fn ask(socket: &Path, method: Method, path: &str, limit: Duration) -> Result<Reply, String> {
    let caller = Caller::through(socket, limit).reading(LARGEST);
    let call = Call { method, headers: HeaderMap::new(), body: Bytes::new() };
    let reply = caller.call_at(path, call).await;
    reply.map_err(|error| format!("failed to ask Docker at {}: {error}", socket.display()))
}

/// Whether it was answered as it should be; an error is what it says instead.
fn good(reply: &Reply, wanted: StatusCode) -> Result<(), String> {
    if reply.status == wanted {
        return Ok(());
    }
    let body = reply.body.clone().unwrap_or_default();
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = document.get("message").and_then(Value::as_str).map(plain);
    Err(format!("Docker answered {}: {}", reply.status, said.unwrap_or_else(|| "without a word".to_owned())))
}

/// What somebody else wrote, in one short line.
fn plain(text: &str) -> String {
    Secrets::default().scrub(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_a_name_that_fits_into_a_path() {
        for good in ["prometheus", "shop-influxdb3-1", "4fa6e0f0c678", "a_b.c"] {
            assert!(good.parse::<Container>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a/b", "a b", "../x", "a?t=0", "a%2f", "\u{e4}"] {
            assert!(bad.parse::<Container>().is_err(), "{bad}");
        }
    }

    #[test]
    fn how_a_container_is_stands_in_its_state() {
        let of = |text: &str| understood(text.as_bytes());
        let plain = of(r#"{"State":{"Status":"running","Running":true,"StartedAt":"x"}}"#).unwrap();
        assert!(plain.is_running && plain.is_well());
        let sick =
            of(r#"{"State":{"Status":"running","Running":true,"Health":{"Status":"unhealthy"}}}"#).unwrap();
        assert!(!sick.is_well() && sick.words() == "running and unhealthy");
        let podman = of(r#"{"State":{"Status":"running","Running":true,"Health":{"Status":""}}}"#).unwrap();
        assert!(podman.is_well());
        for strange in ["", "{}", "[]", r#"{"State":7}"#, r#"{"State":{"Running":"yes"}}"#] {
            assert_eq!(of(strange), None, "{strange}");
        }
    }
}
