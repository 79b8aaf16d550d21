  // `ctx.storage.store` and `get` of actions: the SDK hands over a Blob, and wants one back.

  async function storeBlob({ requestId, version, blob, options }) {
    const bytes = blobGroup().bytesOf(blob);
    if (bytes === undefined) {
      throw new ErrorHere(`store() expects a Blob, e.g. \`new Blob(["text"])\` or \`await response.blob()\``);
    }
    const args = {
      requestId, version, blob: encodeBase64(bytes, BASE64, true), contentType: blob.type, sha256: options?.sha256,
    };
    return parse(await asyncSyscall("1.0/storageStore", stringify(args)));
  }

  async function getBlob({ requestId, version, storageId }) {
    if (typeof storageId !== "string") throw new ErrorHere("get() expects the id of a file");
    const found = parse(await asyncSyscall("1.0/storageGet", stringify({ requestId, version, storageId })));
    if (found === null) return null;
    return new (blobGroup().Blob)([decodeBase64(found.blob, false, "loose")], { type: found.contentType ?? "" });
  }

  const OF_FILES = { __proto__: null, "storage/storeBlob": storeBlob, "storage/getBlob": getBlob };
