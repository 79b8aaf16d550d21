//! The fields of the frames of a call: invocations and replies are written, outcomes read.

use std::time::Duration;

use super::End;
use crate::call::{
    CallOutcome, CallResult, Foreseen, Invocation, JsError, LogLevel, LogLine, Reserved, Usage,
};
use crate::render::render;
use crate::wire::{FrameReader, FrameWriter, Malformed};
use crate::{Bundle, FunctionKind, Realms, SyscallError};

pub(super) fn write_reply(
    replies: &mut FrameWriter,
    reply: Result<String, SyscallError>,
) -> Result<(), End> {
    match reply {
        Ok(text) => {
            replies.u8(0);
            replies.str(&text);
        }
        Err(SyscallError::Developer { message, data }) => {
            replies.u8(if data.is_some() { 2 } else { 1 });
            replies.str(&message);
            if let Some(data) = data {
                replies.str(&data);
            }
        }
        Err(SyscallError::System { message }) => return Err(End::System(message, true)),
    }
    Ok(())
}

/// What is answered in advance.
pub(super) fn write_foreseen(output: &mut FrameWriter, foreseen: &[Foreseen]) {
    output.u32(u32::try_from(foreseen.len()).unwrap_or(u32::MAX));
    for Foreseen { op, args, answer } in foreseen {
        output.str(op);
        output.str(args);
        output.str(answer);
    }
}

/// Whether writes may be posted, and what inserts are answered.
pub(super) fn write_posting(output: &mut FrameWriter, posting: Option<&[Reserved]>) {
    output.u8(u8::from(posting.is_some()));
    if let Some(tables) = posting {
        write_reserved(output, tables);
    }
}

/// What inserts are answered.
pub(super) fn write_reserved(output: &mut FrameWriter, tables: &[Reserved]) {
    output.u32(u32::try_from(tables.len()).unwrap_or(u32::MAX));
    for Reserved { begins, answers } in tables {
        output.str(begins);
        output.u32(u32::try_from(answers.len()).unwrap_or(u32::MAX));
        for answer in answers {
            output.str(answer);
        }
    }
}

/// The fields of an invocation; the environment and the module by their numbers.
pub(crate) fn write_invocation(
    output: &mut FrameWriter,
    invocation: &Invocation,
    env: u32,
    module: usize,
    realms: Realms,
) {
    output.u32(invocation.bundle.number());
    output.u32(env);
    output.u8(match realms {
        Realms::Fresh => 0,
        Realms::Kept => 1,
        Realms::Watched if invocation.bundle.modules()[module].is_distrusted() => 0,
        Realms::Watched => 2,
    });
    output.u8(kind_number(invocation.kind));
    output.u32(u32::try_from(module).unwrap_or(u32::MAX));
    output.str(&invocation.function);
    output.str(&invocation.args);
    output.str(&hex::encode(invocation.seed));
    output.f64(invocation.now_ms);
}

fn kind_number(kind: FunctionKind) -> u8 {
    match kind {
        FunctionKind::Query => 0,
        FunctionKind::Mutation => 1,
        FunctionKind::Action => 2,
        FunctionKind::HttpAction => 3,
    }
}

pub(crate) fn read_outcome(
    fields: &mut FrameReader,
    bundle: &Bundle,
) -> Result<CallOutcome, Malformed> {
    let status = fields.u8()?;
    let (text, stack) = (fields.str()?, fields.str()?);
    let has_data = fields.u8()? == 1;
    let data = fields.str()?;
    let observed = fields.u8()?;
    let verdict = fields.str()?.to_owned();
    let result = match status {
        0 => CallResult::Value(text.to_owned()),
        1 => CallResult::Error(JsError {
            rendered: render(bundle, text, stack),
            data: has_data.then(|| data.to_owned()),
        }),
        _ => CallResult::Error(JsError {
            rendered: text.to_owned(),
            data: None,
        }),
    };
    let count = fields.u32()?;
    let mut logs = Vec::new();
    for _ in 0..count {
        logs.push(read_line(fields)?);
    }
    let usage = Usage {
        user_time: Duration::ZERO,
        observed_time: observed & 1 != 0,
        observed_randomness: observed & 2 != 0,
        observed_env: observed & 4 != 0,
        realm_reused: observed & 8 != 0,
    };
    Ok(CallOutcome {
        result,
        logs,
        usage,
        realm_verdict: (!verdict.is_empty()).then_some(verdict),
    })
}

pub(crate) fn read_line(fields: &mut FrameReader) -> Result<LogLine, Malformed> {
    let level = match fields.u8()? {
        0 => LogLevel::Debug,
        1 => LogLevel::Info,
        2 => LogLevel::Log,
        3 => LogLevel::Warn,
        _ => LogLevel::Error,
    };
    let is_truncated = fields.u8()? == 1;
    let timestamp_ms = fields.f64()?;
    let count = fields.u32()?;
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(fields.str()?.to_owned());
    }
    Ok(LogLine {
        level,
        messages,
        timestamp_ms,
        is_truncated,
    })
}
