//! How the server that writes a log is restarted, if it is.

use std::path::PathBuf;

use watch::{Container, OverDamage, Restart, RestartRules, Unit, Way};

use super::{refuse, seconds};
use crate::config::{Origin, Reader};
use crate::spans::Span;

const WAYS: [&str; 3] = ["restart.docker", "restart.systemd", "restart.command"];

/// Keys that mean nothing without a way, and the one that they belong to, if it is one alone.
const DETAILS: [(&str, Option<&str>); 8] = [
    ("restart.docker_socket", Some("restart.docker")),
    ("restart.grace", Some("restart.docker")),
    ("restart.after", None),
    ("restart.cooldown", None),
    ("restart.most_a_day", None),
    ("restart.over_damage", None),
    ("restart.timeout", None),
    ("restart.patience", None),
];

/// Restarts that can be allowed in a day: one every two minutes is no last resort any more.
const MOST: u64 = 720;

/// What is written of it.
#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
pub(super) fn understand(read: &mut Reader<'_>) -> Option<Option<Restart>> {
    let is_set =
        |read: &mut Reader<'_>, name| read.entry(name).is_some_and(|entry| entry.origin != Origin::Default);
    let named: Vec<&str> = WAYS.into_iter().filter(|name| is_set(read, name)).collect();
    for (name, of) in DETAILS {
        let counts = of.map_or(!named.is_empty(), |of| named.contains(&of));
        if !counts && is_set(read, name) {
            let of = of.map_or_else(|| WAYS.join(", or "), str::to_owned);
            refuse(read, name, format!("it says nothing without {of}"));
        }
    }
    if let [_, other, ..] = named.as_slice() {
        let other = WAYS.into_iter().find(|name| name == other)?;
        let message = "a server is restarted in one way: keep one of docker, systemd and command";
        refuse(read, other, message.to_owned());
    }
    let (way, rules) = (way(read), rules(read));
    let (timeout, patience) = (seconds(read, "restart.timeout"), seconds(read, "restart.patience"));
    let (way, rules, timeout, patience) = (way?, rules?, timeout?, patience?);
    Some(way.map(|way| Restart { way, rules, timeout, patience }))
}

#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
fn way(read: &mut Reader<'_>) -> Option<Option<Way>> {
    let container = read.optional::<Container>("restart.docker");
    let socket = read.value::<PathBuf>("restart.docker_socket");
    let grace = read.value::<Span>("restart.grace").map(Span::duration);
    let unit = read.optional::<Unit>("restart.systemd");
    let command = read.optional::<String>("restart.command");
    let (container, socket, grace) = (container?, socket?, grace?);
    let docker = container.map(|container| Way::Docker { container, socket, grace });
    Some(docker.or(unit?.map(Way::Systemd)).or(command?.map(Way::Command)))
}

fn rules(read: &mut Reader<'_>) -> Option<RestartRules> {
    let after = number(read, "restart.after");
    let cooldown = read.value::<Span>("restart.cooldown").map(Span::duration);
    let most_a_day = number(read, "restart.most_a_day");
    let over_damage = read.value::<bool>("restart.over_damage");
    let over_damage = if over_damage? { OverDamage::Restart } else { OverDamage::Refuse };
    Some(RestartRules { after: after?, cooldown: cooldown?, most_a_day: most_a_day?, over_damage })
}

/// A number from 1 on that is not absurd.
fn number(read: &mut Reader<'_>, name: &'static str) -> Option<u32> {
    let number = read.value::<u64>(name)?;
    if !(1..=MOST).contains(&number) {
        refuse(read, name, format!("it has to be a number from 1 to {MOST}"));
        return None;
    }
    u32::try_from(number).ok()
}
