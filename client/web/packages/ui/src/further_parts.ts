/** Dialogs that are fetched when they are asked for. */

import { part } from "./part.ts";
import type { DialogContext } from "./room_dialogs.ts";

const devices = () => part("devices_dialog", () => import("./devices_dialog.ts"));

export function showDevices(context: DialogContext): void {
  void context.attempt(devices().then((one) => one.showDevices(context)));
}

/** Come in as a further device of somebody. */
export function startJoin(context: DialogContext): void {
  void context.attempt(devices().then((one) => one.startJoin(context)));
}
