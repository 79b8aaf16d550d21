//! The `lentil` binary: chooses the storage adapter, wires every part together, and speaks to
//! the person who starts it.
//!
//! It does not decide anything about data, functions or the wire.

mod options;
mod files;
mod credentials;
mod keys;
mod serve;
mod memory;
mod banner;
mod client;
mod remote;
mod transfer;
mod backup;
mod install;
#[cfg(test)]
mod documentation;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Command, Options};

/// A server allocates small things on every thread all the time: with the C library's allocator
/// that was a seventh of the time of a query that runs again (`perf` beside `cargo xtask bench W6`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match options.command {
        Some(Command::Serve(serve)) => serve::main(*serve),
        None => serve::main(options.serve),
        Some(Command::Keys(arguments)) => keys::main(&arguments),
        Some(Command::Keygen { what }) => keys::keygen(&what),
        Some(Command::Run(arguments)) => remote::run(&arguments),
        Some(Command::Data(arguments)) => remote::data(&arguments),
        Some(Command::Env(arguments)) => remote::environment(&arguments),
        Some(Command::Status(target)) => remote::status(&target),
        Some(Command::Export(arguments)) => transfer::export(&arguments),
        Some(Command::Import(arguments)) => transfer::import(&arguments),
        Some(Command::Backup(arguments)) => backup::backup(&arguments),
        Some(Command::Restore(arguments)) => backup::restore(&arguments),
        Some(Command::InstallLocal(arguments)) => install::main(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lentil: {error:#}");
            ExitCode::FAILURE
        }
    }
}
