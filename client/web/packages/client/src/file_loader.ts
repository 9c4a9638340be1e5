/** Fetches the code of files when there is a file, not before: a room without files never needs it. */

import type { CustomerEvent } from "./engine/events.ts";
import type { Ports, Store } from "./engine/ports.ts";
import { ClientError } from "./errors.ts";
import type { FileService, FileStatus, UploadView } from "./files/host.ts";
import type { Shell } from "./shell.ts";

const KIND_FILE = 7;
const NOT_YET: FileStatus = { state: "offered", movedB: 0, code: null, isRight: false, untilMs: null };

export class FileLoader {
  readonly #shell: Shell;
  readonly #ports: Ports;
  readonly #store: Store;
  readonly #wakes = new Set<() => void>();
  #loading: Promise<FileService> | null = null;
  #service: FileService | null = null;
  readonly #missed: CustomerEvent[] = [];
  readonly #unlisten: () => void;

  constructor(shell: Shell, ports: Ports, store: Store) {
    this.#shell = shell;
    this.#ports = ports;
    this.#store = store;
    this.#unlisten = shell.listen((event) => this.#heard(event));
  }

  get isSupported(): boolean {
    return this.#ports.files !== undefined;
  }

  /** Go on with files that are here, or on their way. */
  async start(): Promise<void> {
    const rooms = [...this.#shell.context.rooms.values()];
    const hasFile = rooms.some((room) => [...room.entries.values()].some((one) => one.entry.header.kind === KIND_FILE));
    if (hasFile || (await this.#store.rows("file_out")).length > 0) this.#quietly();
  }

  /** The code that does not come is asked for again with the next file, or when somebody asks. */
  #quietly(): void {
    if (this.isSupported) this.load().catch(() => {});
  }

  #heard(event: CustomerEvent): void {
    if (event.type === "connection" && event.state === "online") this.wake();
    if (this.#service !== null) this.#service.heard(event);
    else if (this.#loading !== null) this.#missed.push(event);
    if (event.type === "entry" && event.kind === KIND_FILE) this.#quietly();
  }

  load(): Promise<FileService> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = null;
      this.#missed.length = 0;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<FileService> {
    const { files, connect, clock, random } = this.#ports;
    if (files === undefined) throw new ClientError("client.unsupported", "files are not in this client");
    const shell = this.#shell;
    const { startFiles } = await files.service();
    const service = await startFiles({
      stripped: async (data, mediaType) => (await files.stripping()).stripped(data, mediaType),
      ports: { connect, clock, random },
      parts: this.#store.parts,
      wakes: this.#wakes,
      context: () => shell.context,
      step: (work) => shell.do(work),
      rows: (kind) => this.#store.rows(kind),
      tell: (event) => shell.tell(event),
    });
    this.#service = service;
    for (const event of this.#missed.splice(0)) service.heard(event);
    shell.tell({ type: "files-ready" });
    return service;
  }

  status(room: string, entry: string): FileStatus {
    return this.#service?.status(room, entry) ?? NOT_YET;
  }

  uploads(room: string): readonly UploadView[] {
    return this.#service?.uploads(room) ?? [];
  }

  /** Network or relay are back: no transfer waits any longer. */
  wake(): void {
    for (const end of [...this.#wakes]) end();
  }

  async end(): Promise<void> {
    this.#unlisten();
    await this.#loading?.then(
      (service) => service.end(),
      () => {},
    );
  }
}

const UPLOAD_HEX = 32;

/** Whether an id is that of a file on its way out: 16 bytes, where an entry has 32. */
export function isUpload(id: string): boolean {
  return id.length === UPLOAD_HEX;
}
