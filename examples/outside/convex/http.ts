// What others reach over HTTP: the shop's webhook, and a report that arrives line by line.

import { httpRouter } from "convex/server";
import { api, internal } from "./_generated/api";
import { httpAction } from "./_generated/server";
import { isSigned } from "./signature";

const http = httpRouter();

http.route({
  path: "/webhooks/orders",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    const secret = process.env.WEBHOOK_SECRET;
    if (!secret) return new Response("WEBHOOK_SECRET is not set", { status: 503 });
    // The signature is of the bytes as they came: they are read before they are understood.
    const body = await request.text();
    if (!(await isSigned(body, request.headers.get("x-signature"), secret))) {
      console.warn("a webhook with a wrong signature");
      return new Response("wrong signature", { status: 401 });
    }
    let order;
    try {
      order = JSON.parse(body);
    } catch {
      return new Response("not JSON", { status: 400 });
    }
    const { event, customer, cents } = order ?? {};
    if (typeof event !== "string" || typeof customer !== "string" || !Number.isInteger(cents)) {
      return new Response("event, customer and cents are needed", { status: 400 });
    }
    const noted = await ctx.runMutation(internal.orders.note, { event, customer, cents });
    return Response.json({ noted });
  }),
});

/** Lets the page, which has another origin, read the answer. */
const OPEN = { "access-control-allow-origin": "*" };

http.route({
  path: "/report",
  method: "GET",
  handler: httpAction(async (ctx, request) => {
    const [papers, letters, orders] = await Promise.all([
      ctx.runQuery(api.papers.list, {}),
      ctx.runQuery(api.letters.list, {}),
      ctx.runQuery(api.orders.list, {}),
    ]);
    const turnover = orders.reduce((sum, { cents }) => sum + cents, 0);
    const lines = [
      `${papers.length} papers on file`,
      ...papers.map(({ name, size }) => `  ${name}, ${size} bytes`),
      `${letters.filter(({ state }) => state.kind === "sent").length} of ${letters.length} letters sent`,
      `${orders.length} orders, ${(turnover / 100).toFixed(2)} in all`,
    ];
    const encoder = new TextEncoder();
    const stream = new ReadableStream({
      async start(controller) {
        // Server-sent events: each is a line that the page shows as it comes.
        for (const line of lines) {
          if (request.signal.aborted) return;
          controller.enqueue(encoder.encode(`data: ${JSON.stringify(line)}\n\n`));
          await new Promise((resolve) => setTimeout(resolve, 120));
        }
        controller.enqueue(encoder.encode("event: end\ndata: \n\n"));
        controller.close();
      },
    });
    return new Response(stream, { headers: { ...OPEN, "content-type": "text/event-stream" } });
  }),
});

export default http;
