  // Forms in bodies: Node's parser finds the entries, which cross as JSON and bytes.

  function formParser(owner) {
    const { set } = Uint8Array.prototype;

    async function entriesOf(type, bytes) {
      const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
      const entries = [], contents = [];
      for (const [name, value] of form) {
        if (typeof value === "string") {
          entries.push({ name, value });
        } else {
          const content = new Uint8Array(await value.arrayBuffer());
          contents[entries.length] = content;
          entries.push({ name, filename: value.name, type: value.type, size: content.length });
        }
      }
      return { entries, contents };
    }

    return (type, view, settle) => {
      const bytes = new Uint8Array(view.length);
      set.call(bytes, view);
      entriesOf(type, bytes).then(({ entries, contents }) => post(owner, () => {
        settle(true, JSON.stringify(entries), (i, target) => void set.call(target, contents[i]));
      }), (error) => post(owner, () => settle(false, `formData(): ${error?.message ?? error}`)));
    };
  }
