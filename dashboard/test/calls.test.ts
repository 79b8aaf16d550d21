// Calls that are kept in the browser: what is, what never is.

import { expect, test } from "vitest";
import { Calls } from "../src/lib/calls";

function storage(first?: string) {
  let text: string | null = first ?? null;
  return { getItem: () => text, setItem: (_: string, next: string) => void (text = next), text: () => text ?? "" };
}

const KEY = "dev:here|0123456789abcdef";
const past = (at: number, text: string, path = "messages:send") => ({ at, path, text, ok: true, ms: 3 });

test("runs are kept, newest first, the same one after the other once", () => {
  const store = storage();
  const calls = new Calls("http://a", store);
  calls.note(past(1, "{ a: 1 }"), [KEY]);
  calls.note(past(2, "{ a: 2 }"), [KEY]);
  calls.note(past(3, "{ a: 2 }"), [KEY]);
  expect(calls.get().past.map(({ at }) => at)).toEqual([3, 1]);
  for (let at = 10; at < 100; at++) calls.note(past(at, `{ a: ${at} }`), [KEY]);
  expect(calls.get().past).toHaveLength(60);
  expect(new Calls("http://a", store).get().past).toHaveLength(60);
  expect(new Calls("http://b", store).get().past).toEqual([]);
});

test("names are one call each, and can be forgotten", () => {
  const store = storage();
  const calls = new Calls("http://a", store);
  expect(calls.save({ name: " hello ", path: "messages:send", text: "{ }" }, [])).toBeNull();
  expect(calls.save({ name: "hello", path: "messages:list", text: "{ a: 1 }" }, [])).toBeNull();
  expect(calls.save({ name: "  ", path: "messages:list", text: "{ }" }, [])).toBe("Give it a name");
  expect(new Calls("http://a", store).get().saved).toEqual([{ name: "hello", path: "messages:list", text: "{ a: 1 }" }]);
  calls.forget("hello");
  expect(calls.get().saved).toEqual([]);
});

test("no key is kept, whole or in part, and nothing that is too long", () => {
  const store = storage();
  const calls = new Calls("http://a", store);
  calls.note(past(1, `{ token: "${KEY}" }`), [KEY]);
  calls.note(past(2, `{ token: "0123456789abcdef" }`), [KEY]);
  calls.note(past(3, `{ text: "${"x".repeat(20_000)}" }`), [KEY]);
  expect(calls.get().past).toEqual([]);
  expect(calls.save({ name: "with a key", path: "a:b", text: `{ t: "${KEY}" }` }, [KEY])).toMatch(/not kept/);
  expect(calls.save({ name: KEY, path: "a:b", text: "{ }" }, [KEY])).toMatch(/not kept/);
  expect(store.text()).not.toContain("0123456789abcdef");
});

test("what is not a call is left out, and tabs do not lose what others have kept", () => {
  const store = storage(JSON.stringify({ "http://a": { past: [5, { at: 1, path: "a:b", text: "{ }" }, null], saved: "no" } }));
  const [one, other] = [new Calls("http://a", store), new Calls("http://a", store)];
  expect(one.get().past).toHaveLength(1);
  expect(one.get().saved).toEqual([]);
  one.save({ name: "first", path: "a:b", text: "{ }" }, []);
  other.save({ name: "second", path: "a:b", text: "{ }" }, []);
  one.again();
  expect(one.get().saved.map(({ name }) => name)).toEqual(["first", "second"]);
  expect(new Calls("http://a", storage("{")).get()).toEqual({ past: [], saved: [] });
});
