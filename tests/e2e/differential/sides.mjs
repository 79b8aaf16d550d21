// The two sides of the differential tests, asked in the same way: a live deployment by HTTP, and
// convex-test in this process. Answers are brought into one form: ids become labels, times and
// values that JSON does not know become text, errors become their class.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import { convexTest } from "convex-test";

import { here, Project, Server } from "../harness.mjs";

const read = (name) => fs.readFileSync(path.join(here, "differential", name), "utf8");

/** Pushes the application (and more modules) and loads the same files for convex-test. */
export async function deploy(t, more = {}) {
  const files = { "convex/schema.js": read("schema.js"), "convex/functions.js": read("functions.js"), ...more };
  const project = new Project(t, { ...files, "package.json": '{"name":"p","private":true,"type":"module","dependencies":{"convex":"*"}}' });
  const server = await Server.start(t);
  const { code, stderr } = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  if (code !== 0) throw new Error(stderr);
  const load = (name) => import(pathToFileURL(path.join(project.folder, name)));
  const { default: schema } = await load("convex/schema.js");
  const modules = { "./convex/_generated/api.js": () => load("convex/_generated/api.js") };
  for (const name of Object.keys(files)) modules[`./${name}`] = () => load(name);
  return { server, live: () => new Live(server), mock: () => new Mock(schema, modules) };
}

class Side {
  ids = {};

  /** Runs steps; their outcomes in the common form. */
  async steps(kind, steps) {
    const done = await this.call(kind, kind === "mutation" ? "run" : "ask", { steps, ids: this.ids });
    if ("failed" in done) return done;
    Object.assign(this.ids, done.value.ids);
    return this.form(done.value.outcomes);
  }

  /** Rows of all pages, page by page; empty pages are left out. */
  async pages(rows, numItems) {
    const pages = [];
    for (let cursor = null, isDone = false; !isDone; ) {
      const done = await this.call("query", "page", { rows, ids: this.ids, options: { numItems, cursor } });
      if ("failed" in done) return done;
      ({ isDone, continueCursor: cursor } = done.value);
      if (done.value.page.length > 0) pages.push(this.form(done.value.page));
    }
    return pages;
  }

  async call(kind, name, args, module = "functions") {
    try {
      return { value: await this.send(kind, module, name, args) };
    } catch (error) {
      return { failed: error.data === undefined ? { class: classOf(error.message) } : { data: this.form(dataOf(error.data)) } };
    }
  }

  form(value) {
    const labels = new Map(Object.entries(this.ids).map(([label, id]) => [id, `@${label}`]));
    const walk = (one, key) => {
      if (key === "error") return classOf(one);
      if (key === "_creationTime") return typeof one === "number" && one > 1e12 ? "time" : one;
      if (typeof one === "string") return labels.get(one) ?? (key === "_id" ? "no label" : one);
      if (typeof one === "bigint") return `${one}n`;
      if (typeof one === "number") return Number.isFinite(one) && !Object.is(one, -0) ? one : `#${Object.is(one, -0) ? "-0" : one}`;
      if (one instanceof ArrayBuffer) return `#bytes ${[...new Uint8Array(one)]}`;
      if (Array.isArray(one)) return one.map((inner) => walk(inner));
      if (one === null || typeof one !== "object") return one;
      return Object.fromEntries(Object.keys(one).sort().filter((name) => one[name] !== undefined).map((name) => [name, walk(one[name], name)]));
    };
    return walk(value);
  }
}

class Live extends Side {
  constructor(server) {
    super();
    this.client = new ConvexHttpClient(server.url);
  }
  send(kind, module, name, args) {
    return this.client[kind](anyApi[module][name], args);
  }
}

class Mock extends Side {
  constructor(schema, modules) {
    super();
    this.test = convexTest(schema, modules);
  }
  send(kind, module, name, args) {
    return this.test[kind](anyApi[module][name], args);
  }
}

/** convex-test hands out data as functions leave it: as text. */
function dataOf(data) {
  try {
    return typeof data === "string" ? JSON.parse(data) : data;
  } catch {
    return data;
  }
}

/** Messages differ in words; what they are about does not. */
const CLASSES = [
  ["missing document", /nonexistent document|on non-existent/i],
  ["id of another table", /in table '\w+' but got ID in table|expected to be an Id<"\w+">/],
  // The last is how convex-test refuses null for an object.
  ["validator", /ArgumentValidationError|ReturnsValidationError|does not match the schema|Validator error|Cannot convert undefined or null to object/],
  ["system fields", /does not match the document|_id.*(does not match|cannot)|_creationTime/],
  ["not unique", /unique\(\) query returned more than one result/],
  ["no such index", /IndexNotFoundError|because it is not declared in the schema/],
  ["index range", /InvalidIndexRange|FieldNotInIndex|AlreadyDefinedBound|BoundsOnMultipleFields|Incorrect (field|operator) used in `withIndex`/],
  ["too nested", /is too nested/],
  ["too large", /is too large/],
  ["plain", /\bplain\b/],
];

function classOf(message) {
  const found = CLASSES.find(([, pattern]) => pattern.test(message));
  return found ? found[0] : `unknown: ${message}`;
}
