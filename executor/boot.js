// The first words of an executor process (`node -e`; for Node actions a file of their bundle): the
// rest of its code arrives as the first frame on descriptor 3, so that no file has to be readable.
"use strict";
const fs = require("fs");
const read = (size) => {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size; ) {
    const got = fs.readSync(3, bytes, at, size - at, null);
    if (got === 0) process.exit(0);
    at += got;
  }
  return bytes;
};
const text = () => read(read(4).readUInt32LE(0)).toString("utf8");
const [main, realm, options] = [text(), text(), text()];
const run = require("vm").runInThisContext(main, { filename: "lentil:executor" });
// Only Node actions load modules: elsewhere the permission model and the realms are in the way.
run(require, process, realm, JSON.parse(options), (url) => import(url));
