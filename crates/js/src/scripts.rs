//! The JavaScript that runs in executors, assembled from the files of `executor/`.

use std::sync::OnceLock;

/// What `node -e` gets, and a file of every bundle of Node modules: it reads the rest from the
/// socket.
pub(crate) const BOOT: &str = include_str!("../../../executor/boot.js");

/// The library of streams; realms evaluate it when they need it.
pub(crate) const STREAMS: &str = include_str!("../../../executor/vendor/web-streams-polyfill.js");

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../executor/", $name)))),*]
    };
}

/// Mistakes on purpose, for tests; not in releases.
pub(crate) const PLANTED: &str = if cfg!(debug_assertions) {
    include_str!("../../../executor/planted.js")
} else {
    ""
};

const FILES: &[(&str, &str)] = files![
    "main.js",
    "wire.js",
    "blocking.js",
    "posting.js",
    "bundles.js",
    "host.js",
    "subtle.js",
    "realms.js",
    "keeping.js",
    "actions/main.js",
    "actions/socket.js",
    "actions/host.js",
    "actions/network.js",
    "actions/proxy.js",
    "actions/fetch.js",
    "actions/forms.js",
    "actions/http.js",
    "node/main.js",
    "node/texts.js",
    "node/lines.js",
    "node/analysis.js",
    "node/calls.js",
    "node/syscalls.js",
    "node/files.js",
    "node/exits.js",
    "realm/realm.js",
    "realm/barrier.js",
    "realm/census.js",
    "realm/report.js",
    "realm/inspect.js",
    "realm/console.js",
    "realm/random.js",
    "realm/clock.js",
    "realm/undo.js",
    "realm/streams.js",
    "realm/syscalls.js",
    "realm/forbidden.js",
    "realm/acting.js",
    "realm/events.js",
    "realm/encoding.js",
    "realm/url.js",
    "realm/crypto.js",
    "realm/clone.js",
    "realm/storage.js",
    "realm/headers.js",
    "realm/blob.js",
    "realm/files.js",
    "realm/webstreams.js",
    "realm/body.js",
    "realm/fetch.js",
    "realm/outgoing.js",
    "realm/http.js",
    "realm/linker.js",
    "realm/analysis.js",
    "realm/call.js",
];

/// The script of the main context.
pub(crate) fn main_script() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| assemble("main.js"))
}

/// The script of the main context of processes that run actions.
pub(crate) fn actions_script() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| assemble("actions/main.js"))
}

/// The script of processes that run Node actions.
pub(crate) fn node_script() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| assemble("node/main.js"))
}

/// The script of every realm.
pub(crate) fn realm_script() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| assemble("realm/realm.js"))
}

/// A file with its `//#include` lines replaced by the files they name: beside it, or from the root
/// if the name begins with a slash.
fn assemble(name: &str) -> String {
    if name == "planted.js" {
        return PLANTED.to_owned();
    }
    let text = FILES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text);
    let text = text.expect("every included script is in the list above");
    let folder = name
        .rsplit_once('/')
        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.trim_start().strip_prefix("//#include ") {
            Some(included) => {
                let included = included.trim();
                let beside = || format!("{folder}{included}");
                let name = included
                    .strip_prefix('/')
                    .map_or_else(beside, str::to_owned);
                out.push_str(&assemble(&name));
            }
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_files_are_included() {
        for (name, text) in super::FILES {
            let body = text
                .lines()
                .find(|line| line.len() > 20 && !line.contains("//#include"))
                .expect("a line");
            let all = [
                super::main_script(),
                super::actions_script(),
                super::node_script(),
                super::realm_script(),
            ]
            .concat();
            assert!(all.contains(body), "{name} is not part of a script");
        }
    }
}
