//! How far indexes are that are being filled (dashboard C4, `index`), for those who watch.

use lentil_catalog::ComponentPath;
use lentil_database::{BackfillProgress, IndexState};
use serde_json::{Value as Json, json};

use super::{Introspection, now_ms};

/// The state of an index as readers of the stream and of the snapshot get it.
pub(super) fn state_name(state: IndexState) -> &'static str {
    match state {
        IndexState::Backfilling => "backfilling",
        IndexState::Backfilled => "backfilled",
        IndexState::Enabled => "ready",
    }
}

impl Introspection {
    /// Tells of a step in the life of an index, by the name that the schema gives it.
    pub(crate) fn tell_index(
        &self,
        component: &ComponentPath,
        (table, index): (&str, &str),
        state: IndexState,
        progress: Option<BackfillProgress>,
    ) {
        if !self.events.wanted() {
            return;
        }
        let told = json!({
            "component": (!component.is_root()).then_some(&component.0),
            "table": table,
            "index": index,
            "state": state_name(state),
            "done": progress.map(|it| it.done),
            "total": progress.and_then(|it| it.total),
        });
        // Not as detail: of many steps any may be left out, but not the one that is the last.
        self.events.push("index", now_ms(), told);
    }

    /// Tells of the indexes that a push has made usable, of what the push has changed.
    pub(crate) fn tell_usable_indexes(&self, diffs: &Json) {
        if !self.events.wanted() {
            return;
        }
        for (path, diff) in diffs.as_object().into_iter().flatten() {
            let list = |name: &str| diff["indexDiff"][name].as_array().into_iter().flatten();
            let usable = list("added_indexes").chain(list("enabled_indexes"));
            let usable = usable.filter(|it| it["type"] == "database" && it["staged"] != true);
            for index in usable {
                let Some(name) = index["name"].as_str().and_then(|name| name.split_once('.'))
                else {
                    continue;
                };
                let component = ComponentPath(path.clone());
                self.tell_index(&component, name, IndexState::Enabled, None);
            }
        }
    }
}
