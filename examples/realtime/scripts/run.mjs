// Runs programs side by side: when one ends, or Ctrl-C or SIGTERM comes, all of them end.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { folder } from "./environment.mjs";

/** How long a program may take to end after SIGTERM before it is killed, in milliseconds. */
const STOP_LIMIT_MS = 5_000;

/**
 * Runs each command, the first one with this terminal's input, and ends this process when all have
 * ended: with the exit code of the one that ended first, or 0 if a person stopped them.
 */
export function runTogether(commands) {
  let code = null;
  const running = new Set();
  const stop = (exitCode) => {
    if (code !== null) return;
    code = exitCode;
    for (const child of running) child.kill("SIGTERM");
    setTimeout(() => running.forEach((child) => child.kill("SIGKILL")), STOP_LIMIT_MS).unref();
  };
  for (const [index, args] of commands.entries()) {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      stdio: [index === 0 ? "inherit" : "ignore", "inherit", "inherit"],
    });
    running.add(child);
    child.on("exit", (exitCode, signal) => {
      running.delete(child);
      stop(exitCode ?? 128 + constants.signals[signal]);
      if (running.size === 0) process.exit(code);
    });
  }
  process.on("SIGINT", () => stop(0));
  process.on("SIGTERM", () => stop(0));
  process.on("SIGHUP", () => stop(0));
}
