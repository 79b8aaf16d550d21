// The commands in docs/ are run, page by page, as a reader would type them: in an empty folder,
// against a live server. Blocks that no test can run say why in a comment above them,
// `<!-- not run: reason -->`.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

import { Project, freePort, here, lentil, root, run, until } from "./harness.mjs";

const docs = path.join(root, "docs");

/** The application that the pages speak of. */
const app = {
  "convex/messages.ts": `
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";
export const list = query({
  args: { limit: v.optional(v.number()) },
  handler: async (ctx, { limit }) => await ctx.db.query("messages").take(limit ?? 10),
});
export const send = mutation({ args: { body: v.string() }, handler: async (ctx, args) => await ctx.db.insert("messages", args) });
`,
  "messages.jsonl": '{"body":"imported"}\n',
};

/** What a command is that serves until it is stopped. */
const SERVES = /^(?:\w+=(?:\$\([^)]*\)|\S)+ )*lentil(?: serve\b.*)?$/;
/** What a command is that watches until it is stopped. */
const WATCHES = /^npx convex dev$/;

/** The blocks of a page that are for a shell: what they say, and why one is not run. */
function blocksOf(page) {
  const text = fs.readFileSync(path.join(docs, page), "utf8");
  const found = text.matchAll(/^(?: *<!-- not run: ([^\n]+?) -->\n)?( *)```(\w+)\n([\s\S]*?)\n\2```$/gm);
  return [...found].map(([, reason, indent, language, body]) => ({
    reason,
    language,
    lines: body.split("\n").map((line) => line.slice(indent.length)),
  }));
}

const pages = fs.readdirSync(docs).filter((name) => name.endsWith(".md"));

/** Ctrl-C for all that a command has started. */
function interrupt({ child }, signal = "SIGINT") {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, signal);
}

/** A reader's machine: a folder, programs on its PATH, and the places that the pages name. */
class Reader {
  static async at(t) {
    const reader = new Reader();
    reader.t = t;
    reader.project = new Project(t, app);
    reader.folder = reader.project.folder;
    [reader.port, reader.sitePort] = [await freePort(), await freePort()];
    reader.url = `http://127.0.0.1:${reader.port}`;
    fs.mkdirSync(path.join(reader.folder, "mnt"));
    reader.install();
    t.after(() => reader.stop());
    return reader;
  }

  /** Puts `lentil` on the PATH, and a `sudo` that changes users only in name. */
  install() {
    const bin = path.join(this.folder, "bin");
    fs.mkdirSync(bin);
    const program = (name, lines) => fs.writeFileSync(path.join(bin, name), ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
    const python = process.env.LENTIL_PYTHON ?? "python3";
    // Imports ask, and ask only terminals.
    program("lentil", [
      `if [ "$1" = import ]; then exec "${python}" "${path.join(here, "terminal.py")}" "${lentil}" "$@"; fi`,
      `exec "${lentil}" "$@"`,
    ]);
    program("sudo", [`[ "$1" = -u ] || { echo "not as root" >&2; exit 1; }`, "shift 2", 'exec "$@"']);
    this.env = {
      PATH: `${bin}:${path.dirname(process.execPath)}:${process.env.PATH}`,
      CI: "1",
      CONVEX_DEPLOY_KEY: "",
      PORT: String(this.port),
      SITE_PROXY_PORT: String(this.sitePort),
    };
  }

  /** A text of a page with the places of this machine in it. */
  here(text) {
    const backups = fs.readdirSync(path.join(this.folder, "mnt")).filter((name) => name.endsWith(".lentil-backup")).sort();
    return text
      .replaceAll("http://127.0.0.1:3210", this.url)
      .replaceAll("/var/lib/lentil-new", path.join(this.folder, "lentil-new"))
      .replaceAll("/var/lib/lentil", path.join(this.folder, "lentil-data"))
      .replaceAll("/mnt/backups", path.join(this.folder, "mnt"))
      .replaceAll("/usr/local/bin/lentil", "lentil")
      .replace(/lentil-\d{8}T\d{6}Z\.lentil-backup/, (name) => backups.at(-1) ?? name);
  }

  /** Runs lines to their end; they must succeed. */
  async shell(lines, cwd = this.folder) {
    const text = this.here(lines.join("\n"));
    const done = await run("bash", ["-e", "-o", "pipefail", "-c", text], { cwd, env: this.env, limitMs: 120_000 });
    assert.equal(done.code, 0, `${text}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  /** Runs what goes on by itself until it says that it is ready. */
  async begin(line, ready, cwd = this.folder) {
    const text = this.here(line);
    const child = spawn("bash", ["-c", `exec ${/^\w+=/.test(text) ? "env " : ""}${text}`], {
      cwd,
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
      // In a group of its own, which gets Ctrl-C as from a terminal: npx does not pass it on.
      detached: true,
    });
    const running = { child, said: "", ended: once(child, "exit") };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (running.said += part));
    const answers = async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${running.said}`);
      return await ready(running);
    };
    await until(answers, { what: text, limitMs: 60_000 }).catch((error) => {
      interrupt(running, "SIGKILL");
      throw new Error(`${error.message}\n${running.said}`);
    });
    return running;
  }

  /** Starts a server in the place of the one that runs. */
  async serve(line = "lentil", cwd = this.folder) {
    await this.stop();
    this.server = await this.begin(line, async () => (await fetch(`${this.url}/version`)).ok, cwd);
    await until(() => /Data /.test(this.server.said), { what: "where everything is" });
  }

  /** Ctrl-C. */
  async stop() {
    if (!this.server) return;
    interrupt(this.server);
    const [code] = await this.server.ended;
    assert.equal(code, 0, this.server.said);
    this.server = null;
  }

  /** Watches as a developer does, until the code is pushed once. */
  async watch(line = "npx convex dev") {
    const dev = await this.begin(line, (running) => /Convex functions ready/.test(running.said));
    interrupt(dev);
    await dev.ended;
  }

  /** Puts the two lines for `npx convex` into `.env.local`. */
  async point(cwd = this.folder) {
    const key = (await this.shell(["lentil keys"], cwd)).trim();
    const text = fs.readFileSync(path.join(docs, "getting-started.md"), "utf8");
    const lines = /CONVEX_SELF_HOSTED_URL=.*\nCONVEX_SELF_HOSTED_ADMIN_KEY=.*/.exec(text)[0];
    assert.match(lines, /'convex-self-hosted\|01…'/);
    this.project.write({ ".env.local": `${this.here(lines).replace("convex-self-hosted|01…", () => key)}\n` });
  }

  /** A server with an application and a document, for pages that begin there. */
  async settle(cwd = this.folder) {
    await this.serve("lentil", cwd);
    await this.point(cwd);
    await this.watch();
    await this.shell([`lentil run messages:send '{"body":"first"}'`], cwd);
  }

  async runBlock({ lines }) {
    const last = lines.at(-1);
    if (SERVES.test(last)) {
      if (lines.length > 1) await this.shell(lines.slice(0, -1));
      return await this.serve(last);
    }
    if (WATCHES.test(last)) {
      assert.equal(lines.length, 1);
      return await this.watch(last);
    }
    return await this.shell(lines);
  }
}

/** Runs what can be run on a page; `hooks` are what its prose asks for between the blocks. */
async function readThrough(reader, page, hooks = []) {
  const left = [...hooks];
  const printed = [];
  for (const block of blocksOf(page)) {
    if (block.language !== "bash" || block.reason) continue;
    if (left[0]?.[0].test(block.lines.join("\n"))) await left.shift()[1]();
    printed.push(await reader.runBlock(block));
  }
  assert.equal(left.length, 0, `${page}: no block for ${left[0]?.[0]}`);
  return printed;
}

test("every block of commands is run or says why not", () => {
  const known = ["bash", "text", "ini", "json", "ts", "js", "sql", "dockerfile", "yaml"];
  let runnable = 0;
  for (const page of pages) {
    const text = fs.readFileSync(path.join(docs, page), "utf8");
    const blocks = blocksOf(page);
    assert.equal(blocks.length * 2, text.match(/^ *```/gm)?.length ?? 0, `${page}: every block says its language`);
    for (const { language, lines, reason } of blocks) {
      assert.ok(known.includes(language), `${page}: ${language}`);
      if (language !== "bash") assert.ok(!reason, `${page}: ${lines[0]} is for no shell`);
      else if (!reason) runnable++;
    }
  }
  assert.ok(runnable >= 15, `${runnable} blocks are run`);
});

test("getting started, from the first start on", async (t) => {
  const reader = await Reader.at(t);
  const printed = await readThrough(reader, "getting-started.md", [
    [/^npx convex dev/, () => reader.point()],
    [/^lentil status/, () => reader.shell([`lentil run messages:send '{"body":"first"}'`])],
  ]);
  assert.match(printed.at(-1), /first/);
});

test("moving: from a deployment that others run, with the keys and the data it had", async (t) => {
  const reader = await Reader.at(t);
  const stock = path.join(reader.folder, "stock");
  const begin = async () => {
    await reader.stop();
    for (const name of ["snapshot.zip", "lentil-data"]) fs.rmSync(path.join(reader.folder, name), { recursive: true, force: true });
    await reader.serve("lentil", stock);
    await reader.point(stock);
  };
  fs.mkdirSync(stock);
  await reader.settle(stock);
  const printed = await readThrough(reader, "moving.md", [
    [
      /^lentil env set/,
      async () => {
        await reader.shell(["npx convex export --include-file-storage --path snapshot.zip"]);
        await reader.serve();
        await reader.point();
      },
    ],
    [/^npx convex export/, begin],
    [
      /^INSTANCE_NAME=/,
      async () => {
        await reader.stop();
        fs.cpSync(path.join(stock, "lentil-data/credentials"), path.join(reader.folder, "credentials"), { recursive: true });
      },
    ],
  ]);
  const [before, after] = printed.at(-1).trim().split("\n");
  assert.equal(before, after);
  assert.match(await reader.shell(["lentil data messages", "lentil env list"]), /first[\s\S]*NAME="?value/);
});

/** Pages that begin with a server that runs and an application that was pushed. */
for (const page of pages.filter((page) => !["getting-started.md", "moving.md"].includes(page))) {
  const some = blocksOf(page).some(({ language, reason }) => language === "bash" && !reason);
  if (!some) continue;
  test(`${page}: its commands work`, async (t) => {
    const reader = await Reader.at(t);
    await reader.settle();
    await readThrough(reader, page);
    assert.match(await reader.shell(["lentil data messages"]), /first/);
  });
}

test("the unit of systemd starts a server", async (t) => {
  const reader = await Reader.at(t);
  const unit = fs.readFileSync(path.join(docs, "self-hosting.md"), "utf8");
  await reader.serve(/^ExecStart=(.*)$/m.exec(unit)[1]);
  const key = (await reader.shell(["lentil keys"])).trim();
  const asked = await fetch(`${reader.url}/api/v1/get_canonical_urls`, { headers: { authorization: `Convex ${key}` } });
  assert.equal((await asked.json()).convexCloudUrl, "https://api.example.com");
});

test("every command of the page of commands is there", async () => {
  const text = fs.readFileSync(path.join(docs, "cli.md"), "utf8");
  const commands = [...text.matchAll(/^#+ lentil (.+)$/gm)].map(([, command]) => command.split(" "));
  assert.ok(commands.length > 10);
  for (const command of commands) {
    const help = await run(lentil, [...command, "--help"]);
    assert.equal(help.code, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`Usage: \\S+ ${command.join(" ")}`));
  }
});
