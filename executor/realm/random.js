  // Seeded randomness: ChaCha12 over the 32 bytes of the execution (of the push, during import).

  const state = new Uint32Array(16);
  const block = new Uint32Array(16);
  const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
  let seedText = "";
  let seeded = false;
  let drawn = 16;

  function seedRandom(hex) {
    seedText = hex;
    seeded = false;
    drawn = 16;
  }

  function applySeed() {
    for (let i = 0; i < 4; i++) state[i] = SIGMA[i];
    for (let i = 0; i < 8; i++) {
      let word = 0;
      for (let j = 0; j < 4; j++) {
        const at = i * 8 + j * 2;
        const high = codeAt(seedText, at), low = codeAt(seedText, at + 1);
        word |= (((high > 57 ? high - 87 : high - 48) << 4) | (low > 57 ? low - 87 : low - 48)) << (j * 8);
      }
      state[4 + i] = word;
    }
    for (let i = 12; i < 16; i++) state[i] = 0;
    seeded = true;
  }

  function quarter(a, b, c, d) {
    let x;
    block[a] += block[b]; x = block[d] ^ block[a]; block[d] = (x << 16) | (x >>> 16);
    block[c] += block[d]; x = block[b] ^ block[c]; block[b] = (x << 12) | (x >>> 20);
    block[a] += block[b]; x = block[d] ^ block[a]; block[d] = (x << 8) | (x >>> 24);
    block[c] += block[d]; x = block[b] ^ block[c]; block[b] = (x << 7) | (x >>> 25);
  }

  function nextBlock() {
    if (!seeded) applySeed();
    for (let i = 0; i < 16; i++) block[i] = state[i];
    for (let round = 0; round < 6; round++) {
      quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15);
      quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14);
    }
    for (let i = 0; i < 16; i++) block[i] += state[i];
    if (++state[12] === 0) state[13]++;
    drawn = 0;
  }

  function nextWord() {
    now.observed |= OBSERVED_RANDOM;
    if (drawn === 16) nextBlock();
    return block[drawn++];
  }

  const random = { random: () => ((nextWord() >>> 5) * 67108864 + (nextWord() >>> 6)) / 9007199254740992 }.random;
  defineProperty(Math, "random", { __proto__: null, value: random, writable: true, enumerable: false, configurable: true });
