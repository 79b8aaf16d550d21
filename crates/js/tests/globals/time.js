// Date, Intl and performance: time stands still in a query.
same("Date", [Date.now(), new Date().getTime(), new Date(5).getTime(), typeof Date()], [1700000000000, 1700000000000, 5, "string"]);
same("the zone", [new Date(0).getTimezoneOffset(), new Intl.DateTimeFormat("en", { timeZoneName: "short" }).format(new Date(0))], [0, "1/1/1970, UTC"]);
same("format of now", new Intl.DateTimeFormat("en").format() === new Intl.DateTimeFormat("en").format(new Date()), true);
same("numbers", new Intl.NumberFormat("de").format(1234.5), "1.234,5");
same("Intl", [
  new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(1234.5),
  new Intl.DateTimeFormat("en-US").format(0),
  new Intl.DateTimeFormat("en-US").format() === new Intl.DateTimeFormat("en-US").format(Date.now()),
  new Intl.DateTimeFormat().resolvedOptions().timeZone,
  ["ä", "z", "a"].sort(new Intl.Collator("de").compare),
], ["$1,234.50", "1/1/1970", true, "UTC", ["a", "ä", "z"]]);

same("performance stands still in queries", performance.now() === performance.now(), true);
const mark = performance.mark("a", { detail: 1 });
const measure = performance.measure("m", "a");
same("marks", [mark.name, mark.entryType, mark.detail, mark instanceof PerformanceMark, measure.duration], ["a", "mark", 1, true, 0]);
same("entries", [performance.getEntries().length, performance.getEntriesByName("a").length, performance.getEntriesByType("measure").length], [2, 1, 1]);
performance.clearMarks();
same("cleared", performance.getEntries().length, 1);
await fails("an unknown mark", () => performance.measure("m", "nope"), "SyntaxError");
same("timeOrigin", performance.timeOrigin, 1600000000000);
performance.clearMeasures();
performance.mark("b");
performance.measure("of b", "b");
same("measures", performance.getEntriesByType("measure").map((entry) => entry.name), ["of b"]);
