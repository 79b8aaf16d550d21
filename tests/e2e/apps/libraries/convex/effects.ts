// effect: errors as values, schemas, retries, time limits and fibers.

import { Data, Duration, Effect, Option, Result, Schedule, Schema, pipe } from "effect";
import { action, query } from "./_generated/server";
import { v } from "convex/values";

class NotFound extends Data.TaggedError("NotFound")<{ id: string }> {}
const find = (id: string) => (id === "ada" ? Effect.succeed({ id, age: 36 }) : Effect.fail(new NotFound({ id })));

const Person = Schema.Struct({ name: Schema.String, age: Schema.Number, born: Schema.optional(Schema.String) });

export const plain = query({
  args: { id: v.string() },
  handler: async (_ctx, { id }) => {
    const program = Effect.gen(function* () {
      const person = yield* find(id);
      return pipe(Option.some(person.age), Option.map((age) => age + 1), Option.getOrElse(() => -1));
    });
    const handled = program.pipe(Effect.catchTag("NotFound", (error) => Effect.succeed(`no ${error.id}`)));
    return await Effect.runPromise(handled);
  },
});
export const decoded = query({
  args: { value: v.any() },
  handler: async (_ctx, { value }) => {
    const result = Schema.decodeUnknownResult(Person)(value);
    return Result.isSuccess(result) ? { person: result.success } : { error: String(result.failure) };
  },
});

export const retried = action({
  args: { url: v.string() },
  handler: async (_ctx, { url }) => {
    let attempts = 0;
    const ask = Effect.tryPromise({
      try: async (signal) => {
        attempts++;
        const response = await fetch(url, { signal });
        if (!response.ok) throw new Error(`status ${response.status}`);
        return await response.json();
      },
      catch: (error) => error as Error,
    });
    const schedule = Schedule.exponential(Duration.millis(1));
    return { answer: await Effect.runPromise(ask.pipe(Effect.retry({ schedule, times: 5 }))), attempts };
  },
});
export const together = action({
  args: {},
  handler: async () => {
    const begun = Date.now();
    const items = await Effect.runPromise(
      Effect.forEach([30, 20, 10], (ms) => Effect.sleep(Duration.millis(ms)).pipe(Effect.as(ms)), { concurrency: "unbounded" }),
    );
    const late = await Effect.runPromiseExit(Effect.sleep(Duration.seconds(60)).pipe(Effect.timeout(Duration.millis(5))));
    const first = await Effect.runPromise(Effect.race(Effect.sleep(Duration.seconds(60)), Effect.succeed("first")));
    return { items, late: late._tag, first, quick: Date.now() - begun < 20_000 };
  },
});
