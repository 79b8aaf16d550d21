//! Renders what user code threw, with frames of the original sources (function-runtime 8.1).

use crate::Bundle;
use crate::limits::ERROR_BYTES_MAX;

/// One frame of a V8 stack trace.
#[derive(Debug, PartialEq)]
struct Frame<'a> {
    /// Function part, `async ` included; may be empty.
    function: &'a str,
    /// Script name.
    file: &'a str,
    /// One-based line.
    line: u32,
    /// One-based column.
    column: u32,
}

/// `Uncaught Error: boom` and its frames, one a line; ends with a line break if there are frames.
pub(crate) fn render(bundle: &Bundle, text: &str, stack: &str) -> String {
    let mut out = format!("Uncaught {text}");
    truncate(&mut out, ERROR_BYTES_MAX);
    let frames: Vec<String> = stack_lines(text, stack)
        .filter_map(|line| frame_text(bundle, line))
        .collect();
    let mapped = trim_sdk(&frames);
    if !mapped.is_empty() {
        out.push('\n');
        for frame in mapped {
            out.push_str(frame);
            out.push('\n');
        }
    }
    out
}

/// Cuts at a character boundary.
pub(crate) fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let at = (0..=max)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(at);
    }
}

/// The lines of the stack after the message, which may itself look like frames.
fn stack_lines<'a>(text: &str, stack: &'a str) -> impl Iterator<Item = &'a str> {
    let frames = stack.strip_prefix(text).unwrap_or(stack);
    frames.lines().filter(|line| line.starts_with("    at "))
}

/// A frame as the developer reads it, or nothing for the executor's own.
fn frame_text(bundle: &Bundle, line: &str) -> Option<String> {
    let Some(frame) = parse_frame(line) else {
        // `at new Promise (<anonymous>)`, `at Array.map (<anonymous>)`: built-ins.
        return line.contains("<anonymous>").then(|| line.to_owned());
    };
    // Installed packages have no source maps here.
    let path = match frame.file.strip_prefix("convex:/") {
        Some(path) => path,
        None if frame.file.starts_with("node_modules/") => frame.file,
        None => return None,
    };
    let (file, at_line, column) = match bundle.index_of(path) {
        Some(index) => {
            let place = bundle.modules()[index]
                .place(frame.line.saturating_sub(1), frame.column.saturating_sub(1));
            (place.file, place.at.line + 1, place.at.column + 1)
        }
        None => (frame.file.to_owned(), frame.line, frame.column),
    };
    Some(match frame.function {
        "" => format!("    at {file}:{at_line}:{column}"),
        "async" => format!("    at async {file}:{at_line}:{column}"),
        function => format!("    at {function} ({file}:{at_line}:{column})"),
    })
}

fn parse_frame(line: &str) -> Option<Frame<'_>> {
    let body = line.strip_prefix("    at ")?;
    let (function, location) = match body
        .strip_suffix(')')
        .and_then(|body| body.rsplit_once(" ("))
    {
        Some(parts) => parts,
        None => body
            .strip_prefix("async ")
            .map_or(("", body), |location| ("async", location)),
    };
    let (rest, column) = location.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Frame {
        function,
        file,
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
}

/// Frames of the SDK's own plumbing say nothing to the developer at either end of the trace, and
/// neither do built-ins that only the executor's frames surrounded.
fn trim_sdk(frames: &[String]) -> &[String] {
    let sdk = |frame: &String| {
        frame.contains("/convex/src/server/impl/") || frame.contains("/convex/src/server/router.ts")
    };
    let plumbing = |frame: &String| {
        sdk(frame) || (frame.contains("<anonymous>)") && !frame.contains("convex/"))
    };
    let from = frames
        .iter()
        .position(|frame| !sdk(frame))
        .unwrap_or(frames.len());
    let to = frames
        .iter()
        .rposition(|frame| !plumbing(frame))
        .map_or(from, |at| at + 1);
    &frames[from..to.max(from)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ModuleEnvironment, ModuleSource};

    fn bundle(source: &str) -> Bundle {
        let module = ModuleSource {
            path: "foo.js".to_owned(),
            source: source.into(),
            source_map: None,
            environment: ModuleEnvironment::Isolate,
        };
        Bundle::link(vec![module], [0; 32], 0.0).unwrap()
    }

    #[test]
    fn frames_lose_the_executor_and_the_edits() {
        let bundle = bundle("export const f = () => {\n  throw new Error('x');\n};\n");
        let stack = "Error: x\n    at fake\n    at f (convex:/foo.js:2:9)\n    at new Promise (<anonymous>)\n    \
                     at async run (lentil:realm:1200:20)";
        let out = render(&bundle, "Error: x", stack);
        assert_eq!(out, "Uncaught Error: x\n    at f (../convex/foo.js:2:9)\n");
    }

    #[test]
    fn a_message_that_looks_like_a_frame_is_not_one() {
        let bundle = bundle("export const f = 1;");
        let text = "Error: a\n    at evil (convex:/foo.js:1:1)";
        let out = render(
            &bundle,
            text,
            &format!("{text}\n    at g (convex:/foo.js:1:99)"),
        );
        assert_eq!(out.matches("    at ").count(), 2);
        assert!(out.starts_with("Uncaught Error: a\n"));
    }

    #[test]
    fn no_stack_no_line_break() {
        assert_eq!(render(&bundle(""), "boom", ""), "Uncaught boom");
    }

    #[test]
    fn frames_are_parsed() {
        let frame = parse_frame("    at async Promise.all (index 0)");
        assert_eq!(frame, None);
        let frame = parse_frame("    at async convex:/a.js:3:4").unwrap();
        assert_eq!(
            (frame.function, frame.file, frame.line, frame.column),
            ("async", "convex:/a.js", 3, 4)
        );
        let frame = parse_frame("    at Foo.bar [as baz] (convex:/a.js:3:4)").unwrap();
        assert_eq!(
            (frame.function, frame.file),
            ("Foo.bar [as baz]", "convex:/a.js")
        );
    }

    #[test]
    fn long_messages_are_cut() {
        let out = render(&bundle(""), &"ö".repeat(100_000), "");
        assert!(out.len() <= ERROR_BYTES_MAX && out.len() > ERROR_BYTES_MAX - 4);
    }
}
