//! What an executor process has been sent, and what it must be sent before a call.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::Bundle;
use crate::limits::{BUNDLES_PER_EXECUTOR, ENVS_PER_EXECUTOR};
use crate::wire::{FrameWriter, to_executor};

/// The bundles and environments that a process holds, the last used last.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    bundles: VecDeque<u32>,
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
            drop_bundle(bundle, output);
        }
        self.bundles.extend(last);
    }

    fn bundle(&mut self, bundle: &Bundle, output: &mut FrameWriter) -> Option<usize> {
        let number = bundle.number();
        let known = self.bundles.iter().position(|known| *known == number);
        let sent = match known {
            Some(at) => {
                self.bundles.remove(at);
                None
            }
            None => {
                let frame = bundle.load_frame();
                output.raw(frame);
                if self.bundles.len() == BUNDLES_PER_EXECUTOR
                    && let Some(oldest) = self.bundles.pop_front()
                {
                    drop_bundle(oldest, output);
                }
                Some(frame.len())
            }
        };
        self.bundles.push_back(number);
        sent
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

fn drop_bundle(number: u32, output: &mut FrameWriter) {
    output.begin(to_executor::DROP);
    output.u32(number);
    output.end();
}
