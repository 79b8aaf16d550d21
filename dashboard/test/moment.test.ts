// The clock of the live pages, and what they show of what they have seen.

import { expect, test } from "vitest";
import { AdminHttp } from "../src/lib/http";
import { atSpeed, freeze, goLive, LIVE, momentOf, pause, play, seek, shownAt, WINDOW_MS } from "../src/lib/moment";
import { Ring } from "../src/lib/ring";
import { kept, takenBy, type Taken } from "../src/lib/snapshots";
import { Feed, type Commit } from "../src/lib/stream";

const NOW = 1_000_000_000;

test("live is now, and stands still when it is stopped", () => {
  expect(shownAt(LIVE, NOW)).toBe(NOW);
  expect(momentOf(LIVE, NOW)).toEqual({ until: Infinity, live: true, rate: 1, jumps: 0 });
  const stopped = pause(LIVE, NOW);
  expect(shownAt(stopped, NOW + 90_000)).toBe(NOW);
  // What somebody looks at is not taken away, however long that takes.
  expect(shownAt(stopped, NOW + 2 * WINDOW_MS)).toBe(NOW);
  expect(momentOf(stopped, NOW + 1)).toMatchObject({ until: NOW, live: false, rate: 0 });
});

test("going on goes on from there, as far behind as it was", () => {
  const again = play(pause(LIVE, NOW), NOW + 10_000);
  expect(shownAt(again, NOW + 10_000)).toBe(NOW);
  expect(shownAt(again, NOW + 15_000)).toBe(NOW + 5_000);
  expect(shownAt(goLive(again), NOW + 15_000)).toBe(NOW + 15_000);
});

test("a quarter of the speed falls behind, up to five minutes", () => {
  const slow = atSpeed(LIVE, 0.25, NOW);
  expect(shownAt(slow, NOW + 8_000)).toBe(NOW + 2_000);
  expect(shownAt(slow, NOW + 1_000_000)).toBe(NOW + 1_000_000 - WINDOW_MS);
  const fast = atSpeed(slow, 1, NOW + 8_000);
  expect(shownAt(fast, NOW + 10_000)).toBe(NOW + 4_000);
  expect(atSpeed(LIVE, 1, NOW)).toBe(LIVE);
  // Chosen while it stands still, it stays where it is.
  const still = atSpeed(pause(LIVE, NOW), 0.25, NOW + 5_000);
  expect(shownAt(still, NOW + 9_000)).toBe(NOW);
  expect(shownAt(play(still, NOW + 9_000), NOW + 13_000)).toBe(NOW + 1_000);
});

test("the past can be gone to, the future cannot", () => {
  const back = seek(LIVE, NOW - 60_000, NOW);
  expect(shownAt(back, NOW + 1_000)).toBe(NOW - 59_000);
  expect(shownAt(seek(LIVE, NOW - 2 * WINDOW_MS, NOW), NOW)).toBe(NOW - WINDOW_MS);
  expect(seek(back, NOW, NOW).live).toBe(true);
  const still = seek(pause(LIVE, NOW - 5_000), NOW + 70_000, NOW);
  expect(still).toMatchObject({ live: false, playing: false, at: NOW });
  expect([back.jumps, goLive(back).jumps]).toEqual([1, 2]);
  expect(momentOf(freeze(LIVE, NOW - 3, NOW), NOW + 50)).toEqual({ until: NOW - 3, live: false, rate: 0, jumps: 1 });
});

test("a ring tells what had come by a moment, also when its beginning is gone", () => {
  const ring = new Ring<{ t: number }>(10);
  for (let t = 1; t <= 30; t++) ring.push({ t });
  expect(ring.items.length).toBeLessThanOrEqual(12);
  expect(ring.since).toBeGreaterThan(10);
  expect(ring.countUntil(Infinity)).toBe(30);
  expect(ring.countUntil(25)).toBe(25);
  expect(ring.last(25, 3).map(({ t }) => t)).toEqual([23, 24, 25]);
  expect(ring.last(ring.countUntil(5), 3)).toEqual([]);
});

test("what is shown is what had happened, and is the same while nothing more had", () => {
  const feed = new Feed(new AdminHttp("http://here", "key"), []);
  const commit = (t: number) => ({ type: "commit", seq: t, t, ts: String(t), path: null, tables: [], bytes: 0 }) as Commit;
  for (const t of [10, 20, 30]) feed.rings.commit.push(commit(t));
  expect(feed.upTo(20).commits.map(({ t }) => t)).toEqual([10, 20]);
  expect(feed.upTo(29)).toBe(feed.upTo(21));
  expect(feed.upTo(Infinity).commits).toHaveLength(3);
  const before = feed.upTo(25);
  feed.rings.commit.push(commit(40));
  expect(feed.upTo(25)).toBe(before);
  expect(feed.upTo(Infinity).commits).toHaveLength(4);
  expect(feed.upTo(9).commits).toEqual([]);
});

test("snapshots of five minutes are kept, fewer if they are large", () => {
  const taken = (at: number, characters = 10) => ({ at, characters, snapshot: { at } }) as unknown as Taken;
  let all: Taken[] = [];
  for (let at = 0; at <= 600_000; at += 5_000) all = kept(all, taken(at));
  expect(all[0]!.at).toBeGreaterThanOrEqual(600_000 - WINDOW_MS - 10_000);
  expect(takenBy(all, 502_000)).toEqual({ at: 500_000 });
  expect(takenBy(all, 5_000)).toBeNull();
  let large: Taken[] = [];
  for (let at = 0; at < 200_000; at += 5_000) large = kept(large, taken(at, 100), 1_000);
  expect(large.length).toBeLessThanOrEqual(10);
  expect(large.at(-1)!.at).toBe(195_000);
});
