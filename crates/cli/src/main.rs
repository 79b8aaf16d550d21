//! The `lentil` binary: chooses the storage adapter, wires every part together, and speaks to
//! the person who starts it.
//!
//! It does not decide anything about data, functions or the wire.

mod options;
mod files;
mod credentials;
mod keys;
mod serve;
mod banner;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Command, Options};

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match options.command {
        Some(Command::Serve(serve)) => serve::main(*serve),
        None => serve::main(options.serve),
        Some(Command::Keys(arguments)) => keys::main(&arguments),
        Some(Command::Keygen { what }) => keys::keygen(&what),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lentil: {error:#}");
            ExitCode::FAILURE
        }
    }
}
