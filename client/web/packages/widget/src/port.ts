/** What page and frame say to each other: settings once, then orders and events that carry no text of the room. */

import type { Keeping } from "@sealroom/ui/backend.ts";

/** What the page set at its element. */
export interface Settings {
  readonly lang: string | null;
  readonly scheme: string | null;
  readonly storage: string | null;
  /** Further devices can be linked: the account gets an entry in the directory of the relay. */
  readonly linkable: string | null;
  readonly account: string | null;
  readonly tokens: Readonly<Record<string, string>>;
}

export const NO_SETTINGS: Settings = {
  lang: null,
  scheme: null,
  storage: null,
  linkable: null,
  account: null,
  tokens: {},
};

const MAX_SETTING = 400;
const NAMES = ["accent", "on-accent", "font", "radius"];

/** The settings of a page; what is no short text is left out. */
export function settingsOf(data: unknown): Settings {
  const given = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  const text = (name: string, from = given) => {
    const value = from[name];
    return typeof value === "string" && value.length > 0 && value.length <= MAX_SETTING ? value : null;
  };
  const { tokens: set } = given;
  const tokens = (typeof set === "object" && set !== null ? set : {}) as typeof given;
  const known = NAMES.map((name) => [name, text(name, tokens)] as const).filter(([, value]) => value !== null);
  return {
    lang: text("lang"),
    scheme: text("color-scheme"),
    storage: text("storage"),
    linkable: text("linkable"),
    account: text("account"),
    tokens: Object.fromEntries(known) as Record<string, string>,
  };
}

/** What keeps the least first. */
const MODES = ["session", "device", "recoverable"] as const;

/** What the room's own page says in its body. */
export interface Own {
  readonly storage?: string | undefined;
  readonly linkable?: string | undefined;
  readonly account?: string | undefined;
}

/** What a room does for its page. */
export interface Allowed extends Omit<Settings, "storage" | "linkable"> {
  readonly storage: Keeping["mode"];
  readonly linkable: boolean;
}

/**
 * Of what a page asks for, what the room's own page allows: less is kept or linked, never more, and beside another
 * account there is none, so no room (CNS-84). Linked is only what is kept for good (CNS-88).
 */
export function allowed(own: Own, asked: Settings): Allowed {
  const find = (mode: string | undefined) => MODES.findIndex((one) => one === mode);
  const least = Math.min(find(own.storage), find(asked.storage ?? own.storage));
  const storage = MODES[least] ?? "session";
  const account = own.account || asked.account;
  return {
    ...asked,
    storage,
    linkable: storage === "recoverable" && own.linkable === "yes" && (asked.linkable ?? "yes") === "yes",
    account: (asked.account ?? account) === account ? account : "",
  };
}

export interface Page {
  readonly port: MessagePort;
  readonly origin: string;
  readonly settings: Settings;
}

/** The first port that the page around this frame gives; whatever others send is not heard. */
export function pageAround(): Promise<Page> {
  return new Promise((found) => {
    const heard = (event: MessageEvent) => {
      const port = event.ports[0];
      const isIt = event.source === parent && (event.data as { seal?: unknown } | null)?.seal === 1;
      if (!isIt || port === undefined) return;
      removeEventListener("message", heard);
      found({ port, origin: event.origin, settings: settingsOf(event.data) });
    };
    addEventListener("message", heard);
  });
}
