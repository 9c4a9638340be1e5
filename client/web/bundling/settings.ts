/** What a release is built for, how large it may be, and what its host sends with it. */

/** The browsers that have all that the room needs without rewriting: modules, `light-dark`, popovers, Web Locks. */
export const TARGETS = ["chrome123", "firefox128", "safari18"];

/** Bytes after gzip: what a page gets before the click, and what a room needs until a text can be sent. */
export const BUDGETS: Readonly<Record<string, number>> = {
  launcher: 3_000,
  vault: 94_400,
  "later, file_part": 9_950,
};

/** What the host of the room sends with the page; `{relay}` and `{pages}` are the company's own. */
export const VAULT_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'none'",
    "img-src blob:",
    "connect-src 'self' {relay}",
    "worker-src 'none'",
    "frame-ancestors {pages}",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "Cross-Origin-Resource-Policy": "same-site",
  "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};
