/** A file in a message: name, size, progress, and what can be done; an image is shown from its own bytes only. */

import type { FileOfMessage } from "./backend.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { RowContext } from "./row_view.ts";

export function fileView(id: string, file: FileOfMessage, context: RowContext): HTMLElement {
  const { words, clock } = context;
  const element = h("div", null);
  if (file.canPreview && file.state === "here") element.append(previewView(id, file, context));
  const size = file.state === "gone" ? words("file.gone") : clock.size(file.sizeB);
  const about = h("div", null, h("div", { class: "name", dir: "auto" }, file.name), h("div", { class: "meta" }, size));
  const row = h("div", { class: "file" }, icon("file"), about);
  if (file.state === "moving") row.append(progressView(file, context));
  if (file.state === "failed") row.append(h("p", { class: "failing meta" }, words("file.failed")));
  const acts = actsOf(id, file, context);
  if (acts !== null) row.append(h("div", { class: "acts" }, acts));
  element.append(row);
  return element;
}

function progressView(file: FileOfMessage, { words, clock }: RowContext): HTMLElement {
  const said = words("file.moving", { done: clock.size(file.movedB), all: clock.size(file.sizeB) });
  const label = words("file.progress", { name: file.name });
  const bar = h("progress", { max: Math.max(1, file.sizeB), value: file.movedB, "aria-label": label });
  const element = h("div", { class: "unseen" }, said);
  const both = h("div", null, bar, element);
  both.setAttribute("class", "moving");
  return both;
}

function actsOf(id: string, file: FileOfMessage, { words, actions }: RowContext): HTMLElement | null {
  const button = (word: string, act: () => void, glyph: "save" | "close" | null) =>
    h("button", { class: "button small", type: "button", onclick: act }, glyph && icon(glyph), word);
  if (file.state === "gone") return null;
  if (file.state === "moving") return button(words("file.cancel"), () => actions.cancelFile(id), null);
  if (file.state === "failed") return button(words("file.retry"), () => actions.retry(id), null);
  return button(words("file.save"), () => actions.saveFile(id), "save");
}

function previewView(id: string, file: FileOfMessage, { words, actions }: RowContext): HTMLElement {
  const image = h("img", { class: "preview", alt: words("file.preview", { name: file.name }), decoding: "async" });
  image.hidden = true;
  const free = () => URL.revokeObjectURL(image.src);
  image.addEventListener("load", free, { once: true });
  image.addEventListener("error", () => image.remove(), { once: true });
  void actions.preview(id).then(
    (blob) => {
      image.src = URL.createObjectURL(blob);
      image.hidden = false;
    },
    () => image.remove(),
  );
  return image;
}
