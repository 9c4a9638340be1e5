/** What a person sets for this page: kept in the browser, none of it is of a customer. */

export interface Settings {
  readonly language: "de" | "en" | null;
  readonly scheme: "auto" | "light" | "dark";
  readonly density: "comfortable" | "compact";
  readonly hasSound: boolean;
  readonly isWarned: boolean;
}

const NAME = "sealroom-desk-settings";
const USUAL: Settings = { language: null, scheme: "auto", density: "comfortable", hasSound: false, isWarned: false };

/** What was set before; whatever else stands there is left out. */
export function readSettings(): Settings {
  let found: Partial<Record<keyof Settings, unknown>>;
  try {
    found = (JSON.parse(localStorage.getItem(NAME) ?? "{}") ?? {}) as typeof found;
  } catch {
    found = {};
  }
  const one = <T>(value: unknown, of: readonly T[], usual: T): T => of.find((known) => known === value) ?? usual;
  return {
    language: one(found.language, ["de", "en", null], USUAL.language),
    scheme: one(found.scheme, ["auto", "light", "dark"], USUAL.scheme),
    density: one(found.density, ["comfortable", "compact"], USUAL.density),
    hasSound: found.hasSound === true,
    isWarned: found.isWarned === true,
  };
}

/** Keep a change, and return all. */
export function keepSettings(before: Settings, change: Partial<Settings>): Settings {
  const settings = { ...before, ...change };
  localStorage.setItem(NAME, JSON.stringify(settings));
  return settings;
}
