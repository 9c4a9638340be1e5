/** Elements by calls of the DOM: a text is a text node, whatever it holds. */

export type Child = Node | string | null | false;
type Value = string | number | boolean | null | undefined | EventListener;
export type Props = Readonly<Record<string, Value>>;

const SVG = "http://www.w3.org/2000/svg";
/** What each element was made with. */
const given = new WeakMap<Node, Props>();

/** An element with attributes (`true` is an empty one, `false` and `null` none), listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props | null = null,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  give(element, props ?? {});
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

/** What an element is made with now; what was set by others since stays. */
function give(element: Element, now: Props): void {
  const before = given.get(element) ?? {};
  for (const name of Object.keys({ ...before, ...now })) if (before[name] !== now[name]) set(element, name, now[name]);
  given.set(element, now);
}

/** Set one attribute, or the listener of a name that begins with `on`. */
export function set(element: Element, name: string, value: Value): void {
  const text = value === true ? "" : String(value);
  if (name.startsWith("on")) Object.assign(element, { [name]: value || null });
  else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** A picture of 20 by 20 of one path, drawn in the colour of the text and hidden from screen readers. */
export function svg(path: string): SVGSVGElement {
  const picture = document.createElementNS(SVG, "svg");
  give(picture, { viewBox: "0 0 20 20", "aria-hidden": "true", class: "icon" });
  const line = document.createElementNS(SVG, "path");
  give(line, { d: path });
  picture.append(line);
  return picture;
}

/** Make these the children; who stays is not moved, so that focus, selection and place in the list stay. */
export function replace(parent: Element, ...children: readonly Child[]): void {
  const wanted = children.filter((child) => child !== null && child !== false);
  const kept = new Set<Child>(wanted);
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  wanted.forEach((child, at) => {
    const there = parent.childNodes[at] ?? null;
    if (there !== child) parent.insertBefore(typeof child === "string" ? new Text(child) : child, there);
  });
}

/**
 * Draw again: a child that was made anew gives what it shows and does to its like that stands there. So a press that
 * has begun, focus and selection stay, and what is set by hand, as `hidden`, stays as it is.
 */
export function redraw(parent: Element, ...children: readonly Child[]): void {
  const before = [...parent.childNodes];
  const next = children.map((child) => {
    const at = before.findIndex((one) => one === child || isLike(one, child));
    return at < 0 ? child : renew(before.splice(at, 1)[0] as HTMLElement, child as HTMLElement);
  });
  replace(parent, ...next);
}

/** Let an element show and do what one that was made anew would. */
export function renew(element: HTMLElement, fresh: HTMLElement): HTMLElement {
  const now = given.get(fresh);
  if (element === fresh || now === undefined) return element;
  give(element, now);
  redraw(element, ...fresh.childNodes);
  return element;
}

/** Whether they are made alike, or say the same as texts. */
function isLike(one: Node, other: Child): boolean {
  if (other instanceof Text) return one.isEqualNode(other);
  return other instanceof Element && keyOf(one) === (keyOf(other) ?? other);
}

/** What tells an element from those beside it; what can be pressed is told by `data-key`, or by what stands on it. */
function keyOf(node: Node): string | undefined {
  const props = given.get(node);
  const { class: kind, href, onclick, "aria-label": name, "data-key": key } = props ?? {};
  return props && [node.nodeName, kind, name, key ?? href ?? (onclick && node.textContent)].join();
}

/** Set the text of an element if it is another. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A sheet of this text; nothing of it comes from outside. */
export function sheet(text: string): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

/** An address that may become a link: of the web by TLS, of mail or of a telephone; else null. */
export function linkTo(address: string): string | null {
  const isSafe = /^(https:\/\/|mailto:|tel:)/u.test(address);
  return isSafe && URL.canParse(address) ? address : null;
}

/** Offer bytes as a download; nothing of them is shown in this page. */
export function offer(file: { readonly name: string; readonly blob: Blob }): void {
  const url = URL.createObjectURL(file.blob);
  const link = h("a", { href: url, download: file.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Define a custom element once. */
export function define(name: string, element: CustomElementConstructor): void {
  if (customElements.get(name) === undefined) customElements.define(name, element);
}
