//! `seawall consumers`: who reads the journal.

use journal::{Consumer, Journal};

use crate::cli::{Consumers, Form, ListConsumersArgs};
use crate::commands::streams::{Standing, by_stream};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journals::{self, Missing};
use crate::json;
use crate::show::{self, Screen};

/// Shows the consumers.
pub(crate) fn run(what: &Consumers, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match what {
        Consumers::List(args) => list(args, form, screen),
    }
}

fn list(args: &ListConsumersArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let journal = journals::open(&args.journal, Missing::Refuse, screen)?;
    let all = standings(&journal);
    match form {
        Form::Json => show::print(
            &all.iter().map(|one| format!("{}\n", json::journal::consumer(one))).collect::<String>(),
        )?,
        Form::Text => show::print(&show::consumers(&all, screen))?,
    }
    Ok(Exit::Fine)
}

fn standings(journal: &Journal) -> Vec<Standing> {
    let mut names = journal.consumers();
    names.sort();
    names.iter().filter_map(|name| journal.find_consumer(name)).map(|consumer| total(&consumer)).collect()
}

/// What a consumer has to do in all streams together.
fn total(consumer: &Consumer) -> Standing {
    let none = Standing { consumer: consumer.name().to_owned(), ..Standing::default() };
    by_stream(consumer).into_values().fold(none, |sum, one| Standing {
        pending: sum.pending + one.pending,
        parked: sum.parked + one.parked,
        ..sum
    })
}
