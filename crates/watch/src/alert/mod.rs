//! Alerts: telling people, and other programs, that something is wrong and that it no longer is.
//!
//! * [`News`] say what is with a target. News are levels, not edges: to tell the same twice does no harm.
//! * A [`Desk`] is what one channel is told: by its [`Route`], once for each change, with reminders while trouble lasts, and
//!   with its end. It is a pure state machine that also knows when to try again and when to give up.
//! * A [`Letter`] is what a channel is given to send, on its [`Stationery`]. A [`Channel`] sends it and says, as a
//!   [`Verdict`], what became of it.
//! * The [`Office`] lets each channel have its desk and a task that does what the desk says, so that one that is slow or gone
//!   keeps no other waiting.
//!
//! What channels send is JSON where the service that takes it wants JSON. No secret is ever part of a text that is told
//! about a channel: [`Secrets`] takes out of it what a server repeats.

mod channel;
mod desk;
mod email;
mod letter;
mod news;
mod office;
mod route;
mod secrets;
mod template;
mod verdict;

pub use channel::{Alertmanager, Channel, PagerDuty, Slack, Webhook};
pub use desk::{Desk, Endings, Lost, Rules, Tally};
pub use email::{Email, Login, Mailbox, MailboxError, Relay, Safety};
pub use letter::{Letter, Occasion, Stationery, Word};
pub use news::{Key, News, State, Topic, Trouble};
pub use office::{Figures, Office, Sender, Telling};
pub use route::{Pattern, Route};
pub use secrets::{Secret, Secrets};
pub use template::{Template, TemplateError};
pub use verdict::Verdict;
