//! Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

/// What is told.
#[derive(Default)]
pub(super) struct Text(String);

impl From<Text> for String {
    fn from(text: Text) -> String {
        text.0
    }
}

impl Text {
    /// Begins a metric; its samples follow.
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _infallible = write!(
            self.0,
            "# HELP lentil_{name} {help}.\n# TYPE lentil_{name} {kind}\n"
        );
    }

    /// One value; names of labels are plain, their values may be anything.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _infallible = write!(self.0, "lentil_{name}");
        for (place, (label, of)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _infallible = write!(self.0, "{before}{label}=\"");
            for character in of.chars() {
                match character {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _infallible = writeln!(self.0, "{after} {value}");
    }

    /// A metric that has one value.
    pub(super) fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_quoted() {
        let mut text = Text::default();
        text.head("x", "gauge", "Something");
        text.sample("x", &[("a", "q\"\\\n"), ("b", "")], 1.5);
        text.sample("x", &[], 2.0);
        assert_eq!(
            String::from(text),
            "# HELP lentil_x Something.\n# TYPE lentil_x gauge\n\
             lentil_x{a=\"q\\\"\\\\\\n\",b=\"\"} 1.5\nlentil_x 2\n"
        );
    }
}
