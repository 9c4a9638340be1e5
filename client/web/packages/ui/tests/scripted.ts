/** A backend that plays a scene and answers what a person does, without keys and without a network. */

import type { Finding, Message, RoomBackend, RoomState, SavedFile } from "../src/backend.ts";
import { happeningOf, messageOf, NOW_MS, noticeOf } from "./scene_parts.ts";

/** What was called, for tests: the name and its arguments as JSON. */
export type Call = readonly [name: string, ...rest: readonly unknown[]];

export interface Scripted extends RoomBackend {
  readonly calls: readonly Call[];
  change(part: Partial<RoomState>): void;
}

/** What is refused, by the ending of its name. */
const REFUSED: Readonly<Record<string, string>> = { exe: "file.type", tif: "file.metadata" };
const IBAN = /\b[A-Z]{2}\d{2}(?: ?[\dA-Z]{4}){3,7}\b/u;

export function scripted(start: RoomState): Scripted {
  let state = start;
  const listeners = new Set<() => void>();
  const calls: Call[] = [];
  const change = (part: Partial<RoomState>) => {
    state = { ...state, ...part };
    queueMicrotask(() => {
      for (const listener of listeners) listener();
    });
  };
  const note =
    (name: string, part: () => Partial<RoomState> = () => ({})) =>
    async (...rest: readonly unknown[]) => {
      calls.push([name, ...rest]);
      change(part());
    };
  const edit = (id: string, part: Partial<Message>) =>
    change({
      items: state.items.map((item) => (item.id === id && item.kind === "message" ? { ...item, ...part } : item)),
    });
  const add = (message: Message) => change({ items: [...state.items, message] });
  return {
    calls,
    change,
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    loadEarlier: note("loadEarlier", () => ({ hasEarlier: false })),
    seen: (id) => void calls.push(["seen", id]),
    inspect: async (text) => findingsIn(text),
    send: async (text, replyTo, room) => {
      calls.push(["send", text, replyTo, room]);
      add(
        messageOf("me", (NOW_MS - Date.now()) / 60_000, text, {
          replyTo,
          delivery: state.link === "online" ? "sent" : "waiting",
        }),
      );
    },
    retry: async (id) => {
      calls.push(["retry", id]);
      edit(id, { delivery: "sent", failure: null });
    },
    edit: async (id, text) => {
      calls.push(["edit", id, text]);
      edit(id, { text, isEdited: true });
    },
    erase: async (id) => {
      calls.push(["erase", id]);
      edit(id, { text: "", isErased: true, file: null });
    },
    answer: async (id, choice) => {
      calls.push(["answer", id, choice]);
      const asked = state.items.find((item) => item.id === id);
      if (asked?.kind === "message" && asked.question !== null)
        edit(id, { question: { ...asked.question, chosen: choice } });
    },
    markSensitive: async (id) => {
      calls.push(["markSensitive", id]);
      edit(id, { isSensitive: true });
    },
    sendFile: async (file, { removeMetadata }) => {
      calls.push(["sendFile", file.name, file.size, removeMetadata]);
      const code = REFUSED[file.name.slice(file.name.lastIndexOf(".") + 1)];
      if (code !== undefined) throw Object.assign(new Error(code), { code, isRetryable: false });
      const about = {
        ...({ name: file.name, mediaType: file.type, sizeB: file.size, state: "here", movedB: file.size } as const),
        ...{ canPreview: false, failure: null, untilMs: null, isUpload: false },
      };
      add(messageOf("me", 0, "", { file: about, delivery: "sent" }));
    },
    cancelFile: async (id) => {
      calls.push(["cancelFile", id]);
      change({ items: state.items.filter((item) => item.id !== id) });
    },
    fetchFile: async (id) => {
      calls.push(["fetchFile", id]);
      const item = state.items.find((one) => one.id === id);
      if (item?.kind === "message" && item.file !== null) edit(id, { file: { ...item.file, state: "here" } });
    },
    saveFile: async (id) => {
      calls.push(["saveFile", id]);
      return saved("file.txt");
    },
    preview: async () => picture(),
    showNotice: async (locale) => {
      calls.push(["showNotice", locale]);
      change({ notice: noticeOf(locale === "de" ? "de" : "en", state.notice?.mode) });
    },
    accept: note("accept", () => ({
      phase: state.phase === "notice" ? "waiting" : state.phase,
      canWrite: true,
      staleUntilMs: null,
      acceptedMode: state.notice?.mode ?? null,
    })),
    refuse: note("refuse", () => ({ phase: "refused", canWrite: false })),
    reconsider: note("reconsider", () => ({ phase: "notice" })),
    withdraw: note("withdraw", () => ({
      phase: "withdrawn",
      canWrite: false,
      erasure: "asked",
      items: [...state.items, happeningOf("withdrawn", 0, "me")],
    })),
    forget: note("forget", () => ({ phase: "erased", canWrite: false, items: [], erasure: "told" })),
    freeze: note("freeze", () => ({ phase: "frozen", canWrite: false })),
    unfreeze: note("unfreeze", () => ({ phase: "open", canWrite: true })),
    close: note("close", () => ({ phase: "closed", canWrite: false, canRate: true, canReopen: true })),
    reopen: note("reopen", () => ({ phase: "open", canWrite: true })),
    rate: note("rate", () => ({ canRate: false, items: [...state.items, happeningOf("rated", 0, null)] })),
    exportTranscript: async (form = "json") => {
      calls.push(["exportTranscript", form]);
      return saved(`conversation.${form}`);
    },
    identify: async () => void calls.push(["identify"]),
    startAnew: note("startAnew", () => ({ phase: "notice", obstacle: null, notice: noticeOf("de"), items: [] })),
    settleAlarm: note("settleAlarm", () => ({ alarm: null, canWrite: true })),
    tryAgain: note("tryAgain"),
    further: furtherScripted((call) => void calls.push(call), change),
  };
}

const SHEET = { company: "Praxis Dr. Weber", origin: "https://chat.praxis-weber.example" };
const CODE = "MTH5F-VVSPT-07X0V-4RED7-XD7VX-NS0J";
const LINK_TEXT = `sealroom:contact?v=1&a=${"aB3-".repeat(12)}&r=wss%3A%2F%2Frelay.example%2F sealroom:join?v=1&c=${"Zx9_".repeat(13)} sealroom:contact?v=1&a=${"kK7q".repeat(12)}&r=wss%3A%2F%2Frelay.example%2F&n=Praxis%20Dr.%20Yildiz`;

/** A device comes by the code, and is taken in; a text that is not the code is refused. */
function furtherScripted(
  called: (call: Call) => void,
  change: (part: Partial<RoomState>) => void,
): RoomBackend["further"] {
  const devices = [
    { id: "a", createdMs: NOW_MS - 9 * 86_400_000, isThis: true, isReachable: true, isLeaving: false, removedMs: null },
    { id: "b", createdMs: NOW_MS - 86_400_000, isThis: false, isReachable: true, isLeaving: false, removedMs: null },
  ];
  const refuse = (code: string) => Promise.reject(Object.assign(new Error(code), { code, isRetryable: false }));
  const never = () => new Promise<null>(() => {});
  const wish = new URLSearchParams(globalThis.location?.hash.slice(1) ?? "").get("further");
  const answers: Record<string, (given: unknown) => Promise<unknown>> = {
    devices: async () => devices,
    link: async () => LINK_TEXT,
    "link-digits": async () => (wish === "waits" ? never() : wish === "expired" ? refuse("link.expired") : "041837"),
    "link-over": async () => (wish === "second" ? refuse("link.second") : never()),
    offer: async (given) =>
      [LINK_TEXT, "GOOD"].includes((given as { readonly text: string }).text)
        ? { company: "Praxis Dr. Yildiz", origin: "https://chat.praxis.example" }
        : refuse("link.code"),
    join: async () => (wish === "expired" ? refuse("link.expired") : "041837"),
    code: async () => ({ ...SHEET, groups: CODE.split("-"), asked: [2, 5], isKept: false }),
    "code-back": async (given) => {
      const [second, fifth] = (given as readonly string[]).map((one) => one.trim().toUpperCase());
      if (second === "VVSPT" && fifth === "XD7VX") change({ code: "kept" });
      return second !== "VVSPT" ? 2 : fifth !== "XD7VX" ? 5 : null;
    },
    "code-read": async (given) => ({ isCode: given === CODE, group: given === CODE.slice(0, -1) ? 6 : null }),
    recover: async () => {
      if (wish === "clock") return refuse("local.list_number");
      change({ phase: "waiting", obstacle: null, canWrite: true, code: "kept", items: [] });
      return null;
    },
    "join-done": async () => (wish === "waits" ? never() : wish === "second" ? refuse("link.code") : null),
  };
  return (async (act: string, given: unknown) => {
    called(["further", act, given]);
    return (await answers[act]?.(given)) ?? null;
  }) as RoomBackend["further"];
}

function findingsIn(text: string): readonly Finding[] {
  const found = IBAN.exec(text);
  return found === null ? [] : [{ kind: "iban", start: found.index, end: found.index + found[0].length }];
}

function saved(name: string): SavedFile {
  return { name, blob: new Blob(["{}"], { type: "text/plain" }) };
}

/** A drawn image of 320 by 200, as a photograph of a form might be. */
function picture(): Promise<Blob> {
  const canvas = new OffscreenCanvas(320, 200);
  const pen = canvas.getContext("2d");
  if (pen !== null) {
    pen.fillStyle = "#dfe6ee";
    pen.fillRect(0, 0, 320, 200);
    pen.fillStyle = "#9fb0c3";
    for (let line = 0; line < 7; line += 1) pen.fillRect(32, 30 + line * 22, line % 3 === 2 ? 150 : 256, 8);
  }
  return canvas.convertToBlob();
}
