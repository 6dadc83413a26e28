//! Reads that pass through, at 64 connections.

use std::time::Duration;

use crate::Surroundings;
use crate::clients::{Load, Paths, Span};
use crate::contestant::{Running, Who};
use crate::figures::{Round, mebibytes, medians, shown, size};

const CONNECTIONS: usize = 64;
const SPAN: Span = Span::Time { before: Duration::from_millis(200), counted: Duration::from_secs(1) };

pub(crate) fn measure(surroundings: &Surroundings) {
    println!(
        "| answer | who | reads a second | of nginx | p50 | p99 | p99.9 | processor of a read | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for got in [1 << 10, 100 << 10] {
        let load = Load { method: "GET", paths: Paths::One, sent: 0, got, connections: CONNECTIONS };
        let running: Vec<Running> = Who::ALL.into_iter().filter_map(|who| who.start(surroundings)).collect();
        let mut rounds = vec![Vec::new(); running.len()];
        let mut direct = Vec::new();
        for number in 0..surroundings.rounds {
            direct.push(load.run(surroundings.service.address, SPAN));
            // Nobody always comes behind the same one.
            for turn in 0..running.len() {
                let turn = (turn + number) % running.len();
                let contestant = running.get(turn).unwrap();
                let round = Round::by(contestant, || load.run(contestant.address, SPAN));
                rounds.get_mut(turn).unwrap().push(round);
            }
        }
        let medians_of: Vec<Round> = rounds.iter().map(|rounds| medians(rounds)).collect();
        let nginx = running.iter().position(|running| running.who == Who::Nginx);
        let nginx = nginx.and_then(|nginx| medians_of.get(nginx)).map(|round| round.per_second);
        show(got, "the service itself", (&medians(&direct), nginx), "");
        for (contestant, round) in running.iter().zip(&medians_of) {
            show(got, contestant.who.name(), (round, nginx), &mebibytes(contestant.peak()));
        }
    }
}

fn show(got: u64, who: &str, (round, nginx): (&Round, Option<f64>), peak: &str) {
    assert_eq!(round.refused, 0, "{who} answered something else than the service");
    let Round { per_second, p50, p99, p999, processor, .. } = round;
    let share = nginx.map_or(String::new(), |nginx| format!("{:.2}", per_second / nginx));
    println!(
        "| {} | {who} | {per_second:.0} | {share} | {} | {} | {} | {} | {peak} |",
        size(got),
        shown(*p50),
        shown(*p99),
        shown(*p999),
        shown(*processor),
    );
}
