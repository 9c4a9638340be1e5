/** Elements by calls of the DOM: a text is a text node, whatever it holds. */

export type Child = Node | string | null | false;
type Value = string | number | boolean | null | undefined | EventListener;
export type Props = Readonly<Record<string, Value>>;

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`true` is an empty one, `false` and `null` none), listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props | null = null,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

/** Set one attribute, or add one listener whose name begins with `on`. */
export function set(element: Element, name: string, value: Value): void {
  if (typeof value === "function") element.addEventListener(name.slice(2), value);
  else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? "" : value))
    element.setAttribute(name, value === true ? "" : String(value));
}

/** A picture of 20 by 20 of one path, drawn in the colour of the text and hidden from screen readers. */
export function svg(path: string): SVGSVGElement {
  const picture = document.createElementNS(SVG, "svg");
  for (const [name, value] of [
    ["viewBox", "0 0 20 20"],
    ["aria-hidden", "true"],
    ["class", "icon"],
  ] as const)
    picture.setAttribute(name, value);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
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
