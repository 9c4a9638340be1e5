/** The page of the room: in a frame of the company's page, or at the top of a window of its own. */

import type { RoomBackend, RoomState } from "@sealroom/ui/backend.ts";
import { sheet } from "@sealroom/ui/dom.ts";
import { fetchWords } from "@sealroom/ui/languages.ts";
import { fetchRest, part } from "@sealroom/ui/part.ts";
import { defineRoom, type RoomElement } from "@sealroom/ui/room.ts";
import { applyTheme, type Theme } from "@sealroom/ui/theme.ts";
import type { Words } from "@sealroom/ui/words.ts";
import { LANGUAGES } from "@sealroom/ui/words.ts";
import { obstructed } from "./obstructed.ts";
import { type Allowed, allowed, NO_SETTINGS, type Page, pageAround } from "./port.ts";
import { isSameSite } from "./site.ts";

/** Who makes the backend for the settings of a page. */
export type MakeBackend = (settings: Allowed) => RoomBackend;

/** What the page asks for. */
export interface Order {
  readonly do: string;
  readonly id?: number;
  readonly value?: unknown;
}

const STATES: Partial<Record<RoomState["phase"], "notice" | "open" | "closed" | "refused">> = {
  notice: "notice",
  refused: "refused",
  waiting: "open",
  open: "open",
  frozen: "open",
  closed: "closed",
  withdrawn: "closed",
  erased: "closed",
};

/** Show the room as soon as it is known in whose page it stands. */
export async function startVault(make: MakeBackend): Promise<RoomElement> {
  const isFramed = parent !== window;
  const page = isFramed ? await pageAround() : null;
  const asked = page?.settings ?? { ...NO_SETTINGS, lang: languageOfBrowser() };
  const settings = allowed(document.body.dataset, asked);
  const isOurs = page === null || isSameSite(page.origin, location.origin);
  const backend = isOurs ? make(settings) : obstructed("other-site");
  const words = await fetchWords(settings.lang ?? languageOfBrowser());
  const room = show(backend, words, settings, page);
  if (page !== null) answerPage(page, backend, room);
  fetchRestOnceOpen(backend);
  return room;
}

/** When one can write, and nothing else is to be done: what may be wanted later. */
function fetchRestOnceOpen(backend: RoomBackend): void {
  const whenIdle = "requestIdleCallback" in globalThis ? requestIdleCallback : setTimeout;
  const stop = backend.subscribe(() => {
    if (!backend.state().canWrite) return;
    stop();
    whenIdle(() => void fetchRest(LANGUAGES.flatMap((one) => [one, `${one}_rest`])));
  });
}

function languageOfBrowser(): string {
  return new URLSearchParams(location.search).get("lang") ?? navigator.language;
}

function themeOf(settings: Allowed): Theme {
  const { accent, font, radius } = settings.tokens;
  const scheme = settings.scheme === "light" || settings.scheme === "dark" ? settings.scheme : "auto";
  const pixels = radius === undefined ? null : Number.parseFloat(radius);
  return { accent: accent ?? null, font: font ?? null, radius: pixels, scheme };
}

function show(backend: RoomBackend, words: Words, settings: Allowed, page: Page | null): RoomElement {
  document.documentElement.lang = words.locale;
  document.documentElement.dir = words.direction;
  document.adoptedStyleSheets = [
    sheet(`html, body { margin: 0; height: 100%; } html { background: light-dark(#ffffff, #14171c); }
seal-room-view { height: var(--view, 100dvh); }
@media (min-width: 760px) { html.alone seal-room-view { width: min(46rem, 100%); margin-inline: auto; } }`),
  ];
  const theme = themeOf(settings);
  document.documentElement.style.setProperty("color-scheme", theme.scheme === "auto" ? "light dark" : theme.scheme);
  document.documentElement.classList.toggle("alone", page === null);
  defineRoom();
  const room = document.createElement("seal-room-view") as RoomElement;
  applyTheme(room, theme);
  document.body.replaceChildren(room);
  const close = page === null ? null : () => page.port.postMessage({ name: "escape" });
  const openAlone = () => void window.open(location.href, "_blank", "noopener,noreferrer");
  room.setup({ backend, words, now: () => Date.now(), close, openAlone, reload: () => location.reload() });
  followKeyboard();
  return room;
}

/** The keyboard on the screen takes its part of the height. */
function followKeyboard(): void {
  const view = window.visualViewport;
  if (view === null || parent !== window) return;
  const fit = () => document.documentElement.style.setProperty("--view", `${view.height}px`);
  view.addEventListener("resize", fit);
}

/** Orders of the page, and what it is told: names, numbers and states. */
function answerPage(page: Page, backend: RoomBackend, room: RoomElement): void {
  const { port } = page;
  port.onmessage = ({ data }: MessageEvent<Order>) => void obey(data, page, backend, room);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) port.postMessage({ name: "escape" });
  });
  let told = { state: "", unread: -1, alarm: false };
  const tell = () => {
    const { phase, unread, alarm } = backend.state();
    const state = STATES[phase] ?? "";
    if (state !== told.state && state !== "") port.postMessage({ name: "state", state });
    if (state === "open" && told.state === "notice") port.postMessage({ name: "consent" });
    if (phase === "withdrawn" && told.state === "open") port.postMessage({ name: "withdrawn" });
    if (unread !== told.unread) port.postMessage({ name: "unread", unread });
    if (alarm !== null && !told.alarm) port.postMessage({ name: "identity-alarm" });
    told = { state: state === "" ? told.state : state, unread, alarm: alarm !== null };
  };
  backend.subscribe(tell);
  port.postMessage({ name: "here" });
  port.postMessage({ name: "ready" });
  tell();
}

async function obey(order: Order, page: Page, backend: RoomBackend, room: RoomElement): Promise<void> {
  const answer = (more: object = {}) => page.port.postMessage({ name: "answer", id: order.id, ...more });
  try {
    answer((await act(order, page, backend, room)) ?? {});
  } catch (problem) {
    const code = String((problem as { code?: unknown }).code ?? "local.failed");
    answer({ error: code });
    page.port.postMessage({ name: "error", code });
  }
}

async function act(order: Order, page: Page, backend: RoomBackend, room: RoomElement): Promise<object | undefined> {
  if (order.do === "focus") focusIn(room);
  else if (order.do === "close") room.left();
  else if (order.do === "prefill") room.prefill(String(order.value ?? "").slice(0, MAX_PREFILL));
  else if (order.do === "forget" || order.do === "export") return { isDone: await room.decide(order.do) };
  else {
    const { carryOut } = await part("login_orders", () => import("./login_orders.ts"));
    return await carryOut(order, page, backend);
  }
  return undefined;
}

/** Safari lets a frame of another origin put the focus nowhere before a person has done something in it: a key is that. */
function focusIn(room: RoomElement): void {
  room.focus();
  if (document.activeElement === document.body) addEventListener("keydown", () => room.focus(), { once: true });
}

const MAX_PREFILL = 4_000;
