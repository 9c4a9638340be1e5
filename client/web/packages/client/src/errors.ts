/** Errors of the client, by the stable codes of the registry that Python has as well. */

/** Whether trying again can help, and what to do next. */
const DOOR = {
  "door.unreachable": [true, "check the connection, and try again"],
  "door.certificate": [false, "tell the company"],
  "door.missing": [false, "check the address; the company may use another one"],
  "door.refused": [true, "try again later"],
  "door.elsewhere": [false, "if you trust the other address, enter it yourself"],
  "door.too_large": [false, "tell the company"],
  "door.invalid": [false, "tell the company, over another channel"],
  "door.expired": [false, "check this device's clock; if it is right, tell the company"],
  "door.origin": [false, "this page may pretend to be the company; reach it over another channel"],
  "door.identity": [false, "compare the company's contact card over another channel; do not go on before"],
  "door.second": [false, "give each company a store of its own"],
} as const satisfies Readonly<Record<string, readonly [boolean, string]>>;

export type DoorCode = keyof typeof DOOR;

export class DoorError extends Error {
  override readonly name = "DoorError";
  readonly code: DoorCode;
  readonly retryable: boolean;
  readonly hint: string;

  constructor(code: DoorCode, message: string) {
    super(`${code}: ${message}`);
    [this.retryable, this.hint] = DOOR[code];
    this.code = code;
  }
}

export type ClientCode =
  | "client.not_accepted"
  | "client.closed"
  | "client.notice_changed"
  | "client.unknown_entry"
  | "client.wait"
  | "client.unsupported"
  | "account.replaced"
  | "link.code"
  | "link.expired"
  | "link.refused"
  | "account.key_absent"
  | "device.too_many"
  | "recovery.code"
  | "recovery.none"
  | "local.list_number"
  | "relay.unavailable";

/** Something that a caller asked for cannot be done as things stand. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientCode;
  readonly retryable = false;

  constructor(code: ClientCode, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** The code of an error of this client, its core, its store or its files, as the registry has it; null for any other. */
export function codeOf(error: unknown): string | null {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^[a-z]+\.[a-z_]+$/.test(code) ? code : null;
}
