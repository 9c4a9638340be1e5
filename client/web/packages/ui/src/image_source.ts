/** The bytes of an image, read one behind the other, and never behind their end. */

/** What a container of 20 MiB needs is a fifth of it; one of nothing but empty parts would take seconds. */
const MOST_STEPS = 1_000_000;

/** It is not built as its container is. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

export function check(holds: boolean): void {
  if (!holds) throw new Unreadable();
}

export interface Source {
  letters(sizeB: number): string;
  /** A number whose first byte counts most, or least. */
  big(sizeB: number): number;
  little(sizeB: number): number;
  skip(sizeB: number): void;
  /** The next bytes, as a source of their own. */
  part(sizeB: number): Source;
  /** Pass over what stands before the next FF. */
  toMarker(): void;
  readonly leftB: number;
}

export function source(data: Uint8Array): Source {
  let at = 0;
  let steps = 0;
  const take = (sizeB: number): Uint8Array => {
    steps += 1;
    check(steps <= MOST_STEPS && sizeB <= data.length - at);
    at += sizeB;
    return data.subarray(at - sizeB, at);
  };
  const added = (sum: number, byte: number): number => sum * 256 + byte;
  return {
    letters: (sizeB) => String.fromCharCode(...take(sizeB)),
    big: (sizeB) => take(sizeB).reduce(added, 0),
    little: (sizeB) => take(sizeB).reduceRight(added, 0),
    skip: (sizeB) => void take(sizeB),
    part: (sizeB) => source(take(sizeB)),
    toMarker: () => {
      const found = data.indexOf(0xff, at);
      check(found >= 0);
      at = found;
    },
    get leftB() {
      return data.length - at;
    },
  };
}
