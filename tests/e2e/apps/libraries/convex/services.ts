// Clients of services: openai, stripe, ai.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import Stripe from "stripe";
import { z } from "zod";
import { action } from "./_generated/server";
import { v } from "convex/values";

const at = { url: v.string() };
const openai = (url: string, options = {}) => new OpenAI({ apiKey: "sk-test", baseURL: `${url}/v1`, ...options });
const messages = (content: string) => [{ role: "user" as const, content }];

export const completion = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const done = await openai(url).chat.completions.create({ model: "small", messages: messages("hi") });
    return { text: done.choices[0].message.content, tokens: done.usage?.total_tokens };
  },
});
export const streamed = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const stream = await openai(url).chat.completions.create({ model: "small", messages: messages("hi"), stream: true });
    const parts = [];
    for await (const part of stream) parts.push(part.choices[0]?.delta?.content ?? "");
    return parts.filter(Boolean);
  },
});
/** The helper that collects a stream, with events. */
export const collected = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const runner = openai(url).chat.completions.stream({ model: "small", messages: messages("hi") });
    let seen = "";
    runner.on("content", (delta) => (seen += delta));
    const final = await runner.finalChatCompletion();
    return { seen, final: final.choices[0].message.content };
  },
});
export const refused = action({
  args: at,
  handler: async (_ctx, { url }) => {
    try {
      await openai(url, { apiKey: "sk-wrong" }).chat.completions.create({ model: "small", messages: messages("hi") });
      return null;
    } catch (error) {
      const known = error instanceof OpenAI.AuthenticationError && error instanceof Error;
      return { known, status: (error as { status: number }).status, message: (error as Error).message };
    }
  },
});
export const busy = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const done = await openai(url, { maxRetries: 2 }).chat.completions.create({ model: "busy", messages: messages("hi") });
    return done.choices[0].message.content;
  },
});
export const tooSlow = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const client = openai(url, { timeout: 50, maxRetries: 0 });
    const error = await client.chat.completions.create({ model: "silent", messages: messages("hi") }).catch((e: unknown) => e);
    return { known: error instanceof OpenAI.APIConnectionTimeoutError, message: (error as Error).message };
  },
});
export const uploaded = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const file = await OpenAI.toFile(new TextEncoder().encode("some lines"), "lines.txt", { type: "text/plain" });
    return (await openai(url).files.create({ file, purpose: "assistants" })).filename;
  },
});

const stripe = (url: string) => {
  const { hostname, port } = new URL(url);
  return new Stripe("sk_test_1", { httpClient: Stripe.createFetchHttpClient(), host: hostname, port, protocol: "http", maxNetworkRetries: 0 });
};
export const customer = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const made = await stripe(url).customers.create({ email: "ada@example.com", metadata: { plan: "gold" } }, { idempotencyKey: "once" });
    const names = [];
    for await (const one of stripe(url).customers.list({ limit: 2 })) names.push(one.id);
    return { id: made.id, email: made.email, plan: made.metadata.plan, requestId: made.lastResponse.requestId, names };
  },
});
export const declined = action({
  args: at,
  handler: async (_ctx, { url }) => {
    try {
      await stripe(url).paymentIntents.create({ amount: 500, currency: "eur" });
      return null;
    } catch (error) {
      const failed = error as Stripe.errors.StripeCardError;
      return { known: error instanceof Stripe.errors.StripeCardError, code: failed.code, status: failed.statusCode };
    }
  },
});
export const stripeEvent = action({
  args: { payload: v.string(), signature: v.string(), secret: v.string() },
  handler: async (_ctx, { payload, signature, secret }) => {
    const client = new Stripe("sk_test_1", { httpClient: Stripe.createFetchHttpClient() });
    const provider = Stripe.createSubtleCryptoProvider();
    const read = (body: string) => client.webhooks.constructEventAsync(body, signature, secret, undefined, provider);
    const forged = await read(`${payload} `).then(() => "taken", (error) => error instanceof Stripe.errors.StripeSignatureVerificationError);
    return { type: (await read(payload)).type, forged };
  },
});

const model = (url: string) => createOpenAICompatible({ name: "fake", baseURL: `${url}/v1`, apiKey: "sk-test" })("small");
export const generated = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const { text, usage, finishReason } = await generateText({ model: model(url), prompt: "hi", system: "be short" });
    return { text, tokens: usage.totalTokens, finishReason };
  },
});
export const generatedStream = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const result = streamText({ model: model(url), prompt: "hi" });
    const parts = [];
    for await (const part of result.textStream) parts.push(part);
    return { parts, text: await result.text, finishReason: await result.finishReason };
  },
});
export const withTool = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const weather = tool({
      description: "the weather in a city",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `sun in ${city}`,
    });
    const { text, steps } = await generateText({
      model: createOpenAICompatible({ name: "fake", baseURL: `${url}/v1`, apiKey: "sk-test" })("tools"),
      prompt: "weather in Rome?",
      tools: { weather },
      stopWhen: stepCountIs(3),
    });
    return { text, steps: steps.length, calls: steps[0].toolCalls.map((call) => call.input) };
  },
});
export const generatedObject = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const json = createOpenAICompatible({ name: "fake", baseURL: `${url}/v1`, apiKey: "sk-test", supportsStructuredOutputs: true })("json");
    const { object } = await generateObject({ model: json, schema: z.object({ city: z.string(), degrees: z.number() }), prompt: "hi" });
    return object;
  },
});
export const generateFails = action({
  args: at,
  handler: async (_ctx, { url }) => {
    const wrong = createOpenAICompatible({ name: "fake", baseURL: `${url}/v1`, apiKey: "sk-wrong" })("small");
    const error = await generateText({ model: wrong, prompt: "hi", maxRetries: 0 }).catch((e: unknown) => e);
    return { name: (error as Error).name, status: (error as { statusCode: number }).statusCode, message: (error as Error).message };
  },
});
