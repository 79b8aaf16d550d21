// Buckets of durations, as the server counts them and as the page draws them.

import { expect, test } from "vitest";
import { BUCKETS, bucketMs, bucketOf } from "../src/lib/stream";

test("a duration is in the bucket whose bound it does not exceed", () => {
  for (let bucket = 0; bucket < BUCKETS; bucket++) expect(bucketOf(bucketMs(bucket))).toBe(bucket);
  for (const ms of [0.11, 1, 7, 33, 711, 5_000]) {
    const bucket = bucketOf(ms);
    expect(bucketMs(bucket)).toBeGreaterThanOrEqual(ms);
    expect(bucketMs(bucket - 1)).toBeLessThan(ms);
  }
  expect([bucketOf(0), bucketOf(1e9)]).toEqual([0, BUCKETS - 1]);
});
