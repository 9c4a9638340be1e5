/** The dialogs of a room: who reads here, the notice again, other channels, an alarm. */

import type { RoomBackend, RoomState } from "./backend.ts";
import { channelsView } from "./channels_view.ts";
import { ask, openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import { membersView, printView } from "./members_view.ts";
import { noticeView } from "./notice_view.ts";
import type { WordKey, Words } from "./words.ts";

export interface DialogContext {
  readonly root: ShadowRoot;
  readonly words: Words;
  readonly backend: RoomBackend;
  /** Run an action; what goes wrong is said. Gives whether it was done. */
  attempt(action: Promise<unknown>): Promise<boolean>;
}

export function showMembers({ root, words, backend }: DialogContext): void {
  const { members, company } = backend.state();
  openDialog(root, {
    title: words("members.title"),
    closeWord: words("dialog.done"),
    content: membersView(members, company, words),
  });
}

export function showChannels({ root, words, backend }: DialogContext): void {
  const { company, notice } = backend.state();
  if (company === null) return;
  openDialog(root, {
    title: words("channels.title"),
    closeWord: words("dialog.done"),
    content: [channelsView(company, notice, words)],
  });
}

/** The notice again; where a newer one is to be answered, it is accepted, or the consent withdrawn, which is asked. */
export function showNotice(context: DialogContext): void {
  const { root, words, backend, attempt } = context;
  const { company, notice, staleUntilMs, acceptedMode } = backend.state();
  if (company === null || notice === null) return;
  const title = words("menu.notice");
  const content = noticeView(company, notice, words, null);
  const required = notice.purposes.filter((one) => one.isRequired).map((one) => one.number);
  const button = (word: string, act: () => Promise<unknown>) => {
    const onclick = () => {
      dialog.close();
      void act();
    };
    return h("button", { class: "button", type: "button", onclick }, word);
  };
  const withdraw = button(words("menu.withdraw"), () => confirmed(context, "withdraw", () => backend.withdraw()));
  const accept = button(words(`notice.accept.${notice.mode}`), () => attempt(backend.accept(required, notice)));
  const actions = staleUntilMs === null ? [] : acceptedMode === "notice" ? [accept] : [withdraw, accept];
  const dialog = openDialog(root, { title, closeWord: words("dialog.done"), content, actions });
}

/** What is known of the keys before and now, how to compare them, and the two ways on; to end is asked (CNS-83). */
export function showAlarm(context: DialogContext): void {
  const { root, words, backend, attempt } = context;
  const { alarm, company, notice } = backend.state();
  if (alarm === null) return;
  const name = company?.name ?? words("someone");
  const content = [
    h("p", null, words(`alarm.${alarm.kind}`, { company: name })),
    h("p", null, words("alarm.how")),
    ...prints(alarm, words),
    company && channelsView(company, notice, words),
  ];
  const settle = (choice: "trust" | "end") => {
    dialog.close();
    const act = () => backend.settleAlarm(choice, alarm.kind);
    void (choice === "end" ? confirmed(context, "end", act) : attempt(act()));
  };
  const end = h("button", { class: "button stop", type: "button", onclick: () => settle("end") }, words("alarm.end"));
  const trust = h("button", { class: "button", type: "button", onclick: () => settle("trust") }, words("alarm.trust"));
  const parts = { title: words("alarm.title"), closeWord: words("ask.cancel"), content, actions: [end, trust] };
  const dialog = openDialog(root, parts);
}

function prints(alarm: NonNullable<RoomState["alarm"]>, words: Words): HTMLElement[] {
  const one = (key: WordKey, groups: readonly string[]) =>
    h("div", { class: "pair" }, h("h3", null, words(key)), printView(groups));
  return [one("alarm.before", alarm.before), one("alarm.now", alarm.now)];
}

/** Ask, then do what cannot be undone; gives whether it was done. */
export async function confirmed(
  { root, words, backend, attempt }: DialogContext,
  what: "withdraw" | "forget" | "erase" | "anew" | "recover" | "end",
  act: () => Promise<void>,
): Promise<boolean> {
  const state = backend.state();
  const company = state.company?.name ?? words("someone");
  // Who cannot write cannot tell the company either.
  const cannotTell = state.account === "replaced" || state.link === "full" || state.phase === "loading";
  const isAlone = what === "forget" && cannotTell;
  const text = words(isAlone ? "ask.forget.alone" : `ask.${what}.text`, { company });
  // The order to erase goes to them, too.
  const isElsewhere = what === "forget" && !isAlone && state.account !== "none";
  const isWanted = await ask(root, {
    title: words(`ask.${what}.title`),
    text: isElsewhere ? `${text} ${words("ask.forget.elsewhere")}` : text,
    doWord: words(`ask.${what}.do`),
    cancelWord: words("ask.cancel"),
    isGrave: true,
  });
  return isWanted && (await attempt(act()));
}
