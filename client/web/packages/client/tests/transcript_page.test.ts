/** The page for people that is saved beside a transcript. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { Room } from "../src/room.ts";
import { Items } from "../src/room_items.ts";
import type { Shell } from "../src/shell.ts";
import { transcriptPage } from "../src/transcript.ts";
import { agent, desk } from "./shop.ts";
import { Scene } from "./shop_room.ts";

const PATTERNS = "$& $` $' $$ $1";
const SHOWN = "$&#38; $` $&#39; $$ $1";

function roomOf(scene: Scene): Room {
  const shell = { context: scene.c } as unknown as Shell;
  return new Room(shell, {} as never, hex(scene.roomId));
}

function pageOf(room: Room, company = "Praxis"): string {
  return transcriptPage(room, company, { lang: "de" });
}

test("a text of a time that no calendar has is on the page, with those around it (TRN-47)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.hears(desk, "vorher");
  scene.hears(agent, "weit weg", { sentMs: Number.MAX_SAFE_INTEGER });
  scene.hears(desk, "nachher");
  const room = roomOf(scene);
  const page = pageOf(room);
  for (const text of ["vorher", "weit weg", "nachher"]) assert.ok(page.includes(`>${text}</p>`), text);
  const around = { path: [], failures: new Map(), uploads: [], self: "", noticed: [], room: scene.room };
  const fileOf = () => ({}) as never;
  const texts = new Items().of(room.entries(), { ...around, fileOf }).map((one) => "text" in one && one.text);
  for (const text of ["vorher", "weit weg", "nachher"]) assert.ok(texts.includes(text), text);
});

test("a text that is dated ahead is on the page with the time at which it came, as on the screen (TRN-49)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.hears(agent, "von morgen", { sentMs: scene.nowMs + 400 * DAY_MS });
  const room = roomOf(scene);
  const day = (ms: number): string => new Intl.DateTimeFormat("de", { dateStyle: "medium" }).format(ms);
  const page = pageOf(room);
  assert.ok(page.includes(day(scene.nowMs)));
  assert.ok(!page.includes(day(scene.nowMs + 400 * DAY_MS)));
});

test("a name with signs of a pattern stands on the page as it is (EXP-23)", () => {
  const scene = new Scene();
  scene.hears(desk, "x");
  const room = roomOf(scene);
  const [first] = room.entries().filter(({ kind }) => kind === 3);
  assert.ok(first !== undefined);
  const file = { ...first, kind: 7, text: null, payload: new Map([[6, PATTERNS]]) };
  room.entries = () => [file];
  const page = pageOf(room, PATTERNS);
  assert.ok(page.includes(`<h1>Gespräch mit ${SHOWN}</h1>`));
  assert.ok(page.includes(`>Datei: ${SHOWN}</p>`));
});

test("on a page nothing hides, and what letters need stays (EXP-24)", () => {
  const marks = "\u0301".repeat(9);
  const said = [
    ["\u{1F468}\u200d\u{1F469}\u200d\u{1F467} \u2764\ufe0f", "\u{1F468}\u200d\u{1F469}\u200d\u{1F467} \u2764\ufe0f"],
    ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"],
    ["10\u00a0km\tund\u202fmehr\r\nweiter", "10\u00a0km\tund\u202fmehr\nweiter"],
    ["[\u3164\u2800\u115f\u202e\u00ad\r]", "[⟨U+3164⟩⟨U+2800⟩⟨U+115F⟩⟨U+202E⟩⟨U+00AD⟩⟨U+000D⟩]"],
    [`e${marks}e${marks}`, `e${marks.slice(1)}e${marks.slice(1)}`],
  ] as const;
  const scene = new Scene();
  scene.state([desk, agent]);
  for (const [text] of said) scene.hears(desk, text);
  const page = pageOf(roomOf(scene));
  for (const [, shown] of said) assert.ok(page.includes(`>${shown}</p>`), JSON.stringify(shown));
});

test("a page says that it proves nothing, and names no file, since none is saved with it (EXP-23)", () => {
  const scene = new Scene();
  scene.hears(desk, "x");
  for (const [lang, says] of [
    ["de", "beweist nichts. Was das Unternehmen geschrieben hat, lässt sich nur mit der prüfbaren Datei prüfen;"],
    ["en", "proves nothing. What the company wrote can be verified only by the file to verify;"],
  ] as const) {
    const page = transcriptPage(roomOf(scene), "Praxis", { lang });
    assert.ok(page.includes(says));
    assert.doesNotMatch(page, /\.json|[0-9a-f]{64}/);
  }
});

test("a page is made in German or English, whatever language the company's page names (EXP-23)", () => {
  const scene = new Scene();
  scene.hears(desk, "x");
  const room = roomOf(scene);
  for (const [lang, made] of [
    ["de_DE", "de"],
    ["de-AT", "de"],
    ["en_US.UTF-8", "en"],
    ["x", "en"],
    ["", "en"],
  ] as const) {
    const page = transcriptPage(room, "Praxis", { lang });
    assert.ok(page.includes(`<html lang="${made}">`), lang);
  }
});

test("times on a page are those of its language and country, English of the browser's country (EXP-23)", () => {
  const scene = new Scene();
  scene.hears(desk, "x");
  const room = roomOf(scene);
  const [first] = room.entries().filter(({ kind }) => kind === 3);
  assert.ok(first !== undefined);
  room.entries = () => [{ ...first, writtenMs: new Date(2026, 10, 30, 17, 4).getTime() }];
  for (const [lang, browser, written] of [
    ["de", "en-US", "30.11.2026, 17:04"],
    ["de-AT", "en-US", "30.11.2026, 17:04"],
    ["en", "de-DE", "30 Nov 2026, 17:04"],
    ["en", "en-GB", "30 Nov 2026, 17:04"],
    ["en-IE", "en-US", "30 Nov 2026, 17:04"],
    ["en", "en-US", "Nov 30, 2026, 5:04 PM"],
    ["en_US.UTF-8", "x", "Nov 30, 2026, 5:04 PM"],
    ["fr", "fr-CH", "30 Nov 2026, 17:04"],
  ] as const) {
    const page = transcriptPage(room, "Praxis", { lang, browser });
    assert.ok(page.replaceAll("\u202f", " ").includes(` · ${written}</p>`), `${lang}, ${browser}`);
  }
});
