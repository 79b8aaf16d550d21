// Letters: a mutation writes one down and schedules its sending in the same transaction, so there
// is never one without the other. Sending is an action, which runs at most once; when the provider
// is down the letter is scheduled again, later each time.

import { ConvexError, v } from "convex/values";
import { internal } from "./_generated/api";
import { internalAction, internalMutation, internalQuery, mutation, query } from "./_generated/server";

const ATTEMPTS_MAX = 5;
const RETRY_MS = 2_000;
const DELAY_MAX_S = 7 * 24 * 3_600;

export const post = mutation({
  args: { to: v.string(), subject: v.string(), delay: v.number() },
  handler: async (ctx, { to, subject, delay }) => {
    if (!/^[^@\s]+@[^@\s]+$/.test(to)) throw new ConvexError("That is not an address.");
    if (subject.trim() === "") throw new ConvexError("A letter needs a subject.");
    if (!(delay >= 0 && delay <= DELAY_MAX_S)) throw new ConvexError("A letter may wait a week.");
    const id = await ctx.db.insert("letters", {
      to,
      subject: subject.trim(),
      state: { kind: "waiting" },
      attempts: 0,
    });
    await ctx.scheduler.runAfter(delay * 1_000, internal.letters.send, { id });
    return id;
  },
});

export const list = query({
  args: {},
  handler: async (ctx) => await ctx.db.query("letters").order("desc").take(50),
});

export const get = internalQuery({
  args: { id: v.id("letters") },
  handler: async (ctx, { id }) => await ctx.db.get(id),
});

/** Hands a letter to the mail provider; MAIL_URL and MAIL_TOKEN say which. */
export const send = internalAction({
  args: { id: v.id("letters") },
  handler: async (ctx, { id }) => {
    const letter = await ctx.runQuery(internal.letters.get, { id });
    if (letter === null) return;
    const { to, subject } = letter;
    try {
      const response = await fetch(`${process.env.MAIL_URL}/emails`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${process.env.MAIL_TOKEN}`,
          "content-type": "application/json",
          // The provider takes a letter with a key that it has seen for the same letter.
          "idempotency-key": id,
        },
        body: JSON.stringify({ to, subject, text: `Dear ${to},\n\n${subject}.\n` }),
        signal: AbortSignal.timeout(10_000),
      });
      if (!response.ok) throw new Error(`the provider answered ${response.status}`);
      const { receipt } = (await response.json()) as { receipt: string };
      await ctx.runMutation(internal.letters.sent, { id, receipt });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      console.warn(`letter ${id} was not sent`, reason);
      await ctx.runMutation(internal.letters.notSent, { id, reason });
    }
  },
});

export const sent = internalMutation({
  args: { id: v.id("letters"), receipt: v.string() },
  handler: async (ctx, { id, receipt }) => await ctx.db.patch(id, { state: { kind: "sent", receipt } }),
});

/** Schedules the letter again, or gives it up. */
export const notSent = internalMutation({
  args: { id: v.id("letters"), reason: v.string() },
  handler: async (ctx, { id, reason }) => {
    const letter = await ctx.db.get(id);
    if (letter === null) return;
    const attempts = letter.attempts + 1;
    if (attempts >= ATTEMPTS_MAX) {
      await ctx.db.patch(id, { attempts, state: { kind: "failed", reason } });
      return;
    }
    await ctx.db.patch(id, { attempts });
    await ctx.scheduler.runAfter(RETRY_MS * 2 ** (attempts - 1), internal.letters.send, { id });
  },
});
