//! What an operator does with a write: send it again, or give it up.

use std::sync::Arc;

use http::{Response, StatusCode};
use journal::{CommitError, Outcome};
use serde_json::json;

use super::writes::{State, dropped_key, states};
use crate::answer::{self, error, json_answer};
use crate::body::Body;
use crate::core::Core;
use crate::id::AskedId;
use crate::known::Lesson;
use crate::lane::{self, Omission};

/// Sends a write again to every server that has it parked, and tries again where it is pending.
pub(crate) async fn retry(core: &Arc<Core>, id: AskedId) -> Response<Body> {
    let shared = &core.shared;
    let lane = shared.lane(id.lane);
    let mut retried = Vec::new();
    for (track, (name, state)) in states(shared, id).into_iter().enumerate() {
        match state {
            State::Parked(_) => {
                if let Err(error) = settle(core, (id, track), Outcome::Requeued).await {
                    return answer::not_journaled(&error);
                }
                lane::start(core, id.lane, lane.requeue(track, id.seq));
                retried.push(name);
            }
            State::Queued | State::Unknown => {
                lane::start(core, id.lane, lane.come_back(track));
                retried.push(name);
            }
            State::Applied | State::Dropped => {}
        }
    }
    if retried.is_empty() {
        let message = "this write is neither pending nor parked on any server";
        return error(
            StatusCode::CONFLICT,
            "settled",
            (message, "/seawall/writes/{id} says what became of it"),
        );
    }
    json_answer(StatusCode::OK, &json!({"id": shared.write_id(id.lane, id.seq), "retried": retried}))
}

/// Gives a write up on every server that has it pending or parked.
pub(crate) async fn give_up(core: &Arc<Core>, id: AskedId) -> Response<Body> {
    let shared = &core.shared;
    let lane = shared.lane(id.lane);
    let mut dropped = Vec::new();
    for (track, (name, state)) in states(shared, id).into_iter().enumerate() {
        let outcome = match state {
            State::Applied | State::Dropped => continue,
            State::Parked(_) => Outcome::Dropped,
            State::Queued | State::Unknown => {
                let (omission, starts) = lane.omit(track, id.seq);
                lane::start(core, id.lane, starts);
                match omission {
                    Omission::Done => Outcome::Delivered,
                    Omission::Settled => continue,
                    Omission::OnTheWay => {
                        let message = format!("this write is on its way to {name} just now");
                        let hint = "look what became of it, and try again";
                        return error(StatusCode::CONFLICT, "on-its-way", (&message, hint));
                    }
                }
            }
        };
        // Known first: a crash in between leaves a write that is pending, or parked, and can be given up again.
        let lesson = Lesson::Put { key: dropped_key(id, track), value: String::new() };
        let known = shared.teacher.teach(|| vec![lesson]).await;
        if let Err(error) = match known {
            Ok(()) => settle(core, (id, track), outcome).await,
            Err(error) => Err(error),
        } {
            return answer::not_journaled(&error);
        }
        dropped.push(name);
    }
    if dropped.is_empty() {
        let message = "this write is neither pending nor parked on any server";
        return error(
            StatusCode::CONFLICT,
            "settled",
            (message, "/seawall/writes/{id} says what became of it"),
        );
    }
    json_answer(StatusCode::OK, &json!({"id": shared.write_id(id.lane, id.seq), "dropped": dropped}))
}

async fn settle(core: &Core, (id, track): (AskedId, usize), outcome: Outcome) -> Result<(), CommitError> {
    let shared = &core.shared;
    let stream = shared.lane(id.lane).stream(&shared.journal)?;
    match shared.consumers.get(track) {
        Some(consumer) => consumer.settle(stream, id.seq, outcome).await,
        None => Ok(()),
    }
}
