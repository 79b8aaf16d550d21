// Makes random graphs of modules and says what V8 makes of them: for each seed a line of JSON with
// the modules, how they are entered, and what comes of it (`node --experimental-vm-modules`). With
// `graph` and one as JSON it does so for that.

import { once } from "node:events";
import vm from "node:vm";

import { Graph } from "./graphs.mjs";

/** What a failure is compared by: its kind, and what it says if it was planned. */
const kindOf = (error) => `!${error.name}${/^planned/.test(error.message) ? ` ${error.message}` : ""}`;

function resolve(from, specifier) {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  const path = parts.join("/");
  return path.endsWith(".js") ? path : `${path}.js`;
}

async function evaluate({ modules, dynamic }) {
  const known = new Map();
  const find = (path) => known.get(path);
  const link = (specifier, from) => find(resolve(from.identifier, specifier));
  const importModuleDynamically = async (specifier, from) => {
    // As loaders do, and unlike `vm`: whoever asks goes on first.
    await undefined;
    const module = link(specifier, from);
    await module.evaluate();
    return module;
  };
  try {
    for (const [path, source] of modules) {
      known.set(path, new vm.SourceTextModule(source, { identifier: path, importModuleDynamically }));
    }
    for (const module of known.values()) if (module.status === "unlinked") await module.link(link);
  } catch (error) {
    return { link: error.name };
  }
  const entry = find("entry.js");
  try {
    await entry.evaluate();
    return { value: await (dynamic ? entry.namespace.run() : entry.namespace.observe()) };
  } catch (error) {
    return { error: kindOf(error) };
  }
}

/** A graph that is given as JSON, or those of so many seeds. */
function* graphs(first, count) {
  if (first === "graph") return void (yield { seed: 0, ...JSON.parse(count) });
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    yield { seed, ...new Graph(seed).make() };
  }
}

for (const graph of graphs(...process.argv.slice(2))) {
  const expected = await evaluate(graph);
  const line = `${JSON.stringify({ ...graph, expected })}\n`;
  // Whoever reads is waited for: nothing else here lets the event loop have a turn.
  if (!process.stdout.write(line)) await once(process.stdout, "drain");
}
