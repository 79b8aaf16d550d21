// Random graphs of modules: cycles, re-exports of every kind, live bindings, functions that are
// there before their module runs, names that are not, statements that use imports in every place.
//
// A module writes down what it sees, in an order that both linkers must agree on.

import { zoo } from "./zoo.mjs";

const NAMES = ["a", "b", "c", "d", "of", "get", "$L", "$L0", "$Ld", "async", "ö", "Map"];
const STRANGE = ["x y", "1", "constructor", "__proto__", "ö"];

/** What all modules write to, and what is asked of them in the end. */
const LOG = `
export const lines = [];
export const later = [];
export const ASSIGNS = " assigns";
const TAG = Symbol.toStringTag;
export function show(value) {
  if (typeof value === "function") return "function " + value.name;
  if (Array.isArray(value)) return "[" + value.map(show).join() + "]";
  if (value !== null && typeof value === "object") {
    if (value[TAG] === "Module") return "module " + Reflect.ownKeys(value).map(String).join();
    return value.constructor?.name + "{" + Object.keys(value).map((key) => key + ":" + show(value[key])).join() + "}";
  }
  return typeof value + " " + String(value);
}
export function see(what, run) {
  let seen;
  try { seen = show(run()); } catch (error) {
    // V8 does not look whether an exported constant is there before it says that it is none to assign.
    if (what.endsWith(ASSIGNS)) return void lines.push(what + " failed");
     seen = error instanceof Error ? "!" + error.name : "!" + error; }
  lines.push(what + " = " + seen);
}
export function fail() { throw new Error("planned " + lines.join("; ")); }
export function look(name, it) {
  for (const key of Reflect.ownKeys(it)) {
    const at = name + "." + String(key);
    see(at, () => it[key]);
    see(at + " called", () => it[key]());
    see(at + " again", () => it[key]);
    see(at + " set", () => { it[key] = 1; });
    see(at + " deleted", () => delete it[key]);
    see(at + " in", () => key in it);
  }
  see(name + " more", () => { it.more = 1; });
  see(name + " nothing", () => [it.nothing, "nothing" in it, delete it.nothing, Object.isExtensible(it), Object.getPrototypeOf(it)]);
  see(name + " is", () => [Object.prototype.toString.call(it), Object.keys(it), Object.entries(it), { ...it }]);
}
export function observe(all) {
  for (const [name, it] of all) look(name, it);
  for (const run of later) run();
  for (const [name, it] of all) for (const key of Reflect.ownKeys(it)) see(name + "." + String(key) + " at last", () => it[key]);
  return lines;
}
`;

export class Graph {
  constructor(seed) {
    this.state = (seed * 0x9e3779b9) >>> 0;
    this.size = 1 + (seed % 8);
  }

  /** mulberry32 */
  random() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(count) {
    return Math.floor(this.random() * count);
  }

  chance(share) {
    return this.random() < share;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }

  make() {
    const dynamic = this.chance(0.3);
    this.modules = Array.from({ length: this.size }, (_, index) => new Module(this, index));
    for (const module of this.modules) module.declare();
    for (const module of this.modules) module.takeFromOthers();
    for (const module of this.modules) module.dropAmbiguousCycles();
    const sources = this.modules.map((module) => [module.path, module.source()]);
    return { dynamic, modules: [["log.js", LOG], ...sources, ["entry.js", this.entry(dynamic)]] };
  }

  entry(dynamic) {
    const paths = this.shuffle(this.modules.map(({ path }) => path));
    if (!dynamic) {
      const imports = paths.map((path, i) => `import * as n${i} from "./${path}";`).join("\n");
      const all = paths.map((path, i) => `["${path}", n${i}]`).join();
      return `${imports}\nimport * as log from "./log.js";\nexport const observe = () => log.observe([${all}]);\n`;
    }
    // Some of them twice: what has failed fails again, and nothing runs twice.
    const order = [...paths, ...paths.slice(0, 2)];
    return `import * as log from "./log.js";
export async function run() {
  const all = [];
  ${order.map((path) => `try { const asked = import("./${path}"); log.lines.push("asked"); all.push(["${path}", await asked]); } catch (e) {
    log.lines.push("${path} failed: " + e.name + (e.message.startsWith("planned") ? e.message.length : ""));
  }`).join("\n  ")}
  return log.observe(all);
}
`;
  }
}

class Module {
  constructor(graph, index) {
    this.graph = graph;
    this.index = index;
    this.name = `m${index}`;
    this.path = graph.chance(0.2) ? `folder/${this.name}.js` : `${this.name}.js`;
    this.head = [];
    this.body = [];
    /** Names in scope. */
    this.taken = new Set(["see", "later", "fail", "ASSIGNS", "log"]);
    /** Own names that can be read, and those that can be assigned. */
    this.readable = [];
    this.assignable = [];
    /** Names of exports that it surely has. */
    this.exported = new Set();
    this.imported = [];
    this.namespaces = [];
    /** Lines of `export *`, each with the module it is of. */
    this.stars = [];
  }

  specifier(target) {
    const up = this.path.includes("/") ? "../" : "./";
    const path = this.graph.chance(0.2) ? target.path.replace(/\.js$/, "") : target.path;
    return JSON.stringify(up + path);
  }

  fresh(preferred) {
    let name = preferred ?? this.graph.pick(NAMES);
    while (this.taken.has(name)) name = `${this.graph.pick(NAMES)}${this.graph.below(100)}`;
    this.taken.add(name);
    return name;
  }

  exportName() {
    const { graph } = this;
    const name = graph.chance(0.1) ? graph.pick(STRANGE) : graph.chance(0.1) ? "default" : graph.pick(NAMES);
    if (this.exported.has(name)) return undefined;
    this.exported.add(name);
    return name;
  }

  /** As it stands in a list of exports. */
  static text(name) {
    return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : JSON.stringify(name);
  }

  declare() {
    const { graph } = this;
    const count = 1 + graph.below(5);
    for (let i = 0; i < count; i++) this.declareOne();
    if (graph.chance(0.5)) this.declareDefault();
  }

  declareOne() {
    const { graph } = this;
    const name = this.fresh();
    const value = graph.below(100);
    const kind = graph.pick(["let", "let", "const", "var", "function", "generator", "class", "arrow", "pattern"]);
    const text = {
      let: `let ${name} = ${value};`,
      const: `const ${name} = ${value};`,
      var: `var ${name} = ${value};`,
      function: `function ${name}(...all) { return [typeof this, ${value}, all.length]; }`,
      generator: `function* ${name}() { yield ${value}; }`,
      class: `class ${name} { static at = ${value}; is() { return ${name}.at; } }`,
      arrow: `const ${name} = () => typeof this;`,
      pattern: `let { x: ${name} = ${value} } = {};`,
    }[kind];
    if (["let", "var", "pattern"].includes(kind)) this.assignable.push(name);
    this.readable.push(name);
    const inline = !this.exported.has(name) && graph.chance(0.5);
    if (inline) this.exported.add(name);
    this.body.push(inline ? `export ${text}` : text);
    for (const as of graph.chance(inline ? 0.2 : 0.7) ? [this.exportName(), graph.chance(0.3) ? this.exportName() : undefined] : []) {
      if (as !== undefined) this.head.push(`export { ${name} as ${Module.text(as)} };`);
    }
  }

  declareDefault() {
    if (this.exported.has("default")) return;
    this.exported.add("default");
    const { graph } = this;
    const name = this.fresh();
    const own = this.readable.length > 0 ? graph.pick(this.readable) : "1";
    this.body.push(`export default ${graph.pick([
      "function () { return typeof this; }",
      "function* () {}",
      "async function () {}",
      `function ${name}() { return ${name}.name; }`,
      "class {}",
      "class { static name = 'mine'; }",
      "class { static made = this.name; }",
      `class ${name} { static made = ${name}.name; }`,
      "() => 1",
      "(() => 1)",
      "(0, () => 1)",
      "(class {})",
      "[1, 2]",
      `${graph.below(100)};`,
      `(() => { try { return typeof ${own}; } catch (e) { return e.name; } })()`,
      "({ default: 1 }).default",
    ])}`);
  }

  takeFromOthers() {
    const { graph } = this;
    const count = graph.below(4) + (this.index > 0 ? 1 : 0);
    for (let i = 0; i < count; i++) this.take(graph.pick(graph.modules));
    const statements = 2 + graph.below(8);
    for (let i = 0; i < statements; i++) this.body.push(this.statement());
    if (graph.chance(0.04)) this.body.push("fail();");
  }

  take(target) {
    const { graph } = this;
    const from = this.specifier(target);
    const names = [...target.exported];
    const name = names.length === 0 || graph.chance(0.01) ? graph.pick(NAMES) : graph.pick(names);
    const text = Module.text(name);
    const kind = graph.pick(["named", "named", "named", "namespace", "namespace", "effect", "from", "star", "star", "starAs", "passed"]);
    const local = ["named", "namespace", "passed"].includes(kind) ? this.fresh() : undefined;
    const as = ["from", "starAs", "passed"].includes(kind) ? this.exportName() : undefined;
    const asText = as && Module.text(as);
    switch (kind) {
      case "named":
        this.imported.push(local);
        return this.head.push(name === "default" && graph.chance(0.5) ? `import ${local} from ${from};` : `import { ${text} as ${local} } from ${from};`);
      case "namespace":
        this.namespaces.push([local, name]);
        return this.head.push(`import * as ${local} from ${from};`);
      case "effect":
        return this.head.push(`import ${from};`);
      case "star":
        this.stars.push([`export * from ${from};`, target]);
        return this.head.push(`export * from ${from};`);
      case "from":
        return as && this.head.push(`export { ${text} as ${asText} } from ${from};`);
      case "starAs":
        return as && this.head.push(`export * as ${asText} from ${from};`);
      default: {
        this.head.push(graph.chance(0.5) ? `import { ${text} as ${local} } from ${from};` : `import * as ${local} from ${from};`);
        return as && this.head.push(`export { ${local} as ${asText} };`);
      }
    }
  }

  /** The modules that stars lead to, this one included if they lead back. */
  starred(seen = new Set()) {
    for (const [, target] of this.stars) {
      if (!seen.has(target)) target.starred(seen.add(target));
    }
    return seen;
  }

  /**
   * Where modules of a cycle of `export *` have a name in conflict, V8 makes what their namespace
   * objects show depend on which of them is asked for first: nothing to compare with.
   */
  dropAmbiguousCycles() {
    const all = [...this.starred()];
    const names = all.flatMap(({ exported }) => [...exported]).filter((name) => name !== "default");
    if (new Set(names).size === names.length) return;
    for (const star of [...this.stars]) {
      const [line, target] = star;
      if (target !== this && !target.starred().has(this)) continue;
      this.stars.splice(this.stars.indexOf(star), 1);
      this.head.splice(this.head.indexOf(line), 1);
    }
  }

  statement() {
    const { graph } = this;
    const what = `"${this.name} ${graph.below(1000)}"`;
    const name = this.imported.length > 0 && graph.chance(0.7) ? graph.pick(this.imported) : this.readable.length > 0 ? graph.pick(this.readable) : "undefined";
    if (this.namespaces.length > 0 && graph.chance(0.25)) return this.ofNamespace(what);
    if (this.assignable.length > 0 && graph.chance(0.25)) return this.assignment(what);
    if (graph.chance(0.15)) return zoo(graph, what, name);
    const see = (expression) => `see(${what}, () => ${expression});`;
    return graph.pick([
      see(name),
      see(`typeof ${name}`),
      see(`${name}()`),
      see(`${name}(1, ...[2, 3])`),
      see(`new ${name}()`),
      see(`new ${name}`),
      see(`new ${name}().is()`),
      see(`${name}?.()`),
      see(`(${name})()`),
      see(`(0, ${name})()`),
      see(`${name}\`x\${1}\``),
      see(`\`\${typeof ${name}}\``),
      see(`({ ${name} })`),
      see(`({ ${name}, other: ${name} })`),
      see(`({ [typeof ${name}]: 1 })`),
      see(`[${name}, ...[${name}]]`),
      see(`${name}.name`),
      see(`${name}?.at?.toFixed()`),
      see(`${name} instanceof Function`),
      see(`class extends ${name} {}`),
      see(`((x = ${name}) => x)()`),
      see(`((${name}) => ${name})("inner")`),
      see(`(({ ${name} }) => ${name})({ ${name}: "inner" })`),
      see(`(function () { return typeof arguments + typeof this + typeof ${name}; })()`),
      `see(${what} + ASSIGNS, () => { ${name} = 1; });`,
      `see(${what} + ASSIGNS, () => { ${name}++; });`,
      `see(${what} + ASSIGNS, () => { [${name}] = [1]; });`,
      `see(${what} + ASSIGNS, () => { ({ ${name} } = { ${name}: 1 }); });`,
      `see(${what} + ASSIGNS, () => { ({ ${name} = 2 } = {}); });`,
      `see(${what} + ASSIGNS, () => { for (${name} of [1]); });`,
      `see(${what} + ASSIGNS, () => { for (${name} in { a: 1 }); });`,
      `see(${what} + ASSIGNS, () => { ${name} ||= 1; });`,
      `see(${what}, () => { let ${name} = 1; { ${name} += 1; } return ${name}; });`,
      `later.push(() => see(${what}, () => ${name}));`,
      `later.push(() => see(${what}, () => ${name}()));`,
      `see(${what}, () => {\n  let it = 1\n  it\n  ${name}\n  return it\n});`,
      `see(${what}, () => {\n  ${name}()\n  ${name}?.()\n});`,
      `see(${what}, () => { label: for (;;) { if (${name}) break label; break; } });`,
      `see(${what}, () => typeof arguments);`,
      `see(${what}, () => arguments);`,
      `see(${what}, () => this);`,
      `see(${what}, () => typeof this);`,
      graph.chance(0.03) ? `${name}();` : `void 0`,
    ]);
  }

  ofNamespace(what) {
    const { graph } = this;
    const [space, name] = graph.pick(this.namespaces);
    const at = `${space}[${JSON.stringify(name)}]`;
    return graph.pick([
      `see(${what}, () => ${at});`,
      `see(${what}, () => ${at}());`,
      `see(${what}, () => ${space}.nothing);`,
      `see(${what}, () => ${JSON.stringify(name)} in ${space});`,
      `see(${what}, () => { ${at} = 1; });`,
      `see(${what}, () => { ${space} = 1; });`,
      `see(${what}, () => Reflect.ownKeys(${space}).map(String));`,
      `see(${what}, () => { const { [${JSON.stringify(name)}]: it = "absent" } = ${space}; return it; });`,
      `later.push(() => see(${what}, () => ${space}));`,
      `later.push(() => see(${what}, () => Reflect.ownKeys(${space}).map(String)));`,
    ]);
  }

  assignment(what) {
    const { graph } = this;
    const name = graph.pick(this.assignable);
    const value = graph.below(100);
    return graph.pick([
      `${name} = ${value};`,
      `${name}++;`,
      `--${name};`,
      `${name} **= 2;`,
      `[${name}] = [${value}];`,
      `({ ${name} } = { ${name}: ${value} });`,
      `for (${name} of [1, 2, ${value}]);`,
      `${name} &&= ${value};`,
      `see(${what}, () => { ${name} = ${value}; });`,
      `later.push(() => { ${name} = "later"; });`,
      `see(${what}, () => ((${name} = ${value}), ${name}));`,
    ]);
  }

  source() {
    const up = this.path.includes("/") ? "../" : "./";
    const { graph } = this;
    // Imports and exports stand anywhere; what is used before it is there is the rarer case.
    const body = graph.chance(0.25) ? graph.shuffle([...this.body]) : [...this.body];
    for (const line of this.head) body.splice(graph.below(body.length + 1), 0, line);
    const separator = this.graph.chance(0.1) ? "\r\n" : "\n";
    return [`import { see, later, fail, ASSIGNS, lines as log } from "${up}log.js";`, `log.push("${this.name} begins");`, ...body, `log.push("${this.name} ends");`, ""].join(separator);
  }
}
