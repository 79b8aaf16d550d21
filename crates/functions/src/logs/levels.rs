//! Kinds of lines as bits of an entry, so that a search need not look into entries without them.

use lentil_js::LogLevel;

use super::Line;

const DEBUG: u32 = 1;
const INFO: u32 = 2;
const LOG: u32 = 4;
const WARN: u32 = 8;
const ERROR: u32 = 16;
pub(super) const SUCCESS: u32 = 32;
pub(super) const FAILURE: u32 = 64;
/// A mark for entries that were not kept: whoever looks for anything is to see it.
pub(super) const LOST: u32 = u32::MAX >> 1;

/// The bits of a call's lines.
pub(super) fn of_lines(lines: &[Line]) -> u32 {
    let bits = lines.iter().map(|line| match line.line.level {
        LogLevel::Debug => DEBUG,
        LogLevel::Info => INFO,
        LogLevel::Log => LOG,
        LogLevel::Warn => WARN,
        LogLevel::Error => ERROR,
    });
    bits.fold(0, |all, bit| all | bit)
}

/// The bits that a word of a query asks for. `error` also means calls that failed: both are what
/// somebody looking for errors looks for.
pub(super) fn of_word(word: &str) -> Option<u32> {
    Some(match word {
        "debug" => DEBUG,
        "info" => INFO,
        "log" => LOG,
        "warn" => WARN,
        "error" => ERROR | FAILURE,
        "success" => SUCCESS,
        "failure" => FAILURE,
        _ => return None,
    })
}
