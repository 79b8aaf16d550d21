// Services of others, as far as the tests of libraries ask them: a model, payments, published keys.

import http from "node:http";

/** A server that answers with `routes[path](request, body, response)`: a value is sent as JSON. */
export async function fake(t, routes) {
  const seen = [];
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts).toString();
    const { pathname } = new URL(request.url, "http://fake");
    seen.push({ method: request.method, path: pathname, headers: request.headers, body });
    const route = routes[pathname];
    const answer = route ? await route({ request, body, response }) : { status: 404, json: { error: { message: "nothing here" } } };
    if (answer === undefined) return;
    response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.json));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, seen };
}

const choice = (message, finish_reason = "stop") => ({
  json: {
    id: "chatcmpl-1", object: "chat.completion", created: 1_700_000_000, model: "small",
    choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  },
});

/** Sends events, one write each and cut in the middle of a letter. */
async function stream(response, words) {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  const send = async (text) => {
    const bytes = Buffer.from(text);
    const cut = bytes.length - 9;
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      await new Promise((resolve) => response.write(part, () => setImmediate(resolve)));
    }
  };
  const event = (delta, finish_reason = null) => {
    const choices = [{ index: 0, delta, finish_reason }];
    return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "small", choices })}\n\n`;
  };
  await send(event({ role: "assistant", content: "" }));
  for (const word of words) await send(event({ content: word }));
  await send(event({}, "stop"));
  response.end("data: [DONE]\n\n");
}

/** What speaks like OpenAI: the name of the model says what it does. */
export const openaiRoutes = () => {
  let refusals = 0;
  return {
    "/v1/chat/completions": ({ request, body, response }) => {
      if (request.headers.authorization !== "Bearer sk-test") {
        return { status: 401, json: { error: { message: "Incorrect API key provided", type: "invalid_request_error", code: "invalid_api_key" } } };
      }
      const asked = JSON.parse(body);
      if (asked.stream) {
        stream(response, ["Hel", "lo ", "w\u00f6rld", " \u{1F600}"]);
        return;
      }
      if (asked.model === "silent") return;
      if (asked.model === "busy" && refusals++ < 2) {
        return { status: 429, headers: { "retry-after-ms": "1" }, json: { error: { message: "slow down" } } };
      }
      const answered = asked.messages.find((message) => message.role === "tool");
      if (asked.model === "tools" && !answered) {
        const call = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } };
        return choice({ content: null, tool_calls: [call] }, "tool_calls");
      }
      if (answered) return choice({ content: `It says: ${answered.content}` });
      return choice({ content: asked.model === "json" ? '{"city":"Rome","degrees":31}' : "Hello" });
    },
    "/v1/files": ({ request, body }) => {
      const name = /filename="([^"]+)"/.exec(body)?.[1];
      const whole = request.headers["content-type"].startsWith("multipart/form-data; boundary=") && body.includes("some lines");
      return { json: { id: "file-1", object: "file", filename: whole ? name : "broken", purpose: "assistants", bytes: 10, created_at: 1 } };
    },
  };
};

/** What speaks like Stripe. */
export const stripeRoutes = {
  "/v1/customers": ({ request, body }) => {
    const headers = { "request-id": "req_1" };
    if (request.method === "GET") {
      const after = new URL(request.url, "http://fake").searchParams.get("starting_after");
      const data = (after ? ["cus_3"] : ["cus_1", "cus_2"]).map((id) => ({ id, object: "customer" }));
      return { headers, json: { object: "list", url: "/v1/customers", has_more: !after, data } };
    }
    const form = new URLSearchParams(body);
    return { headers, json: { id: "cus_1", object: "customer", email: form.get("email"), metadata: { plan: form.get("metadata[plan]") } } };
  },
  "/v1/payment_intents": () => ({
    status: 402,
    json: { error: { type: "card_error", code: "card_declined", message: "Your card was declined." } },
  }),
};
