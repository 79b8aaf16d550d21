//! This crate is the project's one tool: `cargo xtask <command>`.
//!
//! It does not depend on any crate of the workspace, so that it builds in seconds.

mod workspace;
mod command;
mod setup;
mod tidy;
mod test;
mod run;
mod bench;
mod dashboard;
mod docs;
mod error_pages;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sets up, checks, runs and measures Lentil.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what running and testing need (Node, npm packages, Chromium, Python packages).
    Setup(setup::Arguments),
    /// Checks what compilers do not: crate edges, named paths, stations, compatibility rows.
    Tidy,
    /// Runs every test.
    Test(test::Arguments),
    /// Runs the random tests at full length: a million histories and more, for a quarter of an hour.
    Torture(test::TortureArguments),
    /// Starts Lentil, by default with the example app.
    Run(run::Arguments),
    /// Builds the dashboard with npm; the server is then compiled with it.
    Dashboard(dashboard::Arguments),
    /// Builds the documentation as a site, with mdBook.
    Docs(docs::Arguments),
    /// Measures workloads and writes docs/benchmarks.md.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Setup(arguments) => setup::main(&arguments),
        Task::Tidy => tidy::main(),
        Task::Test(arguments) => test::main(&arguments),
        Task::Torture(arguments) => test::torture(&arguments),
        Task::Run(arguments) => run::main(&arguments),
        Task::Dashboard(arguments) => dashboard::main(&arguments),
        Task::Docs(arguments) => docs::main(&arguments),
        Task::Bench(arguments) => bench::main(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a stack: what failed is said by the causes.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
