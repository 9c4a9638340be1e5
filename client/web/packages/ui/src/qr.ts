/** QR codes (ISO/IEC 18004) of a text as bytes, with error correction of level L: what one screen shows and another reads. */

const ECC_B = [
  7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26,
] as const;
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12] as const;
const MODE_BYTES = 4;
const LEVEL_L = 1;

type Grid = Uint8Array[];

/** Modules by row, 1 is dark. @throws RangeError for a text of more than about 1270 bytes */
export function qrOf(text: string, mask: number | null = null): readonly Uint8Array[] {
  const data = new TextEncoder().encode(text);
  const version = versionFor(data.length);
  const codewords = interleaved(padded(data, version), version);
  const size = version * 4 + 17;
  const modules = grid(size);
  const fixed = grid(size);
  drawFixed(modules, fixed, version);
  drawCodewords(modules, fixed, codewords);
  const masks = mask === null ? [0, 1, 2, 3, 4, 5, 6, 7] : [mask];
  const drawn = masks.map((one) => masked(modules, fixed, one));
  return drawn.reduce((best, one) => (penalty(one) < penalty(best) ? one : best));
}

function grid(size: number): Grid {
  return Array.from({ length: size }, () => new Uint8Array(size));
}

function at(all: Grid, y: number, x: number): number {
  return all[y]?.[x] ?? 0;
}

function put(all: Grid, y: number, x: number, value: boolean | number): void {
  const row = all[y];
  if (row !== undefined && x >= 0 && x < row.length) row[x] = Number(value);
}

// --- data ---

function rawModules(version: number): number {
  const base = (16 * version + 128) * version + 64;
  if (version < 2) return base;
  const aligns = Math.floor(version / 7) + 2;
  return base - ((25 * aligns - 10) * aligns - 55) - (version >= 7 ? 36 : 0);
}

function dataB(version: number): number {
  return Math.floor(rawModules(version) / 8) - eccB(version) * blocks(version);
}

const eccB = (version: number): number => ECC_B[version - 1] ?? 0;
const blocks = (version: number): number => BLOCKS[version - 1] ?? 1;
const countBits = (version: number): number => (version < 10 ? 8 : 16);

function versionFor(sizeB: number): number {
  for (let version = 1; version <= ECC_B.length; version++) {
    if (4 + countBits(version) + sizeB * 8 <= dataB(version) * 8) return version;
  }
  throw new RangeError("a text that is too long for a code");
}

function padded(data: Uint8Array, version: number): Uint8Array {
  const bits: number[] = [];
  const add = (value: number, count: number) => {
    for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  add(MODE_BYTES, 4);
  add(data.length, countBits(version));
  for (const byte of data) add(byte, 8);
  const capacity = dataB(version) * 8;
  add(0, Math.min(4, capacity - bits.length));
  add(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) add(pad, 8);
  return Uint8Array.from({ length: capacity / 8 }, (_, i) => {
    return bits.slice(i * 8, i * 8 + 8).reduce((byte, bit) => (byte << 1) | bit, 0);
  });
}

function times(a: number, b: number): number {
  let product = 0;
  for (let i = 7; i >= 0; i--) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> i) & 1) * a;
  }
  return product;
}

function divisor(degree: number): Uint8Array {
  const result = new Uint8Array(degree);
  result[degree - 1] = 1;
  let root = 1;
  for (let i = 0; i < degree; i++) {
    for (let j = 0; j < degree; j++) result[j] = times(result[j] as number, root) ^ (result[j + 1] ?? 0);
    root = times(root, 2);
  }
  return result;
}

function remainder(data: Uint8Array, by: Uint8Array): Uint8Array {
  const result = [...new Uint8Array(by.length)];
  for (const byte of data) {
    const factor = byte ^ (result.shift() as number);
    result.push(0);
    by.forEach((coefficient, i) => {
      result[i] = (result[i] as number) ^ times(coefficient, factor);
    });
  }
  return Uint8Array.from(result);
}

/** Blocks with their error correction, a byte of each in turn. */
function interleaved(data: Uint8Array, version: number): Uint8Array {
  const all = Math.floor(rawModules(version) / 8);
  const [count, ecc] = [blocks(version), eccB(version)];
  const shortB = Math.floor(all / count) - ecc;
  const shorts = count - (all % count);
  const by = divisor(ecc);
  const parts: { readonly data: Uint8Array; readonly ecc: Uint8Array }[] = [];
  for (let i = 0, start = 0; i < count; i++) {
    const part = data.slice(start, start + shortB + (i < shorts ? 0 : 1));
    start += part.length;
    parts.push({ data: part, ecc: remainder(part, by) });
  }
  const out: number[] = [];
  for (let i = 0; i <= shortB; i++) for (const one of parts) if (i < one.data.length) out.push(one.data[i] as number);
  for (let i = 0; i < ecc; i++) for (const one of parts) out.push(one.ecc[i] as number);
  return Uint8Array.from(out);
}

// --- modules ---

function drawFixed(modules: Grid, fixed: Grid, version: number): void {
  const size = modules.length;
  const set = (y: number, x: number, value: boolean | number) => {
    put(modules, y, x, value);
    put(fixed, y, x, true);
  };
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [cy, cx] of [
    [3, 3],
    [3, size - 4],
    [size - 4, 3],
  ] as const) {
    for (let y = -4; y <= 4; y++) {
      for (let x = -4; x <= 4; x++) {
        const far = Math.max(Math.abs(x), Math.abs(y));
        if (cy + y >= 0 && cx + x >= 0 && cy + y < size && cx + x < size) set(cy + y, cx + x, far !== 2 && far !== 4);
      }
    }
  }
  const places = alignments(version);
  const last = places.length - 1;
  places.forEach((cy, i) => {
    places.forEach((cx, j) => {
      const isFinder = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
      if (isFinder) return;
      for (let y = -2; y <= 2; y++) {
        for (let x = -2; x <= 2; x++) set(cy + y, cx + x, Math.max(Math.abs(x), Math.abs(y)) !== 1);
      }
    });
  });
  drawFormat(set, size, 0);
  if (version < 7) return;
  let rest = version;
  for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let i = 0; i < 18; i++) {
    const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
    set(b, a, (bits >>> i) & 1);
    set(a, b, (bits >>> i) & 1);
  }
}

function alignments(version: number): readonly number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const size = version * 4 + 17;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => size - 7 - (count - 2 - i) * step)];
}

function drawFormat(set: (y: number, x: number, value: number | boolean) => void, size: number, mask: number): void {
  const data = (LEVEL_L << 3) | mask;
  let rest = data;
  for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  const bits = ((data << 10) | rest) ^ 0x5412;
  const bit = (i: number) => (bits >>> i) & 1;
  for (let i = 0; i <= 5; i++) set(i, 8, bit(i));
  set(7, 8, bit(6));
  set(8, 8, bit(7));
  set(8, 7, bit(8));
  for (let i = 9; i < 15; i++) set(8, 14 - i, bit(i));
  for (let i = 0; i < 8; i++) set(8, size - 1 - i, bit(i));
  for (let i = 8; i < 15; i++) set(size - 15 + i, 8, bit(i));
  set(size - 8, 8, 1);
}

/** In columns of two, from below to above and back. */
function drawCodewords(modules: Grid, fixed: Grid, data: Uint8Array): void {
  const size = modules.length;
  let i = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      for (const x of [right, right - 1]) {
        const isUp = ((right + 1) & 2) === 0;
        const y = isUp ? size - 1 - step : step;
        if (at(fixed, y, x) === 1 || i >= data.length * 8) continue;
        put(modules, y, x, ((data[i >>> 3] as number) >>> (7 - (i & 7))) & 1);
        i += 1;
      }
    }
  }
}

const MASKS: readonly ((y: number, x: number) => boolean)[] = [
  (y, x) => (x + y) % 2 === 0,
  (y) => y % 2 === 0,
  (_, x) => x % 3 === 0,
  (y, x) => (x + y) % 3 === 0,
  (y, x) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (y, x) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (y, x) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (y, x) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

function masked(modules: Grid, fixed: Grid, mask: number): Grid {
  const isTurned = MASKS[mask] as (y: number, x: number) => boolean;
  const out = modules.map((row, y) =>
    row.map((value, x) => (at(fixed, y, x) === 0 && isTurned(y, x) ? value ^ 1 : value)),
  );
  drawFormat((y, x, value) => put(out, y, x, value), out.length, mask);
  return out;
}

/** How hard it is to read: runs, blocks, what looks like a corner, and how far from half it is dark. */
function penalty(modules: Grid): number {
  const size = modules.length;
  const columns = modules.map((_, x) => modules.map((row) => row[x] as number));
  let found = 0;
  for (const line of [...modules, ...columns]) {
    const text = [...line].join("");
    for (const run of text.match(/0{5,}|1{5,}/gu) ?? []) found += run.length - 2;
    for (let i = 0; i + 11 <= size; i++) {
      const part = text.slice(i, i + 11);
      if (part === "10111010000" || part === "00001011101") found += 40;
    }
  }
  for (let y = 0; y + 1 < size; y++) {
    for (let x = 0; x + 1 < size; x++) {
      const sum = at(modules, y, x) + at(modules, y, x + 1) + at(modules, y + 1, x) + at(modules, y + 1, x + 1);
      if (sum === 0 || sum === 4) found += 3;
    }
  }
  const dark = modules.reduce((sum, row) => sum + row.reduce((part, value) => part + value, 0), 0);
  return found + 10 * Math.floor(Math.abs(dark * 20 - size * size * 10) / (size * size));
}
