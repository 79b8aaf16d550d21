  // Time stands still: `Date` shows the time of the execution (of the push, during import). Only
  // in actions does it pass.

  const RealDate = Date;
  const roundTenth = (value) => (value * 10 - ((value * 10) % 1)) / 10;

  /** The frozen time, and a note that it was looked at. */
  function currentTime() {
    if (now.phase !== IMPORTING) now.observed |= OBSERVED_TIME;
    return now.live ? Math.floor(guard(host.now)) : now.time;
  }

  function createDate() {
    function DateHere(...args) {
      if (new.target === undefined) return `${new RealDate(currentTime())}`;
      return construct(RealDate, args.length === 0 ? [currentTime()] : args, new.target);
    }
    const hidden = (value) => ({ __proto__: null, value, writable: true, enumerable: false, configurable: true });
    defineProperty(DateHere, "name", { __proto__: null, value: "Date", configurable: true });
    defineProperty(DateHere, "length", { __proto__: null, value: 7, configurable: true });
    defineProperty(DateHere, "prototype", { __proto__: null, value: RealDate.prototype, writable: false });
    defineProperty(DateHere, "now", hidden({ now: () => currentTime() }.now));
    defineProperty(DateHere, "parse", hidden(RealDate.parse));
    defineProperty(DateHere, "UTC", hidden(RealDate.UTC));
    defineProperty(RealDate.prototype, "constructor", hidden(DateHere));
    return DateHere;
  }
  expose("Date", createDate());

  const RealIntl = Intl;

  /** `format()` without a date would show the real clock. */
  function freezeDateTimeFormat() {
    // Not by its global name, whose getter calls this.
    const proto = RealIntl.DateTimeFormat.prototype;
    const format = uncurry(getOwnPropertyDescriptor(proto, "format").get);
    const toParts = uncurry(proto.formatToParts);
    const bound = new WeakMap();
    defineProperty(proto, "format", {
      __proto__: null,
      get() {
        const real = format(this);
        if (!bound.has(this)) bound.set(this, (date) => real(date === undefined ? currentTime() : date));
        return bound.get(this);
      },
      set: undefined,
      enumerable: false,
      configurable: true,
    });
    proto.formatToParts = { formatToParts(date) {
      return toParts(this, date === undefined ? currentTime() : date);
    } }.formatToParts;
    defineProperty(proto, "formatToParts", { __proto__: null, enumerable: false });
  }
  /** What a getter makes once and keeps is as old as whose getter it is. */
  function admitBound(proto, name) {
    const descriptor = getOwnPropertyDescriptor(proto, name);
    const get = uncurry(descriptor.get);
    const { get: admitting } = getOwnPropertyDescriptor({ get [name]() {
      const bound = get(this);
      if (old.has(this)) admit([bound]);
      return bound;
    } }, name);
    defineProperty(proto, name, { __proto__: null, ...descriptor, get: disguise(admitting, descriptor.get) });
  }
  // `Intl` is costly to touch: most calls never do.
  exposeLazily("Intl", () => {
    freezeDateTimeFormat();
    admitBound(RealIntl.DateTimeFormat.prototype, "format");
    admitBound(RealIntl.NumberFormat.prototype, "format");
    admitBound(RealIntl.Collator.prototype, "compare");
    return RealIntl;
  });

  /** Milliseconds since the call began: 0 during import, still in a query. */
  function elapsed() {
    if (now.phase === IMPORTING) return 0;
    now.observed |= OBSERVED_TIME;
    if (now.kind === 0) return roundTenth(now.time - now.importTime);
    return roundTenth(now.time - now.importTime + guard(host.elapsed) - now.started);
  }

  exposeGroup(["performance", "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure"], () => {
    class PerformanceEntry {
      constructor(name, type, start, duration) {
        this.name = name;
        this.entryType = type;
        this.startTime = start;
        this.duration = duration;
      }
      toJSON() {
        return { ...this };
      }
    }
    class PerformanceMark extends PerformanceEntry {
      constructor(name, options) {
        super(`${name}`, "mark", options?.startTime ?? elapsed(), 0);
        this.detail = options?.detail ?? null;
      }
    }
    class PerformanceMeasure extends PerformanceEntry {}
    let entries = [];
    const startOf = (mark, otherwise) => {
      if (mark === undefined) return otherwise;
      if (typeof mark === "number") return mark;
      const found = entries.findLast((entry) => entry.entryType === "mark" && entry.name === mark);
      if (found === undefined) throw new SyntaxError(`The mark '${mark}' does not exist`);
      return found.startTime;
    };
    const without = (type, name) =>
      entries.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== name));
    class Performance {
      now() {
        return elapsed();
      }
      get timeOrigin() {
        return now.importTime;
      }
      mark(name, options) {
        const mark = new PerformanceMark(name, options);
        stain();
        entries.push(mark);
        return mark;
      }
      measure(name, from, to) {
        const range = isObject(from) ? from : { start: from, end: to };
        const start = startOf(range.start, 0);
        const end = startOf(range.end, elapsed());
        const measure = new PerformanceMeasure(`${name}`, "measure", start, end - start);
        stain();
        entries.push(measure);
        return measure;
      }
      clearMarks(name) {
        stain();
        entries = without("mark", name);
      }
      clearMeasures(name) {
        stain();
        entries = without("measure", name);
      }
      getEntries() {
        return [...entries];
      }
      getEntriesByName(name, type) {
        return entries.filter((entry) => entry.name === name && (type === undefined || entry.entryType === type));
      }
      getEntriesByType(type) {
        return entries.filter((entry) => entry.entryType === type);
      }
      toJSON() {
        return { timeOrigin: this.timeOrigin };
      }
    }
    const performance = new Performance();
    return { performance, Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure };
  });
