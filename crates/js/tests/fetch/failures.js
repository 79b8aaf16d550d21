// What goes wrong.
const why = async (run) => {
  try {
    await run();
  } catch (error) {
    return [error instanceof Error, error.name, error.message, error.cause instanceof Error, error.cause?.code];
  }
};
same("nobody there", await why(() => fetch(closed)), [true, "TypeError", "fetch failed", true, "ECONNREFUSED"]);
const unknown = await why(() => fetch("http://no-such-host.invalid/"));
same("no such host", [unknown[2], /^(ENOTFOUND|EAI_AGAIN)$/.test(unknown[4])], ["fetch failed", true]);
await fails("no URL", () => fetch("/relative"), "TypeError");
await fails("another scheme", () => fetch("ftp://a/"), "TypeError");
await fails("a file", () => fetch("file:///etc/passwd"), "TypeError");
await fails("aborted before", () => fetch(at + "/echo", { signal: AbortSignal.abort() }), "AbortError");
await fails("a time limit", () => fetch(at + "/endless", { signal: AbortSignal.timeout(20) }).then((r) => r.text()), "TimeoutError");
const broken = await fetch(at + "/broken");
await fails("a body that breaks", () => broken.text(), "TypeError");
const caught = await fetch(closed).catch((error) => error.message);
same("caught", caught, "fetch failed");
