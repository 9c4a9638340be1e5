/** Dialogs that are fetched when they are asked for. */

import { part } from "./part.ts";
import type { DialogContext } from "./room_dialogs.ts";

type Dialogs = typeof import("./further_dialogs.ts");

const dialogs = (): Promise<Dialogs> => part("further_dialogs", () => import("./further_dialogs.ts"));

function opens(name: keyof Dialogs): (context: DialogContext) => void {
  return (context) => void context.attempt(dialogs().then((all) => void all[name](context)));
}

/** Save the conversation, unless that is over; gives whether the person did. */
export async function decideExport(context: DialogContext, signal: AbortSignal): Promise<boolean> {
  const { showExport } = await dialogs();
  return !signal.aborted && (await showExport(context));
}

export const showDevices = opens("showDevices");
export const saveTranscript = opens("showExport");
export const showCode = opens("showCode");
/** Go on with an account by its code. */
export const startRecovery = opens("startRecovery");
/** Come in as a further device of somebody. */
export const startJoin = opens("startJoin");
