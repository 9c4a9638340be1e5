/** What most people never ask a room for, as a part of the page that is fetched then: further devices, recovery, a login, files. */

export { challenge, identify } from "./engine/rooms/logging_in.ts";
export { furtherOf } from "./kin/further.ts";
export { devicesOf, kinOf } from "./kin/linking.ts";
export { begin, recoveryOf } from "./kin/recovering.ts";
export { transcriptFile } from "./transcript.ts";
