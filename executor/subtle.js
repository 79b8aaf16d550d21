    // WebCrypto for realms. `spec` is JSON (method, algorithms, format, extractable, usages) in
    // which {"$b": i} stands for the i-th byte view and {"$k": i} for the i-th key; results go back
    // through `settle`, a function of the realm, as JSON, as a new key, or as bytes to be fetched.
    const api = webcrypto.subtle;

    function revive(value, views, keys) {
      if (value === null || typeof value !== "object") return value;
      if (typeof value.$b === "number") return views[value.$b];
      if (typeof value.$k === "number") return keys[value.$k];
      const copy = Array.isArray(value) ? [] : {};
      for (const name of Object.keys(value)) copy[name] = revive(value[name], views, keys);
      return copy;
    }

    const keyInfo = (key) => {
      const algorithm = { ...key.algorithm };
      if (algorithm.publicExponent) algorithm.publicExponent = { $bytes: [...algorithm.publicExponent] };
      if (algorithm.hash) algorithm.hash = { name: algorithm.hash.name };
      return { type: key.type, extractable: key.extractable, algorithm, usages: key.usages };
    };

    /** Settles with (ok, kind, text, a, b): kind 0 JSON, 1 bytes (a: length, b: copier), 2 key (a), 3 two keys (a public, b private). */
    function settleWith(settle, value) {
      if (value instanceof ArrayBuffer) {
        const bytes = new Uint8Array(value);
        settle(true, 1, "", bytes.length, (view) => void setBytes.call(view, bytes));
      } else if (value instanceof CryptoKey) {
        settle(true, 2, JSON.stringify(keyInfo(value)), value);
      } else if (value?.privateKey instanceof CryptoKey) {
        const { publicKey, privateKey } = value;
        settle(true, 3, JSON.stringify([keyInfo(publicKey), keyInfo(privateKey)]), publicKey, privateKey);
      } else {
        settle(true, 0, JSON.stringify(value ?? null));
      }
      wake();
    }

    function subtle(spec, viewList, keyList, settle) {
      const views = [];
      for (let i = 0; i < viewList.length; i++) views.push(bytesFrom(viewList[i]));
      const keys = [];
      for (let i = 0; i < keyList.length; i++) keys.push(keyList[i]);
      const fail = (error) => {
        settle(false, 0, String(error?.name ?? "Error"), String(error?.message ?? ""));
        wake();
      };
      try {
        const { method, args } = JSON.parse(spec);
        api[method](...revive(args, views, keys)).then((value) => settleWith(settle, value), fail);
      } catch (error) {
        fail(error);
      }
    }
