//! The page of figures: a table for each plot, and what was seen as CSV.

use std::fmt::Write as _;
use std::path::Path;

use super::Story;
use crate::report::machine;

pub(crate) fn table(story: &Story) -> String {
    let mut text = String::from(
        "| | after | s | server, MiB | of no file | executors | all of them, MiB | of no file | one of them, of no file |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for (at, mark) in story.marks.iter().enumerate() {
        let moment = &mark.moment;
        let one = moment.executing.anonymous / moment.executors.max(1) as f64;
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.1} | {:.1} | {} | {:.1} | {:.1} | {one:.1} |",
            at + 1,
            mark.what,
            moment.at.as_secs_f64(),
            moment.server.pss,
            moment.server.anonymous,
            moment.executors,
            moment.executing.pss,
            moment.executing.anonymous,
        );
    }
    text
}

/// One line for about each second.
pub(crate) fn csv(story: &Story) -> String {
    let mut text = String::from(
        "seconds,server_pss_mib,server_anonymous_mib,executors,executors_pss_mib,executors_anonymous_mib\n",
    );
    for moment in story.moments.iter().step_by(2) {
        let _ = writeln!(
            text,
            "{:.1},{:.1},{:.1},{},{:.1},{:.1}",
            moment.at.as_secs_f64(),
            moment.server.pss,
            moment.server.anonymous,
            moment.executors,
            moment.executing.pss,
            moment.executing.anonymous
        );
    }
    text
}

pub(crate) fn write(page: &Path, stories: &[Story]) -> anyhow::Result<()> {
    let mut text = format!(
        "# Memory\n\n\
         Written by `cargo xtask bench memory`: a server as it is released, on a folder of its own, and its executors, \
         looked at twice a second (`smaps_rollup`). PSS is what processes have for themselves and their shares of what \
         several have (the Node binary, mostly, which other programs of the machine may share as well); of no file is \
         what they have allocated. Numbers above the lines are the rows of the tables.\n\n\
         Executors give memory back when they have had nothing to do for five seconds, and go away after five minutes.\n\n\
         Machine: {}.\n",
        machine()
    );
    for story in stories {
        let _ = write!(
            text,
            "\n## {title}\n\n![{title}: memory of server and executors over time](memory-{name}.svg)\n\n{}\n\
             Each sample: [memory-{name}.csv](memory-{name}.csv).\n",
            table(story),
            title = story.title,
            name = story.name,
        );
    }
    let _ = write!(
        text,
        "\nThe same of the function host alone, as its tests hold it: [memory-host.md](memory-host.md).\n"
    );
    std::fs::write(page, text)?;
    println!("wrote {}", page.display());
    Ok(())
}
