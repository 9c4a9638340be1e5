/** What keeps a file from being sent, fetched or opened, by the stable codes of the registry that Python has as well. */

const CODES = {
  "file.relay": [true, "try again later; tell the company if it stays so"],
  "file.quota": [true, "send a smaller file, or wait until files before it were fetched"],
  "file.expired": [false, "ask for the file to be sent again"],
  "file.cancelled": [false, "send it again if it is still wanted"],
  "file.metadata": [false, "send it without removing metadata, or as an image of another type"],
  "local.file": [false, "take an entry that has a file"],
  "local.file_unusable": [false, "choose the file again, and look whether this device has room for it"],
  "relay.unavailable": [true, "check the connection, and try again"],
  "relay.not_a_relay": [false, "tell the company"],
} as const satisfies Readonly<Record<string, readonly [boolean, string]>>;

export type FileCode = keyof typeof CODES;

export class FileError extends Error {
  override readonly name = "FileError";
  readonly code: FileCode;
  readonly retryable: boolean;
  readonly hint: string;

  constructor(code: FileCode, message: string) {
    super(`${code}: ${message}`);
    [this.retryable, this.hint] = CODES[code];
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

/** The code of what was thrown, here or by the engine; "" for a fault of the program. */
export function fileCodeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^[a-z]+\.[a-z_]+$/.test(code) ? code : "";
}
