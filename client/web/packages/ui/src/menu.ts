/** A menu at a button: arrow keys, Home, End, Esc, and the first letter; the focus returns to the button. */

import { type IconName, icon } from "./all_icons.ts";
import { h, sheet } from "./dom.ts";

export interface MenuItem {
  readonly word: string;
  readonly icon: IconName;
  readonly act: () => void;
  readonly isGrave?: boolean;
}

export const menuStyle: CSSStyleSheet = sheet(`
.menu { position: fixed; inset: auto; margin: 0; padding: 4px; min-width: 200px; max-width: calc(100vw - 16px);
  max-height: calc(100vh - 16px); overflow: auto; border: 1px solid var(--line); border-radius: 10px;
  background: var(--surface); color: var(--text); box-shadow: var(--shadow); animation: come var(--come); }
.menu button { display: flex; align-items: center; gap: 12px; width: 100%; min-height: var(--target); padding: 6px 12px;
  border: 0; border-radius: 6px; background: none; text-align: start; }
.menu button:is(:hover, :focus-visible) { background: var(--surface-2); }
.menu button:focus-visible { outline-offset: -2px; }
.menu .icon { color: var(--text-2); }
.menu .grave, .menu .grave .icon { color: var(--stop); }
.menu hr { margin: 4px 8px; border: 0; border-block-start: 1px solid var(--line); }
`);

const EDGE = 8;

/** Open a menu beside its button; it closes by a choice, Esc, Tab or a click elsewhere. */
export function openMenu(anchor: HTMLElement, label: string, groups: readonly (readonly MenuItem[])[]): void {
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, popover: "auto" });
  const around = anchor.closest<HTMLElement>("[tabindex]");
  // A message that was erased meanwhile has no button any more.
  const back = () => (anchor.isConnected ? anchor : around)?.focus();
  const close = () => {
    if (menu.matches(":popover-open")) menu.hidePopover();
    back();
  };
  groups
    .filter((group) => group.length > 0)
    .forEach((group, at) => {
      if (at > 0) menu.append(h("hr"));
      menu.append(...group.map((item) => itemView(item, close)));
    });
  menu.addEventListener("keydown", (event) => onKey(event, menu, close));
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState === "closed") ended(menu, anchor, back);
  });
  // Not beside the button: what it stands in may be drawn anew meanwhile, as a message is that arrives.
  const root = anchor.getRootNode();
  (root instanceof ShadowRoot ? root : document.body).append(menu);
  anchor.setAttribute("aria-expanded", "true");
  menu.showPopover();
  place(menu, anchor);
  items(menu)[0]?.focus();
}

function itemView(item: MenuItem, close: () => void): HTMLElement {
  const act = () => {
    close();
    item.act();
  };
  const kind = item.isGrave ? "grave" : "";
  return h(
    "button",
    { role: "menuitem", type: "button", tabindex: -1, class: kind, onclick: act },
    icon(item.icon),
    item.word,
  );
}

function items(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("[role=menuitem]")];
}

function ended(menu: HTMLElement, anchor: HTMLElement, back: () => void): void {
  anchor.setAttribute("aria-expanded", "false");
  const root = menu.getRootNode() as ShadowRoot | Document;
  const hadFocus = menu.contains(root.activeElement) || root.activeElement === null;
  menu.remove();
  if (hadFocus) back();
}

function onKey(event: KeyboardEvent, menu: HTMLElement, close: () => void): void {
  const all = items(menu);
  const root = menu.getRootNode() as ShadowRoot | Document;
  const at = all.indexOf(root.activeElement as HTMLElement);
  const go = (to: number) => {
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  if (event.key === "ArrowDown") go(at + 1);
  else if (event.key === "ArrowUp") go(at - 1);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(all.length - 1);
  else if (event.key === "Tab" || event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close();
  } else if (event.key.length === 1) letter(event.key, all, at);
}

function letter(key: string, all: readonly HTMLElement[], at: number): void {
  const wanted = key.toLocaleLowerCase();
  const after = [...all.slice(at + 1), ...all.slice(0, at + 1)];
  after.find((item) => item.textContent?.trim().toLocaleLowerCase().startsWith(wanted))?.focus();
}

/** Below the button, or above it; within the window. */
function place(menu: HTMLElement, anchor: HTMLElement): void {
  const from = anchor.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const isRight =
    getComputedStyle(anchor).direction === "ltr" ? from.left > innerWidth / 2 : from.right > innerWidth / 2;
  const left = isRight ? from.right - size.width : from.left;
  const fitsBelow = from.bottom + 4 + size.height <= innerHeight - EDGE;
  const top = fitsBelow ? from.bottom + 4 : from.top - 4 - size.height;
  menu.style.setProperty("left", `${Math.max(EDGE, Math.min(left, innerWidth - size.width - EDGE))}px`);
  menu.style.setProperty("top", `${Math.max(EDGE, Math.min(top, innerHeight - size.height - EDGE))}px`);
}
