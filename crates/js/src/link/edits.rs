//! Text edits that keep every line where it is, and the way back from a generated column.

use std::sync::OnceLock;

/// Replaces `start..end` (byte offsets, on one line) by `text`.
#[derive(Debug, Clone)]
struct Edit {
    start: u32,
    end: u32,
    text: String,
}

/// The edits of one module, in source order once sealed by [`Edits::apply`].
#[derive(Debug, Default, Clone)]
pub(crate) struct Edits {
    list: Vec<Edit>,
}

impl Edits {
    /// Inserts text before the byte at `at`; insertions at one place keep their order.
    pub(super) fn insert(&mut self, at: u32, text: impl Into<String>) {
        self.list.push(Edit {
            start: at,
            end: at,
            text: text.into(),
        });
    }

    /// Replaces a range; line breaks inside it stay.
    pub(super) fn replace(&mut self, source: &str, start: u32, end: u32, text: impl Into<String>) {
        let mut text = text.into();
        let mut from = start;
        for (at, len) in line_breaks(&source[start as usize..end as usize]) {
            let at = start + at;
            self.list.push(Edit {
                start: from,
                end: at,
                text: std::mem::take(&mut text),
            });
            from = at + len;
        }
        self.list.push(Edit {
            start: from,
            end,
            text,
        });
    }

    /// The edited text between a prefix and a suffix. The prefix counts as an edit of the first
    /// line and must not contain a line break.
    pub(super) fn apply(&mut self, source: &str, prefix: &str, suffix: &str) -> String {
        self.list.insert(
            0,
            Edit {
                start: 0,
                end: 0,
                text: prefix.to_owned(),
            },
        );
        self.list.sort_by_key(|edit| edit.start);
        let mut out =
            String::with_capacity(source.len() + prefix.len() + suffix.len() + self.list.len() * 4);
        let mut pos = 0;
        for edit in &self.list {
            debug_assert!(edit.start >= pos, "edits overlap");
            out.push_str(&source[pos as usize..edit.start as usize]);
            out.push_str(&edit.text);
            pos = edit.end;
        }
        out.push_str(&source[pos as usize..]);
        out.push_str(suffix);
        out
    }

    /// The byte offset in the edited text of a byte offset of the source.
    pub(super) fn forward(&self, offset: u32) -> usize {
        let before = self.list.iter().take_while(|edit| edit.start < offset);
        let shift: i64 = before
            .map(|edit| edit.text.len() as i64 - i64::from(edit.end - edit.start))
            .sum();
        usize::try_from(i64::from(offset) + shift).unwrap_or(0)
    }

    /// The byte offset in the source of a generated position (zero-based line, UTF-16 column).
    pub(super) fn original(&self, source: &str, lines: &LineIndex, line: u32, column: u32) -> u32 {
        let (start, end) = lines.range(line, source);
        let first = self.list.partition_point(|edit| edit.start < start);
        let (mut pos, mut left) = (start, column);
        for edit in self.list[first..]
            .iter()
            .take_while(|edit| edit.start <= end)
        {
            let kept = utf16_len(&source[pos as usize..edit.start as usize]);
            if left < kept {
                break;
            }
            left -= kept;
            pos = edit.start;
            let added = utf16_len(&edit.text);
            if left < added {
                return pos;
            }
            left -= added;
            pos = edit.end;
        }
        pos + utf16_prefix(&source[pos as usize..end.max(pos) as usize], left)
    }
}

/// Where lines start; a line ends where JavaScript says so.
#[derive(Debug, Default)]
pub(crate) struct LineIndex {
    starts: OnceLock<Vec<u32>>,
}

/// A place in some source: zero-based line and UTF-16 column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// Line, from zero.
    pub(crate) line: u32,
    /// Column in UTF-16 units, from zero.
    pub(crate) column: u32,
}

impl LineIndex {
    fn starts(&self, source: &str) -> &[u32] {
        self.starts.get_or_init(|| {
            let breaks = line_breaks(source).into_iter().map(|(at, len)| at + len);
            std::iter::once(0).chain(breaks).collect()
        })
    }

    /// Byte range of a line without its terminator's following line; past the end: empty.
    fn range(&self, line: u32, source: &str) -> (u32, u32) {
        let starts = self.starts(source);
        let len = u32::try_from(source.len()).unwrap_or(u32::MAX);
        let start = starts.get(line as usize).copied().unwrap_or(len);
        let end = starts
            .get(line as usize + 1)
            .map_or(len, |next| next.saturating_sub(1));
        (start, end.max(start))
    }

    /// Line and column of a byte offset.
    pub(crate) fn locate(&self, source: &str, offset: u32) -> Mapped {
        let starts = self.starts(source);
        let line = starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let text = source
            .get(starts[line] as usize..offset as usize)
            .unwrap_or("");
        Mapped {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: utf16_len(text),
        }
    }

    /// The text of a line.
    pub(crate) fn text<'a>(&self, source: &'a str, line: u32) -> &'a str {
        let (start, end) = self.range(line, source);
        source
            .get(start as usize..end as usize)
            .unwrap_or("")
            .trim_end_matches(['\r', '\n'])
    }
}

/// Offsets and byte lengths of line terminators (`\r\n` is one).
fn line_breaks(text: &str) -> Vec<(u32, u32)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = match bytes[at] {
            b'\n' => 1,
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
            b'\r' => 1,
            0xE2 if bytes.get(at + 1) == Some(&0x80)
                && matches!(bytes.get(at + 2), Some(0xA8 | 0xA9)) =>
            {
                3
            }
            _ => 0,
        };
        if len > 0 {
            out.push((u32::try_from(at).unwrap_or(u32::MAX), len));
        }
        at += (len as usize).max(1);
    }
    out
}

fn utf16_len(text: &str) -> u32 {
    let units = if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    };
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// Bytes that the first `units` UTF-16 units of the text take.
fn utf16_prefix(text: &str, units: u32) -> u32 {
    let mut left = units as usize;
    let mut bytes = 0;
    for c in text.chars() {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(c.len_utf16());
        bytes += c.len_utf8();
    }
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_lead_back_through_edits() {
        let source = "abc def\nxyz ö import1 q";
        let mut edits = Edits::default();
        edits.replace(source, 4, 7, "$L0.def");
        let at = u32::try_from(source.find("import1").unwrap()).unwrap();
        edits.replace(source, at, at + 7, "$L1.i");
        let out = edits.apply(source, "PREFIX", "");
        assert_eq!(out, "PREFIXabc $L0.def\nxyz ö $L1.i q");
        let lines = LineIndex::default();
        assert_eq!(edits.original(source, &lines, 0, 6), 0);
        assert_eq!(edits.original(source, &lines, 0, 2), 0);
        assert_eq!(edits.original(source, &lines, 0, 10), 4);
        assert_eq!(edits.original(source, &lines, 1, 6), at);
        assert_eq!(edits.original(source, &lines, 1, 12), at + 8);
        assert_eq!(lines.locate(source, at), Mapped { line: 1, column: 6 });
    }

    #[test]
    fn a_removed_statement_leaves_its_line_breaks() {
        let source = "import {\n a,\r\n b\n} from 'x'\nq";
        let mut edits = Edits::default();
        let end = u32::try_from(source.find("\nq").unwrap()).unwrap();
        edits.replace(source, 0, end, ";");
        assert_eq!(edits.apply(source, "", ""), ";\n\r\n\n\nq");
    }
}
