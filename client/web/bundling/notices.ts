/** Licences of the libraries that the built scripts hold, by the lock file. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const WORKSPACE = join(import.meta.dirname, "..");
const LICENCE = /^(?:licen[cs]e|notice)/iu;

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
}

/** Name, version, kind and text of the licence of each library that is no tool and none of our own packages. */
export function thirdPartyNotices(): string {
  const lock = JSON.parse(readFileSync(join(WORKSPACE, "package-lock.json"), "utf8"));
  const parts = Object.entries(lock.packages as Record<string, Locked>)
    .filter(([place, one]) => place.startsWith("node_modules/") && !one.dev && !one.link)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([place, one]) => noticeOf(place, one));
  return `The scripts of this site hold these libraries:\n${parts.join("")}`;
}

function noticeOf(place: string, { version, license }: Locked): string {
  const folder = join(WORKSPACE, place);
  const texts = readdirSync(folder)
    .filter((name) => LICENCE.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n").trim());
  if (texts.length === 0) throw new Error(`${place} has no text of its licence`);
  const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
  return `\n${"-".repeat(72)}\n${name} ${version} (${license})\n\n${texts.join("\n\n")}\n`;
}
