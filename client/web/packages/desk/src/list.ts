/** A list of rows of one height: only those in view are in the document, ten thousand scroll as ten. */

import { h, renew, replace, set } from "@sealroom/ui/dom.ts";

const BEYOND = 8;

export interface ListOptions<Row> {
  readonly label: string;
  height(): number;
  idOf(row: Row): string;
  /** Whether a row shows what it showed. */
  isSame(one: Row, other: Row): boolean;
  view(row: Row): HTMLElement;
  choose(row: Row): void;
  inView(rows: readonly Row[]): void;
}

export interface List<Row> {
  readonly element: HTMLElement;
  update(rows: readonly Row[], selected: string | null): void;
  /** Make all rows anew: language, density or time are others. */
  renew(): void;
  /** Go so many rows on from the selected one, and choose. */
  step(by: number): void;
  focus(): void;
}

interface Shown<Row> {
  readonly row: Row;
  readonly element: HTMLElement;
}

/** Make a list. */
export function listOf<Row>(options: ListOptions<Row>): List<Row> {
  const list = h("div", { class: "list", role: "listbox", tabindex: 0, "aria-label": options.label });
  const element = h("div", { class: "scroll" }, list);
  let rows: readonly Row[] = [];
  let selected: string | null = null;
  let active = 0;
  let frame = 0;
  let shown = new Map<string, Shown<Row>>();

  function render(): void {
    const height = options.height();
    list.style.setProperty("height", `${rows.length * height}px`);
    const first = Math.max(0, Math.floor(element.scrollTop / height) - BEYOND);
    const last = Math.min(rows.length, Math.ceil((element.scrollTop + element.clientHeight) / height) + BEYOND);
    const next = new Map<string, Shown<Row>>();
    for (let at = first; at < last; at += 1) {
      const row = rows[at] as Row;
      const id = options.idOf(row);
      const before = shown.get(id);
      const one =
        before !== undefined && options.isSame(before.row, row) ? before : { row, element: viewOf(row, before) };
      place(one.element, id, at, height);
      next.set(id, one);
    }
    shown = next;
    replace(list, ...[...next.values()].map((one) => one.element));
    set(list, "aria-activedescendant", rows[active] === undefined ? null : `room-${options.idOf(rows[active] as Row)}`);
    options.inView(rows.slice(first, last));
  }

  function viewOf(row: Row, before: Shown<Row> | undefined): HTMLElement {
    const fresh = options.view(row);
    return before === undefined ? fresh : renew(before.element, fresh);
  }

  function place(item: HTMLElement, id: string, at: number, height: number): void {
    item.style.setProperty("transform", `translateY(${at * height}px)`);
    item.id = `room-${id}`;
    set(item, "role", "option");
    set(item, "aria-selected", String(id === selected));
    set(item, "aria-setsize", rows.length);
    set(item, "aria-posinset", at + 1);
    item.classList.toggle("active", at === active);
    item.onclick = () => {
      active = rows.findIndex((row) => options.idOf(row) === id);
      options.choose(rows[active] as Row);
    };
  }

  function go(to: number): void {
    active = Math.max(0, Math.min(rows.length - 1, to));
    const height = options.height();
    const top = active * height;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + height > element.scrollTop + element.clientHeight)
      element.scrollTop = top + height - element.clientHeight;
    render();
  }

  list.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(element.clientHeight / options.height()) - 1);
    const to: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: rows.length - 1,
    };
    if (event.key in to) {
      event.preventDefault();
      go(to[event.key] as number);
    } else if ((event.key === "Enter" || event.key === " ") && rows[active] !== undefined) {
      event.preventDefault();
      options.choose(rows[active] as Row);
    }
  });
  element.addEventListener(
    "scroll",
    () => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        render();
      });
    },
    { passive: true },
  );
  new ResizeObserver(() => render()).observe(element);

  return {
    element,
    update(next, id) {
      const wasAt = rows[active] === undefined ? null : options.idOf(rows[active] as Row);
      rows = next;
      selected = id;
      const at = rows.findIndex((row) => options.idOf(row) === (wasAt ?? id));
      active = at >= 0 ? at : Math.max(0, Math.min(active, rows.length - 1));
      render();
    },
    renew() {
      shown = new Map();
      render();
    },
    step(by) {
      const at = rows.findIndex((row) => options.idOf(row) === selected);
      go(at < 0 ? 0 : at + by);
      if (rows[active] !== undefined) options.choose(rows[active] as Row);
    },
    focus: () => list.focus(),
  };
}
