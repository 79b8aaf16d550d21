  // Streams of the Web: the `web-streams-polyfill` library, evaluated in this realm when first
  // needed, and what is made of it.

  const streamGroup = exposeGroup(
    ["ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest",
      "ReadableByteStreamController", "ReadableStreamDefaultController", "WritableStream", "WritableStreamDefaultWriter",
      "WritableStreamDefaultController", "TransformStream", "TransformStreamDefaultController",
      "CountQueuingStrategy", "ByteLengthQueuingStrategy"],
    () => guard(host.streams, realm.context)(),
  );

  exposeGroup(["TextEncoderStream", "TextDecoderStream"], () => {
    const { TransformStream } = streamGroup();
    class TextEncoderStream {
      #stream;
      #held = "";
      constructor() {
        this.#stream = new TransformStream({
          transform: (chunk, controller) => {
            // Half of a surrogate pair waits for the other.
            let text = this.#held + chunk;
            const last = text.length > 0 ? codeAt(text, text.length - 1) : 0;
            this.#held = last >= 0xd800 && last <= 0xdbff ? sliceText(text, -1) : "";
            if (this.#held !== "") text = sliceText(text, 0, -1);
            if (text !== "") controller.enqueue(encodeUtf8(text));
          },
          flush: (controller) => {
            if (this.#held !== "") controller.enqueue(encodeUtf8(this.#held));
          },
        });
      }
      get encoding() {
        return "utf-8";
      }
      get readable() {
        return this.#stream.readable;
      }
      get writable() {
        return this.#stream.writable;
      }
      get [Symbol.toStringTag]() {
        return "TextEncoderStream";
      }
    }
    class TextDecoderStream {
      #stream;
      #decoder;
      constructor(label = "utf-8", options = {}) {
        const decoder = new (textDecoderGroup())(label, options);
        this.#decoder = decoder;
        this.#stream = new TransformStream({
          transform(chunk, controller) {
            const text = decoder.decode(chunk, { stream: true });
            if (text !== "") controller.enqueue(text);
          },
          flush(controller) {
            const text = decoder.decode();
            if (text !== "") controller.enqueue(text);
          },
        });
      }
      get encoding() {
        return this.#decoder.encoding;
      }
      get fatal() {
        return this.#decoder.fatal;
      }
      get ignoreBOM() {
        return this.#decoder.ignoreBOM;
      }
      get readable() {
        return this.#stream.readable;
      }
      get writable() {
        return this.#stream.writable;
      }
      get [Symbol.toStringTag]() {
        return "TextDecoderStream";
      }
    }
    return { TextEncoderStream, TextDecoderStream };
  });
