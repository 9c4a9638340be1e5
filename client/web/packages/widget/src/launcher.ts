/**
 * `<seal-room>`: the button on a company's page, and the frame of the room behind it.
 *
 * Before the click it asks for nothing and stores nothing. The frame gets one port of a channel once it is there, and
 * only at the origin that the page named; no message over it carries what people write. It is shown when the room has
 * answered, and on `open()` alone (CNS-81).
 */

const WORDS = {
  de: ["Nachricht schreiben", "ungelesen", "Fenster mit Nachrichten", "Gerade nicht erreichbar"],
  en: ["Write a message", "unread", "Window with messages", "Cannot be reached now"],
};
const NAMES = new Set(["ready", "open", "close", "consent", "withdrawn", "unread", "state", "identity-alarm", "error"]);
const PASSED = ["lang", "color-scheme", "storage", "linkable", "account"];
const TOKENS = ["accent", "on-accent", "font", "radius"];
const MOST_UNREAD = 999;
/** How long a room may take to answer (CNS-81). */
const WAIT_MS = 20_000;

const STYLE = `
:host{position:fixed;z-index:2147483000;inset-block-end:20px;inset-inline-end:20px;font:600 1rem/1.5 var(--seal-font,system-ui,sans-serif)}
:host([position=start]){inset-inline:20px auto}
:host([hidden]){display:none}
button{display:flex;align-items:center;gap:10px;min-height:52px;padding:0 20px 0 16px;border:0;border-radius:26px;font:inherit;cursor:pointer;
background:var(--seal-accent,#1f5fbf);color:var(--seal-on-accent,#fff);box-shadow:0 1px 2px #0f141e33,0 6px 20px #0f141e38}
button[aria-busy=true]{cursor:progress}
button:hover{filter:brightness(.94)}
button:focus-visible{outline:3px solid var(--seal-accent,#1f5fbf);outline-offset:3px}
svg{width:22px;fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round}
b{min-width:22px;padding:0 6px;border-radius:11px;background:#fff;color:#14171c;font-size:.8125rem;text-align:center}
p:empty{display:none}
p{margin:0 0 8px;padding:8px 14px;border-radius:14px;background:#fff;color:#14171c;font-weight:400;box-shadow:0 1px 6px #0f141e38}
iframe{position:fixed;inset-block-end:84px;inset-inline:auto 20px;width:400px;height:min(680px,calc(100dvh - 104px));border:1px solid #0f141e1f;border-radius:16px;
background:Canvas;box-shadow:0 2px 6px #0f141e1f,0 16px 48px #0f141e3d}
:host([position=start]) iframe{inset-inline:20px auto}
[hidden]{display:none}
@media(max-width:519px),(max-height:479px){iframe{inset:0;width:100%;height:var(--seal-view,100dvh);border:0;border-radius:0}}
@media(forced-colors:active){button{border:2px solid ButtonText}}
@media print{:host{display:none}}`;

/** The code of a room that does not answer. */
const ABSENT = "local.part";

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

type State = "idle" | "notice" | "open" | "closed" | "refused";

class SealRoom extends HTMLElement {
  #button = document.createElement("button");
  #badge = document.createElement("b");
  #name = document.createElement("slot");
  #note = document.createElement("p");
  #frame: HTMLIFrameElement | undefined;
  #port: Promise<MessagePort> | undefined;
  #came: (port: MessagePort) => void = () => {};
  #failed: (why: Error) => void = () => {};
  #isHere = false;
  #late: ReturnType<typeof setTimeout> | undefined;
  /** Whether the page or a person wants to see the room. */
  #isWanted = false;
  #waiting = new Map<number, (answer: { error?: string }) => void>();
  #asked = 0;
  #title = "";
  state: State = "idle";
  unread = 0;

  connectedCallback(): void {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M3 4.5h14v9.5H9.5L5.5 17.5V14H3Z");
    picture.setAttribute("viewBox", "0 0 20 20");
    picture.setAttribute("aria-hidden", "true");
    picture.append(path);
    this.#name.name = "label";
    this.#name.append(this.#words[0] as string);
    this.#badge.part = "badge";
    this.#button.part = "launcher";
    this.#button.type = "button";
    this.#button.append(picture, this.#name, this.#badge);
    this.#button.onclick = () => (this.#isOpen ? this.close() : void this.open().catch(() => {}));
    this.#note.role = "status";
    root.append(this.#note, this.#button);
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.#isOpen && this.close());
    this.#show();
  }

  /** A page that takes the element away takes the room with it. */
  disconnectedCallback(): void {
    this.#isWanted = false;
    this.#drop();
  }

  /** Show the room; done when it is there, and rejected when it does not come. */
  async open(): Promise<void> {
    this.#isWanted = true;
    const port = await this.#connect();
    if (!this.#isWanted || this.#isOpen) return;
    const frame = this.#frame as HTMLIFrameElement;
    frame.hidden = false;
    // Keys go to the room from now on; where a frame may not take the focus by itself, too.
    frame.focus();
    this.#show();
    port.postMessage({ do: "focus" });
    this.#tell("open");
  }

  close(): void {
    this.#isWanted = false;
    if (!this.#isOpen) return;
    (this.#frame as HTMLIFrameElement).hidden = true;
    this.#show();
    this.#button.focus();
    this.#port?.then(
      (port) => port.postMessage({ do: "close" }),
      () => {},
    );
    this.#tell("close");
  }

  /** Put a text into the field; it is never sent. */
  prefill(text: string): void {
    void this.#do("prefill", text).catch(() => {});
  }

  /** `sign` gives the token of the company's own login for a challenge. */
  async identify(sign: (challenge: unknown) => Promise<string>): Promise<void> {
    const { challenge } = (await this.#do("challenge")) as { challenge?: unknown };
    await this.#do("identify", await sign(challenge));
  }

  /** The company's page has logged the person out: so has the room. */
  signOut(): Promise<unknown> {
    return this.#do("signOut");
  }

  /** Have a person decide in the room whether all is erased (CNS-82); gives whether it was. */
  forget(): Promise<boolean> {
    return this.#ask("forget");
  }

  /** Have a person decide in the room whether the conversation is saved; gives whether it was. */
  exportTranscript(): Promise<boolean> {
    return this.#ask("export");
  }

  async #ask(name: string): Promise<boolean> {
    await this.open();
    if (!this.#isOpen) return false;
    return ((await this.#do(name)) as { isDone?: boolean }).isDone === true;
  }

  get #isOpen(): boolean {
    return this.#frame?.hidden === false;
  }

  get #words(): readonly string[] {
    return (this.lang || document.documentElement.lang).startsWith("de") ? WORDS.de : WORDS.en;
  }

  #tell(name: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(`seal-${name}`, { detail }));
  }

  /** The frame, once, and hidden; one port goes to it each time it has loaded, to this origin and no other. */
  async #connect(): Promise<MessagePort> {
    if (!this.isConnected) throw fault(ABSENT);
    if (this.#port) return this.#port;
    const src = new URL(this.getAttribute("src") ?? "", document.baseURI);
    const frame = document.createElement("iframe");
    this.#frame = frame;
    frame.hidden = true;
    frame.part = "frame";
    frame.title = this.#words[2] as string;
    frame.allow = "clipboard-write";
    frame.referrerPolicy = "no-referrer";
    frame.src = src.href;
    frame.onload = () => {
      if (this.#isHere) this.#expect();
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => {
        if (data.name !== "here") return this.#heard(data);
        clearTimeout(this.#late);
        this.#isHere = true;
        this.#wait(false);
        this.#came(port1);
      };
      frame.contentWindow?.postMessage({ seal: 1, ...this.#settings() }, src.origin, [port2]);
    };
    const port = this.#expect();
    this.#button.after(frame);
    const view = window.visualViewport;
    view?.addEventListener("resize", () => frame.style.setProperty("--seal-view", `${view.height}px`));
    return port;
  }

  /** A room that loads has to answer in time; who waits for one that was there before waits no longer (CNS-81). */
  #expect(): Promise<MessagePort> {
    this.#leave();
    this.#wait(true);
    this.#late = setTimeout(() => this.#gone(), WAIT_MS);
    this.#port = new Promise((came, failed) => {
      this.#came = came;
      this.#failed = failed;
    });
    this.#port.catch(() => {});
    return this.#port;
  }

  /** What was asked is answered, and nothing is expected. */
  #leave(): void {
    clearTimeout(this.#late);
    this.#isHere = false;
    this.#failed(fault(ABSENT));
    for (const id of this.#waiting.keys()) this.#answered({ id, error: ABSENT });
  }

  /** Nothing is left over the page, and the next call asks for the room again. */
  #drop(): void {
    this.#leave();
    this.#frame?.remove();
    this.#frame = this.#port = undefined;
    this.#wait(false);
    this.#show();
  }

  /** The room does not answer (CNS-81). */
  #gone(): void {
    this.#drop();
    if (this.#isWanted) this.#note.textContent = this.#words[3] as string;
    this.#tell("error", { state: this.state, unread: this.unread, code: ABSENT });
  }

  #wait(isBusy: boolean): void {
    this.#button.ariaBusy = String(isBusy);
    this.#note.textContent = "";
  }

  #settings(): object {
    const style = getComputedStyle(this);
    const tokens = TOKENS.map((name) => [name, style.getPropertyValue(`--seal-${name}`).trim()]);
    return {
      ...Object.fromEntries(PASSED.map((name) => [name, this.getAttribute(name)])),
      tokens: Object.fromEntries(tokens),
    };
  }

  async #do(name: string, value?: unknown): Promise<unknown> {
    const port = await this.#connect();
    this.#asked += 1;
    const id = this.#asked;
    const answer = await new Promise<{ error?: string }>((heard) => {
      this.#waiting.set(id, heard);
      port.postMessage({ do: name, id, value });
    });
    if (answer.error) throw fault(answer.error);
    return answer;
  }

  #answered(answer: { id?: number; error?: string }): void {
    this.#waiting.get(answer.id as number)?.(answer);
    this.#waiting.delete(answer.id as number);
  }

  /** What the frame tells: names, numbers and states; nothing else is passed on. */
  #heard(data: { name: string; id?: number; state?: State; unread?: number; code?: string }): void {
    if (data.name === "answer") {
      this.#answered(data);
    } else if (data.name === "escape") this.close();
    else if (NAMES.has(data.name)) {
      if (data.name === "state") this.state = data.state as State;
      if (data.name === "unread") this.unread = Math.min(MOST_UNREAD, Math.max(0, Number(data.unread) || 0));
      this.#show();
      this.#tell(data.name, { state: this.state, unread: this.unread, code: data.code });
    }
  }

  /** Unread in the name of the button, in its badge and in the title of the page. */
  #show(): void {
    const { unread } = this;
    this.#button.ariaExpanded = String(this.#isOpen);
    this.#button.ariaLabel = unread
      ? `${this.textContent?.trim() || this.#words[0]}, ${unread} ${this.#words[1]}`
      : null;
    this.#badge.hidden = !unread;
    this.#badge.textContent = String(unread);
    const bare = document.title.startsWith(this.#title) ? document.title.slice(this.#title.length) : document.title;
    this.#title = unread ? `(${unread}) ` : "";
    if (document.title !== this.#title + bare) document.title = this.#title + bare;
  }
}

if (!customElements.get("seal-room")) customElements.define("seal-room", SealRoom);
