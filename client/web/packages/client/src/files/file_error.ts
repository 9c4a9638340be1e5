/** What keeps a file from being sent, fetched or opened, by the stable codes of the registry that Python has as well. */

/** Each with whether trying again can help. */
const CODES = {
  "file.relay": true,
  "file.quota": true,
  "file.expired": false,
  "file.cancelled": false,
  "local.file": false,
  "local.file_unusable": false,
  "relay.unavailable": true,
  "relay.not_a_relay": false,
} as const satisfies Readonly<Record<string, boolean>>;

export type FileCode = keyof typeof CODES;

export class FileError extends Error {
  override readonly name = "FileError";
  readonly code: FileCode;
  readonly retryable: boolean;

  constructor(code: FileCode, message: string) {
    super(`${code}: ${message}`);
    this.retryable = CODES[code];
    this.code = code;
  }
}

/** The relay refused; `reason` is the name of its code. */
export class BlobRefused extends FileError {
  readonly reason: string;
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs = 0) {
    super("file.relay", `the relay refused: ${reason}`);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What finds no room is tried again with the next start (STO-41). */
export async function unlessFull(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (fileCodeOf(error) !== "store.full") throw error;
  });
}

/** The code of what was thrown, here or by the engine; "" for a fault of the program. */
export function fileCodeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^[a-z]+\.[a-z_]+$/.test(code) ? code : "";
}
