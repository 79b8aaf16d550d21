//! What an executor process has been sent, and what it must be sent before a call.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::Bundle;
use crate::limits::{BUNDLE_BYTES_PER_EXECUTOR, BUNDLES_PER_EXECUTOR, ENVS_PER_EXECUTOR};
use crate::wire::{FrameWriter, to_executor};

/// A bundle that a process holds.
#[derive(Debug)]
struct Held {
    number: u32,
    bytes: usize,
}

/// The bundles and environments that a process holds, the last used last.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    bundles: VecDeque<Held>,
    envs: VecDeque<(Arc<BTreeMap<String, String>>, u32)>,
    next_env: u32,
}

impl Loaded {
    /// Writes frames for whatever of the bundle and the environment the process lacks. Returns the
    /// environment's number, and the bytes of the bundle if it had to be sent.
    pub(crate) fn prepare(
        &mut self,
        bundle: &Bundle,
        env: &Arc<BTreeMap<String, String>>,
        output: &mut FrameWriter,
    ) -> (u32, Option<usize>) {
        let sent = self.bundle(bundle, output);
        (self.env(env, output), sent)
    }

    /// Writes frames that drop all bundles but the one used last.
    pub(crate) fn trim(&mut self, output: &mut FrameWriter) {
        let last = self.bundles.pop_back();
        for bundle in self.bundles.drain(..) {
            drop_bundle(&bundle, output);
        }
        self.bundles.extend(last);
    }

    fn bundle(&mut self, bundle: &Bundle, output: &mut FrameWriter) -> Option<usize> {
        let number = bundle.number();
        let known = self.bundles.iter().position(|held| held.number == number);
        if let Some(held) = known.and_then(|at| self.bundles.remove(at)) {
            self.bundles.push_back(held);
            return None;
        }
        let frame = bundle.load_frame();
        self.make_room(frame.len(), output);
        output.raw(frame);
        self.bundles.push_back(Held {
            number,
            bytes: frame.len(),
        });
        Some(frame.len())
    }

    /// Drops what was used longest ago until so many bytes more are not too much. Whoever runs code
    /// of a bundle that is dropped keeps it until the end of the call.
    fn make_room(&mut self, bytes: usize, output: &mut FrameWriter) {
        let mut held: usize = self.bundles.iter().map(|held| held.bytes).sum();
        while (self.bundles.len() >= BUNDLES_PER_EXECUTOR
            || held + bytes > BUNDLE_BYTES_PER_EXECUTOR)
            && let Some(oldest) = self.bundles.pop_front()
        {
            held -= oldest.bytes;
            drop_bundle(&oldest, output);
        }
    }

    /// Writes the frame of the environment if the process lacks it; its number.
    pub(crate) fn env(
        &mut self,
        env: &Arc<BTreeMap<String, String>>,
        output: &mut FrameWriter,
    ) -> u32 {
        let known = self
            .envs
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, env) || known == env);
        if let Some((_, number)) = known {
            return *number;
        }
        let number = self.next_env;
        self.next_env = self.next_env.wrapping_add(1);
        output.begin(to_executor::ENV);
        output.u32(number);
        output.str(&serde_json::json!(**env).to_string());
        output.end();
        if self.envs.len() == ENVS_PER_EXECUTOR {
            self.envs.pop_front();
        }
        self.envs.push_back((Arc::clone(env), number));
        number
    }
}

fn drop_bundle(bundle: &Held, output: &mut FrameWriter) {
    output.begin(to_executor::DROP);
    output.u32(bundle.number);
    output.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ModuleEnvironment, ModuleSource};

    fn bundle(bytes: usize) -> Bundle {
        let module = ModuleSource {
            path: "a.js".to_owned(),
            source: format!("export const f = '{}';", "x".repeat(bytes)).into(),
            source_map: None,
            environment: ModuleEnvironment::Isolate,
        };
        Bundle::link(vec![module], [7; 32], 0.0).unwrap()
    }

    /// Sends it and says, in order, what the process was told: to drop one, or to load one.
    fn told(loaded: &mut Loaded, bundle: &Bundle) -> Vec<(u8, u32)> {
        let mut output = FrameWriter::default();
        loaded.bundle(bundle, &mut output);
        let (mut bytes, mut told) = (output.bytes(), Vec::new());
        while let Some((length, rest)) = bytes.split_first_chunk() {
            let (frame, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
            told.push((
                frame[0],
                u32::from_le_bytes(frame[1..5].try_into().unwrap()),
            ));
            bytes = rest;
        }
        told
    }

    #[test]
    fn what_a_process_holds_is_bounded_in_bytes_and_the_one_used_longest_ago_goes_first() {
        let third = BUNDLE_BYTES_PER_EXECUTOR / 3 - 2_000;
        let [a, b, c, d] = [(); 4].map(|()| bundle(third));
        let load = |of: &Bundle| (to_executor::LOAD, of.number());
        let drop = |of: &Bundle| (to_executor::DROP, of.number());
        let mut loaded = Loaded::default();
        for each in [&a, &b, &c] {
            assert_eq!(told(&mut loaded, each), [load(each)]);
        }
        assert_eq!(told(&mut loaded, &a), []);
        // Room is made before it is needed.
        assert_eq!(told(&mut loaded, &d), [drop(&b), load(&d)]);
        // One that is too large alone is alone.
        let large = bundle(BUNDLE_BYTES_PER_EXECUTOR * 2);
        assert_eq!(
            told(&mut loaded, &large),
            [drop(&c), drop(&a), drop(&d), load(&large)]
        );
        assert_eq!(told(&mut loaded, &large), []);
        assert_eq!(told(&mut loaded, &a), [drop(&large), load(&a)]);
    }

    #[test]
    fn small_ones_are_bounded_by_number() {
        let bundles: Vec<_> = (0..=BUNDLES_PER_EXECUTOR).map(|_| bundle(1)).collect();
        let mut loaded = Loaded::default();
        let (last, first) = bundles.split_last().unwrap();
        for each in first {
            assert_eq!(told(&mut loaded, each).len(), 1);
        }
        let oldest = (to_executor::DROP, first[0].number());
        assert_eq!(told(&mut loaded, last)[0], oldest);
    }
}
