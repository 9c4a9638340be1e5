/** What a person has to know of rooms, above all else, until it is over or hidden: read out, and reached by Tab. */

import { icon } from "@sealroom/ui/all_icons.ts";
import { h, redraw, set } from "@sealroom/ui/dom.ts";
import { clockOf } from "@sealroom/ui/times.ts";
import type { Question } from "./link.ts";
import type { AlarmRow } from "./messages.ts";
import type { DeskWords } from "./words.ts";

const MOST_SHOWN = 3;

export interface AlarmOptions {
  words(): DeskWords;
  nowMs(): number;
  /** What a room is called; null of one that is not in the list. */
  nameOf(room: string): string | null;
  openRoom(id: string): void;
  attempt(question: Question): Promise<boolean>;
  /** Where who writes goes when the last one is hidden. */
  leave(): void;
}

export interface AlarmStrip {
  readonly element: HTMLElement;
  update(alarms: readonly AlarmRow[]): void;
}

/** Make the strip. */
export function alarmStrip(options: AlarmOptions): AlarmStrip {
  const { words } = options;
  // One that comes is read out; one that goes is not, nor are those that stay.
  const element = h("section", { class: "alarms", "aria-live": "assertive", "aria-relevant": "additions" });

  return {
    element,
    update(alarms) {
      const say = words();
      const shown = inOrder(alarms).slice(0, MOST_SHOWN);
      const n = alarms.length - shown.length;
      const more = n > 0 ? [h("p", { class: "strip stop" }, h("span", null, say("alarm.more", { n })))] : [];
      const had = hasFocus(element);
      redraw(element, ...shown.map((one) => alarmView(one, options)), ...more);
      set(element, "aria-label", alarms.length > 0 && say("alarm.label"));
      if (!had || hasFocus(element)) return;
      const next = element.querySelector<HTMLElement>("[data-hide]");
      if (next === null) options.leave();
      else next.focus();
    },
  };
}

function hasFocus(element: HTMLElement): boolean {
  return element.contains((element.getRootNode() as ShadowRoot).activeElement);
}

/** What has no end first, then what ends first. */
export function inOrder(alarms: readonly AlarmRow[]): AlarmRow[] {
  return [...alarms].sort((a, b) => (a.untilMs ?? 0) - (b.untilMs ?? 0));
}

/** What has happened, in words. */
export function alarmText({ code, untilMs }: AlarmRow, words: DeskWords, nowMs: number): string {
  if (code !== "objection") return words(`alarm.${code}`);
  return words("alarm.objection", { time: clockOf(words.language).moment(untilMs ?? nowMs, nowMs) });
}

/** What is to be told of the list of who answers, in words (ACC-82). */
export function rosterText(endsMs: number, words: DeskWords, nowMs: number): string {
  const time = clockOf(words.language).moment(endsMs, nowMs);
  return words(nowMs < endsMs ? "link.roster_ends" : "link.roster_over", { time });
}

function alarmView(one: AlarmRow, { words, nameOf, nowMs, openRoom, attempt }: AlarmOptions): HTMLElement {
  const { room, code } = one;
  const say = words();
  const key = `${room} ${code}`;
  const name = nameOf(room);
  const open =
    name !== null &&
    h(
      "button",
      { class: "plain", type: "button", dir: "auto", "data-key": `open ${key}`, onclick: () => openRoom(room) },
      name,
    );
  const hide = h(
    "button",
    {
      ...{ class: "button small", type: "button", "data-key": `hide ${key}`, "data-hide": true },
      "aria-label": say("alarm.hide.of", { name: name ?? "" }),
      onclick: () => void attempt({ type: "hide", room, code }),
    },
    say("alarm.hide"),
  );
  const text = h("span", null, open, open && ": ", alarmText(one, say, nowMs()));
  return h("div", { class: "strip stop", "data-key": key }, icon("stop"), text, hide);
}
