"use node";

// Papers packed into one archive: an action in Node, because it wants `node:zlib`. Everything else
// of this app runs in the default runtime.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { api, internal } from "./_generated/api";
import { action } from "./_generated/server";

/** Larger papers are left out: an archive is made in memory. */
const PAPER_BYTES_MAX = 10_000_000;
/** How long an archive can be fetched. */
const KEPT_MS = 3_600_000;

/** Packs all papers, as a gzipped file with a line of JSON for each; gives its URL. */
export const make = action({
  args: {},
  handler: async (ctx): Promise<{ url: string | null; papers: number; bytes: number }> => {
    const papers: { name: string; url: string | null; size: number }[] = await ctx.runQuery(api.papers.list, {});
    const lines: string[] = [];
    for (const { name, url, size } of papers) {
      if (url === null || size > PAPER_BYTES_MAX) continue;
      const content = Buffer.from(await (await fetch(url)).arrayBuffer());
      const sha256 = createHash("sha256").update(content).digest("hex");
      lines.push(JSON.stringify({ name, sha256, content: content.toString("base64") }));
    }
    const packed = gzipSync(lines.join("\n"));
    const id = await ctx.storage.store(new Blob([packed], { type: "application/gzip" }));
    await ctx.scheduler.runAfter(KEPT_MS, internal.papers.dropArchive, { file: id });
    return { url: await ctx.storage.getUrl(id), papers: lines.length, bytes: packed.length };
  },
});
