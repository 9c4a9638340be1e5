/** The middle pane: one room with its messages and notes, and what can be done with it. */

import { icon } from "@sealroom/ui/all_icons.ts";
import type { Message, SavedFile } from "@sealroom/ui/backend.ts";
import { type ComposerElement, defineComposer } from "@sealroom/ui/composer.ts";
import { h, offer, redraw, replace, say, set } from "@sealroom/ui/dom.ts";
import { inspect } from "@sealroom/ui/guard.ts";
import { type MenuItem, openMenu } from "@sealroom/ui/menu.ts";
import { defineMessages, type MessagesElement } from "@sealroom/ui/messages.ts";
import { memberOf } from "@sealroom/ui/names.ts";
import { failureText, type RoomActs } from "./acts.ts";
import { type Conversation, hasBefore, openConversation } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { keyOf, openDrafts, type Place } from "./drafts.ts";
import { DeskFailure } from "./link.ts";
import type { Detail, RoomRow } from "./messages.ts";
import { isOver, isUnsent, nameOfRoom, roomsOf, whyShut } from "./rooms.ts";
import { ours } from "./session.ts";
import type { DeskWords } from "./words.ts";

export interface RoomOptions {
  readonly desk: Desk;
  readonly acts: RoomActs;
  words(): DeskWords;
  detail(): Detail | null;
  say(text: string): void;
  leave(): void;
  toggleAbout(): void;
  openCanned(anchor: HTMLElement, insert: (text: string) => void): void;
  fill(text: string, row: RoomRow): string;
}

export interface RoomPane {
  readonly element: HTMLElement;
  show(room: string | null, entry: string | null): void;
  update(): void;
  renew(): void;
  /** Have the process keep what is being written. */
  keep(): void;
  /** The connection ended; what the process does not have stays here. */
  lost(): void;
  /** Forget what was being written; what the process keeps comes again with its room. */
  forget(): void;
  focus(): void;
  /** Put the focus into the field as soon as one can write in this room. */
  write(room: string): void;
  /** From the messages to the notes, or back, and into the field. */
  turn(): void;
  /** Whether something that was written is not sent. */
  hasDraft(): boolean;
}

const LOST = { code: "local.desk_lost", retryable: true, notBeforeMs: null } as const;

/** Make the pane. */
export function roomPane(options: RoomOptions): RoomPane {
  defineMessages();
  defineComposer();
  const { desk, acts, words } = options;
  let room: string | null = null;
  let isNotes = false;
  let conversation: Conversation | null = null;
  let messages: MessagesElement | null = null;
  let composer: ComposerElement | null = null;
  /** What helps to write: it goes where nothing can be written. */
  let tools: HTMLElement | null = null;
  /** That the room could not be read. */
  const fault = h("div", { role: "alert" });
  /** What is being written. */
  const drafts = openDrafts({
    keep: (question) => desk.ask(question),
    isUnsure: (one) => unsure.has(keyOf(one)),
    hasEnded(id) {
      const row = desk.state().rooms.get(id);
      return row === undefined || isOver(row);
    },
    complain: (problem) => options.say(failureText(problem, words())),
  });
  /** Where the field is. */
  let place: Place = { room: "", notes: false };
  /** Where a person is about to write. */
  let awaited: string | null = null;
  /** What is on its way, or was when the connection was lost, by the same. */
  const unsure = new Map<string, string>();
  /** Of these what stood in the field from the start: a person reads that it may be sent. */
  let doubted: string | null = null;
  const doubt = h("div", { role: "alert" });
  const round = (name: "back" | "person" | "more", kind: string) =>
    h("button", { class: `round ${kind}`, type: "button" }, icon(name));
  const back = round("back", "only-narrow");
  const about = round("person", "only-middle");
  const more = round("more", "");
  set(more, "aria-haspopup", "menu");
  set(more, "aria-expanded", "false");
  const title = h("h2", { dir: "auto" });
  const who = h("p", { class: "meta", dir: "auto" });
  const buttons = h("div", { class: "acts" });
  const head = h("header", { class: "top" }, back, h("div", { class: "names" }, title, who), buttons, about, more);
  const tabs = h("div", { class: "tabs", role: "tablist" });
  const body = h("div", { class: "body", role: "tabpanel" });
  const element = h("main", { class: "pane room" });

  back.addEventListener("click", options.leave);
  about.addEventListener("click", options.toggleAbout);
  more.addEventListener("click", () => openActs());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") keep();
    conversation?.seenAgain();
  });
  desk.hear((message) => {
    if (message.type !== "drafted" || unsure.has(keyOf(message))) return;
    drafts.told(message, message.text);
    showDraft(message);
  });

  function showEmpty(): void {
    redraw(element, emptyView(acts, words(), roomsOf(desk.state(), "waiting").length > 0, desk.state().rooms.size > 0));
  }

  const rowNow = () => (room === null ? undefined : desk.state().rooms.get(room));

  function openActs(): void {
    const row = rowNow();
    if (row === undefined) return;
    const menuWords = words();
    const item = (word: string, glyph: MenuItem["icon"], act: () => void): MenuItem => ({ word, icon: glyph, act });
    const state = options.detail()?.state ?? null;
    const among = [
      item(menuWords("act.queue"), "back", () => void acts.toQueue(row)),
      item(menuWords("act.add"), "people", () => void acts.add(row, state)),
      item(menuWords("act.history"), "open", () => void acts.handOver(row, state)),
    ];
    const leave = item(menuWords("act.leave"), "close", () => void acts.leave(row));
    const first = row.isHere ? [...(row.phase === "open" ? among : []), leave] : [];
    const labels = item(menuWords("act.labels"), "label", () => void acts.labels(row));
    const second = [
      ...(isOver(row) ? [] : [labels]),
      item(menuWords(row.isSensitive ? "act.clear" : "act.sensitive"), "shield", () => void acts.setSensitive(row)),
      item(menuWords(row.onHold ? "act.unhold" : "act.hold"), "lock", () => void acts.hold(row)),
    ];
    openMenu(more, menuWords("act.more"), [first, second]);
  }

  function showHead(row: RoomRow): void {
    const headWords = words();
    say(title, nameOfRoom(row, desk.state(), headWords));
    const nobody = row.assigned === null;
    const cared = nobody
      ? headWords("room.free")
      : row.isMine
        ? headWords("room.yours")
        : headWords("room.theirs", { name: row.assignedName ?? "" });
    say(who, row.phase === "open" || row.phase === "begun" ? cared : headWords(`phase.${row.phase}`));
    set(back, "aria-label", headWords("room.back"));
    set(about, "aria-label", headWords("room.about"));
    set(more, "aria-label", headWords("act.more"));
    set(element, "aria-label", nameOfRoom(row, desk.state(), headWords));
    redraw(buttons, ...headButtons(row, acts, headWords));
  }

  function showTabs(row: RoomRow): void {
    const tabWords = words();
    set(tabs, "aria-label", tabWords("room.tabs"));
    tabs.hidden = !row.isHere;
    const tab = (word: string, notes: boolean, count: number) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          "data-key": `${row.id} ${notes}`,
          "aria-selected": String(isNotes === notes),
          tabindex: isNotes === notes ? 0 : -1,
          onclick: () => turn(notes),
        },
        word,
        count > 0 && h("span", { class: "count" }, String(count)),
      );
    redraw(
      tabs,
      tab(tabWords("room.texts"), false, isNotes ? row.unread : 0),
      tab(tabWords("room.notes"), true, isNotes ? 0 : row.newNotes),
    );
  }

  tabs.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    turn(!isNotes);
    tabs.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  });

  function turn(notes: boolean): void {
    isNotes = notes;
    open(null);
  }

  /** Another wording of a message would be sent as a message of its own. */
  function wrote(): void {
    if (composer !== null) drafts.write(place, composer.draft);
  }

  function keep(): void {
    wrote();
    drafts.keep();
  }

  /** What came of a draft goes into its field; another wording of a message stays in it. */
  function showDraft(of: Place): void {
    if (composer === null || keyOf(of) !== keyOf(place) || composer.text !== composer.draft) return;
    const text = drafts.text(place);
    if (composer.text !== text) composer.text = text;
  }

  function keepDraft(): void {
    keep();
    composer = null;
    doubted = null;
    messages = null;
  }

  /** Read the room, or its notes, anew. */
  function open(entry: string | null): void {
    conversation?.close();
    conversation = null;
    keepDraft();
    const row = rowNow();
    if (room === null || row === undefined) {
      showEmpty();
      return;
    }
    replace(element, head, tabs, body);
    body.classList.toggle("notes", isNotes);
    if (!row.isHere) {
      replace(body);
      update();
      return;
    }
    const notesId = isNotes ? (options.detail()?.notes ?? null) : null;
    if (isNotes && notesId === null) return;
    conversation = openConversation(desk, room, notesId, {
      customer: (one) => nameOfRoom(one, desk.state(), words()),
      nameless: (id) => id.slice(0, 8),
      isLookedAt: () => document.visibilityState === "visible",
      drafted(of, text) {
        wrote();
        drafts.given(of, text);
        showDraft(of);
      },
    });
    makeParts(conversation);
    conversation.subscribe(() => update());
    if (entry !== null) jumpTo(conversation, entry);
    update();
  }

  function jumpTo(of: Conversation, entry: string): void {
    const stop = of.subscribe(() => {
      if (!of.entries().has(entry)) {
        // News may come before what was asked for.
        if (of.state().hasEarlier) void of.loadEarlier();
        return;
      }
      stop();
      setTimeout(() => messages?.jump(entry));
    });
  }

  function makeParts(of: Conversation): void {
    const uiWords = isNotes ? words().notes : words().ui;
    const list = document.createElement("seal-messages") as MessagesElement;
    const field = document.createElement("seal-composer") as ComposerElement;
    list.setup({
      words: uiWords,
      now: () => desk.nowMs(),
      loadEarlier: () => void of.loadEarlier(),
      seen: (id) => of.seen(id),
      actions: {
        openMenu: (message, anchor) => openMessageMenu(message, anchor),
        jump: (id) => list.jump(id),
        retry: (id) => void of.uploads.retry(id).catch(complain),
        answer: () => {},
        saveFile: (id) => void fetched(id).then(offer).catch(complain),
        cancelFile: (id) => void of.uploads.cancel(id).catch(complain),
        fetchFile: (id) => void fetched(id).catch(complain),
        preview: (id) => previewed(of, id),
      },
    });
    for (const one of [list, field]) one.setAttribute("density", "desk");
    field.setup({
      words: uiWords,
      inspect: async (text) => inspect(text),
      send,
      edit,
      sendFile: (file, { removeMetadata }) => of.uploads.send(file, removeMetadata),
    });
    place = { room: room as string, notes: isNotes };
    field.text = drafts.text(place);
    field.addEventListener("input", () => {
      wrote();
      showDoubt();
    });
    field.addEventListener("sent", keep);
    doubted = unsure.get(keyOf(place)) ?? null;
    messages = list;
    composer = field;
    const canned = h("button", { class: "button small", type: "button" }, icon("chat"), words()("act.canned"));
    canned.addEventListener("click", () => options.openCanned(canned, (text) => insert(text)));
    const strip = isNotes && h("p", { class: "strip warn" }, icon("eye"), h("span", null, words()("room.notes.who")));
    tools = isNotes ? null : h("div", { class: "tools" }, canned);
    replace(body, strip, fault, list, doubt, tools, field);
    field.addEventListener("keydown", onShortcut, true);
  }

  /** `/kurz` and a space or tab becomes the canned answer of that name. */
  function onShortcut(event: KeyboardEvent): void {
    if (composer === null || isNotes || (event.key !== " " && event.key !== "Tab")) return;
    const found = /(?:^|\s)\/(\S{1,24})$/u.exec(composer.text);
    const row = rowNow();
    const answer = desk.state().answers.find((one) => one.shortcut === found?.[1]);
    if (found === null || answer === undefined || row === undefined) return;
    event.preventDefault();
    const start = composer.text.length - (found[1] as string).length - 1;
    composer.text = composer.text.slice(0, start) + options.fill(answer.text, row);
    wrote();
  }

  function insert(text: string): void {
    const row = rowNow();
    if (row !== undefined) composer?.insert(options.fill(text, row));
    wrote();
  }

  async function send(text: string, reply: string | null): Promise<void> {
    const [to, at, field] = [room as string, place, composer];
    const of = keyOf(at);
    doubted = null;
    unsure.set(of, text);
    try {
      await desk.ask(isNotes ? { type: "note", room: to, text } : { type: "send", room: to, text, reply });
      if (field !== composer) dropSent(at, text);
    } catch (problem) {
      if (!(problem instanceof DeskFailure && problem.code === LOST.code)) settle(of, text);
      drafts.keep();
      complain(problem);
    }
    settle(of, text);
    if (field !== composer) drafts.keep();
  }

  function settle(of: string, text: string): void {
    if (unsure.get(of) === text) unsure.delete(of);
    showDoubt();
  }

  /** The field from which it was sent is gone: a person was elsewhere meanwhile. */
  function dropSent(of: Place, text: string): void {
    wrote();
    drafts.write(of, without(drafts.text(of), text));
    showDraft(of);
  }

  /** Until it is settled, sent again or worded otherwise. */
  function showDoubt(): void {
    const isSame = unsure.get(keyOf(place)) === doubted && composer?.draft.trimStart().startsWith(doubted ?? "");
    if (doubted !== null && !isSame) {
      unsure.delete(keyOf(place));
      doubted = null;
    }
    const said = () => h("div", { class: "strip warn" }, icon("warn"), h("span", null, words().ui("composer.unsure")));
    redraw(doubt, doubted !== null && said());
  }

  async function edit(entry: string, text: string): Promise<void> {
    await desk.ask({ type: "edit", room: room as string, entry, text }).catch(complain);
  }

  function complain(problem: unknown): never {
    options.say(failureText(problem, words()));
    throw problem;
  }

  /** The file of an entry, from the process, which has looked at it. */
  async function fetched(entry: string): Promise<SavedFile> {
    const answer = await desk.ask({ type: "fetchFile", room: room as string, entry });
    const file = answer.type === "ticket" ? await fetch(ours(answer.path)) : null;
    if (answer.type !== "ticket" || !file?.ok) throw new DeskFailure(LOST);
    return { name: answer.name, blob: await file.blob() };
  }

  async function previewed(of: Conversation, entry: string): Promise<Blob> {
    const { blob } = await fetched(entry);
    return blob.slice(0, blob.size, of.entries().get(entry)?.file?.mediaType ?? "");
  }

  function openMessageMenu(message: Message, anchor: HTMLElement): void {
    const row = rowNow();
    if (row === undefined) return;
    const ui = words().ui;
    const author = memberOf(conversation?.state().members ?? [], message.author);
    const items: MenuItem[] = [
      { word: ui("message.reply"), icon: "reply", act: () => composer?.reply(message, author?.name ?? "") },
      { word: ui("message.copy"), icon: "copy", act: () => void navigator.clipboard.writeText(message.text) },
    ];
    const grave: MenuItem[] = [];
    if (author?.kind === "customer" && !message.isSensitive)
      items.push({
        word: ui("message.mark"),
        icon: "shield",
        act: () => void acts.attempt({ type: "markSensitive", room: row.id, entries: [message.id] }),
      });
    if (author?.isSelf && !isNotes) {
      items.push({ word: ui("message.edit"), icon: "edit", act: () => composer?.editMessage(message) });
      grave.push({
        word: ui("message.erase"),
        icon: "erase",
        isGrave: true,
        act: () => void acts.erase(row, message.id),
      });
    }
    openMenu(anchor, ui("message.actions"), [items, grave]);
  }

  function update(): void {
    const row = rowNow();
    if (row === undefined) {
      showEmpty();
      return;
    }
    if ((conversation === null) === row.isHere && !(isNotes && options.detail() === null)) {
      open(null);
      return;
    }
    showHead(row);
    showTabs(row);
    if (!row.isHere) redraw(body, waitingView(row, acts, words()));
    const state = conversation?.state();
    if (state === undefined) return;
    const problem = conversation?.failure() ?? null;
    showDoubt();
    redraw(fault, problem !== null && failureView(problem, () => void conversation?.retry(), words()));
    messages?.update(state);
    if (messages !== null) messages.intro = introOf(conversation as Conversation);
    if (tools !== null) tools.hidden = !state.canWrite;
    composer?.allow(state.canSendFiles, state.maxFileB, state.canWrite ? null : words()(whyShut(row.phase)));
    if (awaited !== room || !state.canWrite) return;
    awaited = null;
    // A person may be elsewhere by now; and a keyboard on the screen would hide what there is to read.
    const at = (element.getRootNode() as ShadowRoot).activeElement;
    if (!at?.matches("input, select, dialog *") && !matchMedia("(hover: none)").matches) composer?.focus();
  }

  /** What stands above the first message: that more may be had, where nothing from before is here. */
  function introOf(of: Conversation): HTMLElement | null {
    return isNotes || hasBefore([...of.entries().values()]) ? null : h("p", { class: "meta" }, words()("room.before"));
  }

  return {
    element,
    show(next, entry) {
      room = next;
      awaited = null;
      isNotes = false;
      open(entry);
    },
    update,
    keep,
    lost: () => drafts.lost(),
    forget() {
      composer = null;
      drafts.forget();
      unsure.clear();
    },
    renew() {
      open(null);
    },
    focus: () => composer?.focus(),
    write(id) {
      awaited = id;
      update();
    },
    turn() {
      awaited = room;
      turn(!isNotes);
    },
    hasDraft() {
      wrote();
      return isUnsent(drafts.all(), desk.state().rooms);
    },
  };
}

/** What was written without what was sent of it. */
function without(written: string, sent: string): string {
  const text = written.trimStart();
  return text.startsWith(sent) ? text.slice(sent.length).trimStart() : written;
}

function failureView(problem: unknown, retry: () => void, words: DeskWords): HTMLElement {
  const again = h("button", { class: "button small", type: "button", onclick: retry }, words.ui("file.retry"));
  const text = words("room.unread", { text: failureText(problem, words) });
  return h("div", { class: "strip stop" }, icon("stop"), h("span", null, text), again);
}

function headButtons(row: RoomRow, acts: RoomActs, words: DeskWords): HTMLElement[] {
  const button = (word: string, kind: string, act: () => void) =>
    h("button", { class: `button small ${kind}`, type: "button", "data-key": `${row.id} ${word}`, onclick: act }, word);
  if (row.phase === "closed") return [button(words("act.reopen"), "", () => void acts.reopen(row))];
  if (row.phase !== "open" && row.phase !== "begun") return [];
  if (row.isMine)
    return [
      button(words("act.transfer"), "", () => void acts.transfer(row)),
      button(words("act.close"), "", () => void acts.close(row)),
    ];
  return row.assigned === null ? [button(words("act.claim"), "main", () => void acts.claim(row))] : [];
}

function waitingView(row: RoomRow, acts: RoomActs, words: DeskWords): HTMLElement {
  const act = h(
    "button",
    { class: "button main", type: "button", "data-key": row.id, onclick: () => void acts.claim(row) },
    words("act.claim"),
  );
  return h(
    "div",
    { class: "none" },
    icon("chat"),
    h(
      "p",
      null,
      row.assigned === null ? words("room.claim.first") : words("room.elsewhere", { name: row.assignedName ?? "" }),
    ),
    row.assigned === null && act,
  );
}

function emptyView(acts: RoomActs, words: DeskWords, isWaitedFor: boolean, isAny: boolean): HTMLElement {
  const act = h(
    "button",
    { class: "button main", type: "button", onclick: () => void acts.claimNext() },
    words("room.none.act"),
  );
  const text = words(isAny ? "room.none" : "room.none.yet");
  return h("div", { class: "none" }, icon("chat"), h("p", null, text), isWaitedFor && act);
}
