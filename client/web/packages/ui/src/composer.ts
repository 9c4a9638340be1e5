/** The field for writing: Enter sends, Shift and Enter begins a line; a word in composition (IME) is never sent. */

import type { FileChoice, Finding, Message } from "./backend.ts";
import type { ChosenFiles } from "./chosen_files.ts";
import { define, h, redraw, say, set } from "./dom.ts";
import { icon } from "./icons.ts";
import { excerpt } from "./names.ts";
import { part } from "./part.ts";
import { composerStyle } from "./styles/composer.ts";
import { base, tokens } from "./styles/tokens.ts";
import type { Words } from "./words.ts";

/** Of one message, in bytes of UTF-8 (chapter 16). */
const MAX_TEXT_B = 16_384;
const IME_KEY = 229;

export interface ComposerOptions {
  readonly words: Words;
  inspect(text: string): Promise<readonly Finding[]>;
  send(text: string, replyTo: string | null): Promise<void>;
  edit(id: string, text: string): Promise<void>;
  sendFile(file: File, choice: FileChoice): Promise<void>;
}

interface Aim {
  readonly kind: "reply" | "edit";
  readonly message: Message;
  readonly name: string;
}

export class ComposerElement extends HTMLElement {
  #options: ComposerOptions | null = null;
  #aim: Aim | null = null;
  #draft = "";
  #isBusy = false;
  #maxFileB = Number.POSITIVE_INFINITY;
  #blocked: string | null = null;
  /** Null until the first file is chosen. */
  #chosen: ChosenFiles | null = null;
  #over: AbortController | null = null;
  readonly #area = h("textarea", { rows: 1, enterkeyhint: "send", dir: "auto" });
  readonly #send = h("button", { class: "round send", type: "button" }, icon("send"));
  readonly #attach = h("button", { class: "round", type: "button" }, icon("attach"));
  readonly #file = h("input", { type: "file", multiple: true, hidden: true, tabindex: -1 });
  readonly #context = h("div", { class: "context meta" });
  readonly #entry = h("div", { class: "entry" }, this.#attach, this.#file, this.#area, this.#send);
  readonly #frame = h("div", { class: "frame" }, this.#context, this.#entry);
  readonly #hint = h("div", { role: "status" });
  readonly #fault = h("div", { role: "alert" });
  readonly #why = h("p", { class: "blocked" });

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [tokens, base, composerStyle];
    this.#context.hidden = true;
    this.#why.hidden = true;
    root.append(this.#fault, this.#hint, this.#frame, this.#why);
    this.#listen();
  }

  setup(options: ComposerOptions): void {
    this.#options = options;
    const { words } = options;
    set(this.#area, "aria-label", words("composer.label"));
    set(this.#area, "placeholder", words("composer.placeholder"));
    set(this.#attach, "aria-label", words("composer.attach"));
    set(this.#attach, "title", words("composer.attach"));
    this.#show();
  }

  /** Whether one may write, and why not. */
  allow(canSendFiles: boolean, maxFileB: number, blocked: string | null): void {
    this.#maxFileB = maxFileB;
    this.#attach.hidden = !canSendFiles;
    this.#blocked = blocked;
    this.#frame.hidden = blocked !== null;
    this.#why.hidden = blocked === null;
    if (blocked !== null) redraw(this.#why, icon("pause"), h("span", null, blocked));
  }

  reply(message: Message, name: string): void {
    this.text = this.draft;
    this.#aim = { kind: "reply", message, name };
    this.#show();
    this.focus();
  }

  editMessage(message: Message): void {
    this.#draft = this.draft;
    this.#aim = { kind: "edit", message, name: "" };
    this.text = message.text;
    this.#show();
    this.focus();
  }

  /** What is being written; while the field has another wording of a message, what stood there before. */
  get draft(): string {
    return this.#aim?.kind === "edit" ? this.#draft : this.text;
  }

  get text(): string {
    return this.#area.value;
  }

  /** Put a text into the field; it is not sent. */
  set text(text: string) {
    this.#area.value = text;
    this.#changed();
  }

  /** Put a text where the cursor is. */
  insert(text: string): void {
    this.#area.setRangeText(text, this.#area.selectionStart, this.#area.selectionEnd, "end");
    this.#changed();
    this.focus();
  }

  override focus(): void {
    this.#area.focus();
  }

  #listen(): void {
    this.#area.addEventListener("keydown", (event) => this.#onKey(event));
    this.#area.addEventListener("input", () => this.#changed());
    this.#area.addEventListener("paste", (event) => this.#onFiles(event, event.clipboardData?.files));
    this.#send.addEventListener("click", () => void this.#submit(false));
    this.#attach.addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => {
      void this.#choose([...(this.#file.files ?? [])]);
      this.#file.value = "";
    });
  }

  /** Files may be dropped on all of the conversation. */
  connectedCallback(): void {
    this.#over = new AbortController();
    const until = { signal: this.#over.signal };
    const target = this.closest("main") ?? this;
    target.addEventListener("dragover", (event) => this.#onDrag(event), until);
    target.addEventListener("dragleave", () => this.#frame.classList.remove("over"), until);
    target.addEventListener("drop", (event) => this.#onDrag(event), until);
  }

  disconnectedCallback(): void {
    this.#over?.abort();
  }

  #onDrag(event: DragEvent): void {
    const hasFiles = event.dataTransfer?.types.includes("Files") ?? false;
    this.#frame.classList.toggle("over", event.type === "dragover" && hasFiles && !this.#attach.hidden);
    if (event.type === "drop") this.#onFiles(event, event.dataTransfer?.files);
  }

  #onFiles(event: Event, files: FileList | undefined): void {
    if (files === undefined || files.length === 0) return;
    event.preventDefault();
    void this.#choose([...files]);
  }

  /** Chosen files stand above the text until it is sent. */
  async #choose(files: readonly File[]): Promise<void> {
    const options = this.#options;
    if (options === null || this.#blocked !== null || this.#attach.hidden) return;
    this.#fault.replaceChildren();
    // Now and not later: meanwhile a person may go elsewhere.
    this.focus();
    try {
      const fetched = part("chosen_files", () => import("./chosen_files.ts"));
      const [{ chosenFiles, chosenStyle }] = await Promise.all([fetched, options.words.whole()]);
      const complain = (text: string) => this.#complain(text);
      (this.shadowRoot as ShadowRoot).adoptedStyleSheets = [tokens, base, composerStyle, chosenStyle];
      this.#chosen ??= chosenFiles({ ...options, complain, changed: () => this.#changed(false) });
      this.#entry.before(this.#chosen.element);
      this.#chosen.add(files, this.#maxFileB);
    } catch (problem) {
      this.#complain(options.words("failed.text"), String((problem as { code?: unknown }).code ?? "local"));
    }
  }

  #onKey(event: KeyboardEvent): void {
    const isComposing = event.isComposing || event.keyCode === IME_KEY;
    if (event.key === "Escape" && this.#aim !== null && !isComposing) {
      event.stopPropagation();
      this.#drop();
    }
    const isTouch = matchMedia("(hover: none) and (pointer: coarse)").matches;
    const isPlain = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    const isWanted = event.key === "Enter" && (isPlain ? !isTouch : event.ctrlKey || event.metaKey);
    if (!isWanted || isComposing) return;
    event.preventDefault();
    if (!event.repeat) void this.#submit(false);
  }

  async #submit(isSure: boolean): Promise<void> {
    const options = this.#options;
    const text = this.text.trim();
    if (options === null || this.#isEmpty() || this.#isBusy || this.#blocked !== null) return;
    if (new TextEncoder().encode(text).length > MAX_TEXT_B) {
      this.#complain(options.words("composer.too-long"));
      return;
    }
    if (!isSure && (await this.#isWarned(text))) return;
    this.focus();
    const aim = this.#aim;
    const write = () =>
      aim?.kind === "edit" ? options.edit(aim.message.id, text) : options.send(text, aim?.message.id ?? null);
    if (text !== "" && !(await this.#try(write()))) return;
    this.#sent(text);
    await this.#sendChosen();
  }

  /** A guard that is not here holds up nothing. */
  async #isWarned(text: string): Promise<boolean> {
    this.#isBusy = true;
    const found = (await this.#options?.inspect(text).catch(() => [])) ?? [];
    this.#isBusy = false;
    if (found[0] !== undefined) this.#warn(found[0]);
    return found[0] !== undefined;
  }

  /** The text stays in the field until it is stored. */
  async #try(done: Promise<void>): Promise<boolean> {
    this.#isBusy = true;
    this.#fault.replaceChildren();
    try {
      await done;
      return true;
    } catch (problem) {
      // Another tab had begun it, and went (STO-39).
      const isUnsure = (problem as { code?: unknown } | null)?.code === "tabs.unsure";
      this.#complain(this.#options?.words(isUnsure ? "composer.unsure" : "composer.not-sent") ?? "");
      return false;
    } finally {
      this.#isBusy = false;
      this.#changed(false);
    }
  }

  #isEmpty(): boolean {
    return this.text.trim() === "" && (this.#chosen?.count() ?? 0) === 0;
  }

  /** What is refused stays chosen, and is said. */
  async #sendChosen(): Promise<void> {
    if (this.#chosen === null) return;
    this.#isBusy = true;
    this.#changed(false);
    await this.#chosen.send();
    this.#isBusy = false;
    this.#changed(false);
    this.dispatchEvent(new Event("sent"));
  }

  /** What was typed meanwhile stays. */
  #sent(text: string): void {
    const before = this.#aim?.kind === "edit" ? this.#draft : "";
    this.#aim = null;
    const rest = this.text.trimStart();
    this.text = before + (rest.startsWith(text) ? rest.slice(text.length).trimStart() : rest);
    this.#show();
    this.dispatchEvent(new Event("sent"));
  }

  #complain(text: string, code = ""): void {
    const said = h("span", null, text, h("small", null, code));
    this.#fault.replaceChildren(h("p", { class: "fault" }, icon("stop"), said));
  }

  #warn(finding: Finding): void {
    const { words } = this.#options as ComposerOptions;
    const back = () => {
      this.#hint.replaceChildren();
      this.focus();
      this.#area.setSelectionRange(finding.start, finding.end);
    };
    const go = () => {
      this.#hint.replaceChildren();
      void this.#submit(true);
    };
    const sure = h("button", { class: "button small", type: "button", onclick: go }, words("guard.send"));
    const again = h("button", { class: "button small", type: "button", onclick: back }, words("guard.back"));
    const said = h("p", null, icon("warn"), words(`guard.${finding.kind}`));
    this.#hint.replaceChildren(h("div", { class: "hint" }, said, h("div", { class: "acts" }, again, sure)));
    again.focus();
  }

  #drop(): void {
    this.text = this.draft;
    this.#aim = null;
    this.#show();
    this.focus();
  }

  #changed(isTyped = true): void {
    if (isTyped) this.#hint.replaceChildren();
    this.#send.disabled = this.#isEmpty() || this.#isBusy;
    if (CSS.supports("field-sizing: content")) return;
    this.#area.style.setProperty("height", "auto");
    this.#area.style.setProperty("height", `${this.#area.scrollHeight}px`);
  }

  #show(): void {
    if (this.#options === null) return;
    const { words } = this.#options;
    const aim = this.#aim;
    this.#context.hidden = aim === null;
    const word = words(aim?.kind === "edit" ? "composer.save" : "composer.send");
    set(this.#send, "aria-label", word);
    set(this.#send, "title", word);
    this.#changed();
    if (aim === null) return;
    const label = words("composer.cancel");
    const drop = h(
      "button",
      { class: "round", type: "button", "aria-label": label, onclick: () => this.#drop() },
      icon("close"),
    );
    const title = aim.kind === "edit" ? words("composer.editing") : words("composer.replying", { name: aim.name });
    const line = h("span", null);
    say(line, aim.kind === "edit" ? title : `${title}: ${excerpt(aim.message)}`);
    this.#context.replaceChildren(icon(aim.kind), line, drop);
  }
}

/** A file that is dropped beside the conversation would take the place of the page. */
function keepPage(event: Event): void {
  event.preventDefault();
}

export function defineComposer(): void {
  for (const name of ["dragover", "drop"]) addEventListener(name, keepPage);
  define("seal-composer", ComposerElement);
}
