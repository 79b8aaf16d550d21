//! Comparing a message with the expected one.

/// A name in angle brackets, and the characters that it stands for.
type Placeholder = (&'static str, fn(char) -> bool);

/// What an expected message writes for an id, a long run of letters, and a number that varies.
const PLACEHOLDERS: [Placeholder; 3] = [
    ("<id>", |c| c.is_ascii_digit() || c.is_ascii_lowercase()),
    ("<letters>", |c| c.is_ascii_alphabetic()),
    ("<number>", |c| c.is_ascii_digit() || c == '.'),
];

/// A message without its frames: they are positions in code that the tests make up.
pub(crate) fn without_frames(message: &str) -> String {
    let lines = message.trim_end().lines();
    let kept: Vec<&str> = lines
        .filter(|line| !line.starts_with("    at "))
        .map(str::trim_end)
        .collect();
    kept.join("\n")
}

/// Whether a message is the expected one.
pub(crate) fn matches(mut expected: &str, mut found: &str) -> bool {
    loop {
        let next = PLACEHOLDERS
            .iter()
            .filter_map(|(name, class)| expected.find(name).map(|at| (at, *name, *class)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, name, class)) = next else {
            return expected == found;
        };
        let Some(rest) = found.strip_prefix(&expected[..at]) else {
            return false;
        };
        let varying = rest.find(|c| !class(c)).unwrap_or(rest.len());
        if varying == 0 {
            return false;
        }
        expected = &expected[at + name.len()..];
        // A full stop behind a number belongs to the sentence.
        let varying = if expected.starts_with('.') && rest[..varying].ends_with('.') {
            varying - 1
        } else {
            varying
        };
        found = &rest[varying..];
    }
}

#[test]
fn placeholders_stand_for_what_varies() {
    assert!(matches("no row <id> here", "no row j57f1re here"));
    assert!(matches("took <number>.", "took 1.5."));
    assert!(matches("<number> of <number>", "3 of 4"));
    assert!(!matches("no row <id> here", "no row  here"));
    assert!(!matches("no row <id> here", "no row J57 here"));
    assert!(!matches("took <number> ms", "took 1.5 s"));
    assert!(!matches("same", "same "));
}

#[test]
fn frames_are_left_out() {
    let message = "Uncaught Error: a\nb\n    at f (../convex/m.ts:1:2)\n    at g\n";
    assert_eq!(without_frames(message), "Uncaught Error: a\nb");
}
