/** The menus of a room: what can be done with all of it, and with one message. */

import type { Message, RoomState } from "./backend.ts";
import { saveTranscript, showCode, showDevices } from "./further_parts.ts";
import type { MenuItem } from "./menu.ts";
import { confirmed, type DialogContext, showChannels, showMembers, showNotice } from "./room_dialogs.ts";

const RUNNING: readonly RoomState["phase"][] = ["waiting", "open"];
const WITH_ROOM: readonly RoomState["phase"][] = ["waiting", "open", "closed", "frozen"];

/** Reading, keeping, ending: three groups. */
export function roomMenu(context: DialogContext): MenuItem[][] {
  const { words, backend, attempt } = context;
  const state = backend.state();
  const hasRoom = WITH_ROOM.includes(state.phase);
  const isOut = state.account === "replaced";
  const isRunning = RUNNING.includes(state.phase) && !isOut;
  const item = (
    word: Parameters<typeof words>[0],
    icon: MenuItem["icon"],
    act: () => void,
    isGrave = false,
  ): MenuItem => ({
    word: words(word),
    icon,
    act,
    isGrave,
  });
  const read = [
    item("menu.members", "people", () => showMembers(context)),
    item("menu.notice", "shield", () => showNotice(context)),
    item("menu.channels", "phone", () => showChannels(context)),
  ];
  const keep = [item("menu.export", "save", () => saveTranscript(context))];
  if (state.account === "key" || state.account === "other")
    keep.push(item("menu.devices", "page", () => showDevices(context)));
  if (state.code !== "none" && hasRoom && !isOut) keep.push(item("menu.code", "key", () => showCode(context)));
  // What was accepted counts (CNS-83).
  const mode = state.acceptedMode ?? state.notice?.mode;
  const end: MenuItem[] = [];
  if (isRunning) end.push(item("menu.close", "check", () => void attempt(backend.close(state.room))));
  if (isRunning && mode === "notice")
    end.push(item("menu.object", "pause", () => void attempt(backend.freeze(state.room))));
  if (hasRoom && mode !== "notice" && !isOut)
    end.push(
      item("menu.withdraw", "shield", () => void confirmed(context, "withdraw", () => backend.withdraw()), true),
    );
  // Nobody is a member where all is gone from here.
  if (state.members.length > 0)
    end.push(item("menu.forget", "erase", () => void confirmed(context, "forget", () => backend.forget()), true));
  return [read, keep, end];
}

export interface MessageActions {
  reply(message: Message): void;
  edit(message: Message): void;
}

/** What can be done with one message. */
export function messageMenu(message: Message, context: DialogContext, actions: MessageActions): MenuItem[][] {
  const { words, backend, attempt } = context;
  const state = backend.state();
  const isOwn = state.members.some((member) => member.isSelf && member.id === message.author);
  const use: MenuItem[] = [];
  if (state.canWrite) use.push({ word: words("message.reply"), icon: "reply", act: () => actions.reply(message) });
  if (message.text !== "")
    use.push({
      word: words("message.copy"),
      icon: "copy",
      act: () => void attempt(navigator.clipboard.writeText(message.text)),
    });
  if (isOwn && state.canWrite && message.file === null)
    use.push({ word: words("message.edit"), icon: "edit", act: () => actions.edit(message) });
  const guard: MenuItem[] = [];
  // Marks and erasures are no contents: they go also where the list is over, or a newer notice is due (ID-65, CNS-20).
  const canGuard = RUNNING.includes(state.phase) && state.account !== "replaced" && state.alarm === null;
  if (!message.isSensitive && canGuard)
    guard.push({
      word: words("message.mark"),
      icon: "lock",
      act: () => void attempt(backend.markSensitive(message.id)),
    });
  const erase = () => void confirmed(context, "erase", () => backend.erase(message.id));
  if (isOwn && canGuard) guard.push({ word: words("message.erase"), icon: "erase", act: erase, isGrave: true });
  return [use, guard];
}
