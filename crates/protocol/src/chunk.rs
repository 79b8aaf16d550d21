//! Cutting a large transition (sync-and-http 1.5, `TransitionChunk`).

use crate::TRANSITION_CHUNK_BYTES;
use crate::json_text::{push_display, push_number, push_string};

/// The `TransitionChunk` messages of one transition, written one at a time so that a slow reader
/// does not cost the transition twice.
#[derive(Debug)]
pub struct TransitionChunks {
    text: String,
    sent: usize,
    part: u64,
    parts: u64,
    chunk_bytes: usize,
}

impl TransitionChunks {
    /// Cuts the text of a `Transition` message into pieces of [`TRANSITION_CHUNK_BYTES`] at most.
    pub fn new(transition: String) -> TransitionChunks {
        TransitionChunks::with_size(transition, TRANSITION_CHUNK_BYTES)
    }

    /// Whether every piece was taken.
    pub fn is_done(&self) -> bool {
        self.sent == self.text.len()
    }

    fn with_size(text: String, chunk_bytes: usize) -> TransitionChunks {
        assert!(!text.is_empty(), "a transition is a JSON object");
        let mut parts = 0;
        let mut at = 0;
        while at < text.len() {
            at = cut(&text, at, chunk_bytes);
            parts += 1;
        }
        TransitionChunks {
            text,
            sent: 0,
            part: 0,
            parts,
            chunk_bytes,
        }
    }
}

/// The end of the piece that starts at `from`.
fn cut(text: &str, from: usize, chunk_bytes: usize) -> usize {
    text.floor_char_boundary(from + chunk_bytes)
}

impl Iterator for TransitionChunks {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.sent == self.text.len() {
            assert_eq!(
                self.part, self.parts,
                "the announced number of parts was sent"
            );
            return None;
        }
        let end = cut(&self.text, self.sent, self.chunk_bytes);
        let piece = &self.text[self.sent..end];
        let mut out = String::with_capacity(piece.len() + piece.len() / 8 + 128);
        out.push_str("{\"type\":\"TransitionChunk\",\"chunk\":");
        push_string(&mut out, piece);
        out.push_str(",\"partNumber\":");
        push_number(&mut out, self.part);
        out.push_str(",\"totalParts\":");
        push_number(&mut out, self.parts);
        out.push_str(",\"transitionId\":\"");
        push_display(&mut out, self.text.len());
        out.push_str("\"}");
        self.sent = end;
        self.part += 1;
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_concatenate_to_the_text(text in ".{1,200}", size in 4usize..50) {
            prop_assume!(!text.is_empty());
            let chunks: Vec<serde_json::Value> = TransitionChunks::with_size(text.clone(), size)
                .map(|chunk| serde_json::from_str(&chunk).unwrap())
                .collect();
            let mut joined = String::new();
            for (index, chunk) in chunks.iter().enumerate() {
                prop_assert_eq!(&chunk["partNumber"], &serde_json::json!(index));
                prop_assert_eq!(&chunk["totalParts"], &serde_json::json!(chunks.len()));
                prop_assert_eq!(&chunk["transitionId"], &serde_json::json!(text.len().to_string()));
                let piece = chunk["chunk"].as_str().unwrap();
                prop_assert!(piece.len() <= size);
                joined.push_str(piece);
            }
            prop_assert_eq!(joined, text);
        }
    }
}
