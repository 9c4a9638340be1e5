/** The acts of a room by name, as calls without a blob; whatever else comes from another tab is no call of ours. */

export const PLAIN = [
  ...(["loadEarlier", "send", "retry", "edit", "erase", "answer", "markSensitive", "cancelFile", "fetchFile"] as const),
  ...(["showNotice", "accept", "refuse", "reconsider", "withdraw", "forget", "freeze", "unfreeze"] as const),
  ...(["close", "reopen", "rate", "startAnew", "settleAlarm", "tryAgain", "seen", "further"] as const),
] as const;

export type Plain = (typeof PLAIN)[number];
