/** The dialogs that few people open, as one part. */

export { showDevices, startJoin } from "./devices_dialog.ts";
export { showExport } from "./export_dialog.ts";
export { showCode, startRecovery } from "./recovery_dialog.ts";
