/** Unpadded base64url, of whole groups only: 3 bytes are 4 characters. */
import type { Bytes } from "./bytes.ts";
import { LocalError, notAccepted } from "./errors.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export function toBase64url(data: Uint8Array): string {
  if (data.length % 3 !== 0) throw new LocalError("local.argument", "not a multiple of three bytes");
  let text = "";
  for (let i = 0; i < data.length; i += 3) {
    const group = ((data[i] as number) << 16) | ((data[i + 1] as number) << 8) | (data[i + 2] as number);
    for (const shift of [18, 12, 6, 0]) text += ALPHABET[(group >> shift) & 63];
  }
  return text;
}

/**
 * The bytes of a text.
 *
 * @throws RemoteError `remote.decode`
 */
export function fromBase64url(text: string): Bytes {
  if (text.length % 4 !== 0) throw notAccepted("not base64url");
  const digits = Array.from(text, (character) => ALPHABET.indexOf(character));
  if (digits.includes(-1)) throw notAccepted("not base64url");
  const data = new Uint8Array((text.length / 4) * 3);
  for (let i = 0; i < digits.length; i += 4) {
    const group = digits.slice(i, i + 4).reduce((value, digit) => (value << 6) | digit, 0);
    data.set([group >> 16, (group >> 8) & 255, group & 255], (i / 4) * 3);
  }
  return data;
}
