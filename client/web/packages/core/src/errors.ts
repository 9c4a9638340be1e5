/** Errors of the core, by the codes of the registry: local ones are our own fault, remote ones that of bytes from outside. */

export const LOCAL_CODES = [
  "local.argument",
  "local.content_too_large",
  "local.counter_exhausted",
  "local.session_expired",
  "local.session_inactive",
  "local.snapshot",
  "local.signing_unsure",
  "local.file_too_large",
  "local.file_name",
  "local.consent",
  "config.notice",
] as const;

export const REMOTE_CODES = [
  "remote.decode",
  "remote.version",
  "remote.key",
  "remote.signature",
  "remote.authentication",
  "remote.replay",
  "remote.skip_limit",
  "remote.pq_desync",
  "remote.unknown_session",
  "remote.unknown_prekey",
  "remote.expired",
  "remote.identity",
  "remote.list_rollback",
  "remote.list_fork",
  "remote.list_gap",
  "remote.list_expired",
  "remote.budget",
  "remote.content",
  "room.mandate",
  "room.roster_expired",
  "room.suspended",
  "room.consent_required",
  "room.consent_stale",
  "room.consent_withdrawn",
  "room.closed",
  "room.frozen",
  "room.erased",
  "room.right",
  "room.signature",
  "room.not_member",
  "room.unlogged",
  "room.too_many",
  "login.holder",
  "login.expired",
  "login.used",
  "file.type",
  "file.corrupt",
] as const;

export type LocalCode = (typeof LOCAL_CODES)[number];
export type RemoteCode = (typeof REMOTE_CODES)[number];
export type Code = LocalCode | RemoteCode;

/** Something that the core refuses; its text never holds a secret or what came from outside. */
export abstract class CoreError extends Error {
  abstract readonly code: Code;
}

/** The caller or our own state is at fault. */
export class LocalError extends CoreError {
  override readonly name = "LocalError";
  readonly code: LocalCode;
  /** What is missing of a notice (`config.notice`), else null. */
  readonly field: string | null;

  constructor(code: LocalCode, message: string, field: string | null = null) {
    super(`${code}: ${message}`);
    this.code = code;
    this.field = field;
  }
}

/** Bytes from outside are at fault. */
export class RemoteError extends CoreError {
  override readonly name = "RemoteError";
  readonly code: RemoteCode;

  constructor(code: RemoteCode, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** A message does not open; one text for every cause (DR-11, HS-10). */
export function notAuthentic(): RemoteError {
  return new RemoteError("remote.authentication", "the message does not open");
}

/** Bytes are not an accepted encoding. */
export function notAccepted(what: string): RemoteError {
  return new RemoteError("remote.decode", what);
}

/** Do `step`; a refusal with one of `codes` becomes one with `code`. */
export function recoded<T>(codes: readonly Code[], code: RemoteCode, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof CoreError && codes.includes(error.code)) {
      throw new RemoteError(code, error.message);
    }
    throw error;
  }
}
