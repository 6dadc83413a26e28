//! A network that fails in every manner while events are appended: all arrive, in order.

use std::thread;
use std::time::Duration;

use ship::{Beside, Form, Http, Packing, Policy, Times, Trust};
use testkit::{Manner, Wire, wait_for};

use super::house::{House, PATIENCE, Server, brisk};

const MANNERS: [Manner; 7] = [
    Manner::Reset,
    Manner::Swallow,
    Manner::Deafen,
    Manner::Cut,
    Manner::Garble,
    Manner::Flood,
    Manner::Drip,
];

#[test]
fn whatever_the_network_does_every_event_arrives_and_first_deliveries_are_in_order() {
    let server = Server::start(|_, _| None);
    let wire = Wire::to(server.collector.address()).unwrap();
    let house = House::new();
    let times = Times { request: Duration::from_millis(300), ..Times::default() };
    let url = format!("http://{}/", wire.address()).parse().unwrap();
    let link = (&Trust::default(), times);
    let sink = Http::new(url, link, Beside::default(), (Form::Json, Packing::None)).unwrap();
    let running = house.ship_to(std::sync::Arc::new(sink), Policy { in_flight: 3, ..brisk() });
    let view = running.view();
    let mut last = 0;
    for manner in MANNERS.into_iter().chain(MANNERS.into_iter().rev()) {
        let before = view.status().totals;
        wire.set(manner);
        for stream in 0..4 {
            house.append(&format!("s-{stream}"), last + 1..=last + 20);
        }
        last += 20;
        // Until it has hurt, or has done all it can.
        let felt = || {
            let now = view.status().totals;
            (now.failures > before.failures || manner == Manner::Drip && now.delivered > before.delivered)
                .then_some(())
        };
        wait_for(PATIENCE, felt).unwrap_or_else(|| panic!("{manner:?} {:?}", view.status()));
        wire.set(Manner::Pass);
        thread::yield_now();
    }
    house.settled();
    for stream in 0..4 {
        assert_eq!(server.first_seqs(&format!("s-{stream}")), (1..=last).collect::<Vec<_>>());
    }
    assert!(house.parked().is_empty(), "a network refuses nothing");
    house.drain(running);
}
