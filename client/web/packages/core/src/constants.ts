/** Constants of the chapters and the limits of the registry, by the registry's names. */

export const SUITE = 1;
export const VERSION = 1;

export const MAX_CONTENT_B = 65_536;
export const MAX_ENVELOPE_B = 98_304;
export const MAX_SKIPPED_KEYS = 1_000;
export const SKIPPED_KEY_TTL_MS = 2_592_000_000;
export const MAX_JUMP = 1_000;
export const MAX_COUNTER = 2 ** 31;
/** Every device list with a higher number is one of an account that was recovered (ACC-63). */
export const RECOVERED_FROM = 2 ** 30;
export const MAX_OTHER_SESSIONS = 4;
export const OTHER_TTL_MS = 604_800_000;
export const MAX_NUMBER_JUMP = 10_000;
export const MAX_MISSING_RANGES = 64;
export const DEVICE_LIFE_MS = 3_153_600_000_000;
export const MAX_LIST_RECORDS = 16;
export const LIST_TTL_MS = 2_592_000_000;
export const RELAY_RETENTION_MS = 2_592_000_000;
export const CLOCK_TOLERANCE_MS = 86_400_000;
export const PREKEY_ROTATION_MS = 604_800_000;
export const PREKEY_LIFE_MS = 1_209_600_000;
export const PREKEY_GRACE_MS = 1_209_600_000;
export const MAX_FILE_B = 67_108_864;
export const MAX_CBOR_DEPTH = 8;
export const MANDATE_TTL_MS = 7_776_000_000;
export const ROSTER_TTL_MS = 604_800_000;
export const ROSTER_RENEWAL_MS = 86_400_000;
export const MAX_TEAM = 12;

/** Size caps of chapter 04, in bytes (WIRE-03). */
export const MAX_RECORD_B = 256;
export const MAX_SIGNED_LIST_B = 1_024;
export const MAX_SIGNED_ADDRESS_B = 512;
export const MAX_SIGNED_PREKEY_B = 1_536;
export const MAX_BUNDLE_B = 8_192;

/** Times, numbers of texts and counts of messages are below 2^53; the largest of them. */
export const MAX_TIME_MS = Number.MAX_SAFE_INTEGER;
export const MAX_U32 = 2 ** 32 - 1;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
