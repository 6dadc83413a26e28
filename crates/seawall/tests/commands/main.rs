//! The binary as a whole: directories, commands, and what they print and end with.

mod generate;
mod golden;
mod guard;
mod output;
mod world;
