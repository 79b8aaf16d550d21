  // Posted writes: a call goes on without waiting for them. They are sent, in their place, with the
  // next frame, and the server runs the call again without any if one of them fails.

  const POSTED_MAX = 64;
  const POSTED_LENGTH_MAX = 1 << 18;
  /** Their answers say nothing that the SDK looks at; those of inserts are ids. */
  const POSTABLE = { __proto__: null, "1.0/insert": true, "1.0/shallowMerge": true, "1.0/replace": true, "1.0/remove": true };
  const INSERT = "1.0/insert";

  /** What was posted since the last frame. */
  let posted = [];
  let postedLength = 0;

  /** Whether a call may post writes (`null`: no), and the answers that its inserts get. */
  function readPosting() {
    posted = [];
    postedLength = 0;
    return readU8() === 0 ? null : readReserved([]);
  }

  /** Adds answers for inserts to those that are left. */
  function readReserved(tables) {
    for (let left = readU32(); left > 0; left--) {
      const begins = readString();
      const known = tables.find((table) => table.begins === begins);
      const answers = known?.answers.slice(known.next) ?? [];
      for (let ids = readU32(); ids > 0; ids--) answers.push(readString());
      if (known === undefined) tables.push({ begins, answers, next: 0 });
      else Object.assign(known, { answers, next: 0 });
    }
    return tables;
  }

  const tableOf = (tables, args) => tables.find(({ begins }) => args.startsWith(begins));

  /** Answers everything that is queued, if all of it may be posted. */
  function post(call) {
    const { realm, posting } = call;
    const count = realm.queued();
    if (posting === null || posted.length + count > POSTED_MAX) return false;
    let length = postedLength;
    for (let i = 0; i < count; i++) {
      const op = realm.ops[i];
      if (POSTABLE[op] !== true || (op === INSERT && tableOf(posting, realm.texts[i]) === undefined)) return false;
      length += realm.texts[i].length;
    }
    if (length > POSTED_LENGTH_MAX) return false;
    const answers = [];
    for (let i = 0; i < count; i++) {
      const op = realm.ops[i];
      const table = op === INSERT ? tableOf(posting, realm.texts[i]) : undefined;
      // More than was reserved: this is asked for, and the answer brings more.
      if (table !== undefined && table.next === table.answers.length) return false;
      answers.push(table === undefined ? "null" : table.answers[table.next++]);
    }
    for (let i = 0; i < count; i++) posted.push({ op: realm.ops[i], args: realm.texts[i], answer: answers[i] });
    postedLength = length;
    realm.sent();
    for (let i = 0; i < count; i++) realm.deliver(i, 0, answers[i]);
    return true;
  }

  function writePosted() {
    writeU8(posted.length);
    for (const { op, args, answer } of posted) {
      writeString(op);
      writeString(args);
      writeString(answer);
    }
    if (posted.length > 0) posted = [];
    postedLength = 0;
  }
