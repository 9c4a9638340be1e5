/** Errors of the client, by the stable codes of the registry that Python has as well. */

/** What to do next stands in the registry. */
export type DoorCode =
  | "door.unreachable"
  | "door.certificate"
  | "door.missing"
  | "door.refused"
  | "door.elsewhere"
  | "door.too_large"
  | "door.invalid"
  | "door.expired"
  | "door.origin"
  | "door.identity"
  | "door.second";

/** With these trying again can help. */
const RETRYABLE: readonly DoorCode[] = ["door.unreachable", "door.refused"];

export class DoorError extends Error {
  override readonly name = "DoorError";
  readonly code: DoorCode;
  readonly retryable: boolean;

  constructor(code: DoorCode, message: string) {
    super(`${code}: ${message}`);
    this.retryable = RETRYABLE.includes(code);
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
  | "account.list_over"
  | "link.code"
  | "link.second"
  | "link.clock"
  | "link.expired"
  | "link.left"
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
