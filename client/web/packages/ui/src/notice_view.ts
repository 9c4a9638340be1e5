/** The notice before the first word: who processes what, and two answers of the same weight. */

import type { Company, Notice } from "./backend.ts";
import { type Child, h, linkTo } from "./dom.ts";
import { type FirstIcon, icon } from "./icons.ts";
import { purposeOf } from "./purposes.ts";
import { clockOf } from "./times.ts";
import type { Words } from "./words.ts";

export interface NoticeAnswers {
  accept(purposes: readonly number[]): void;
  refuse(): void;
  showIn(locale: string): void;
  /** Other ways in, where this device keeps something. */
  readonly others: readonly (readonly [word: string, act: () => void])[];
}

/** Notice and answers; without `answers` it is only read again. */
export function noticeView(
  company: Company,
  notice: Notice,
  words: Words,
  answers: NoticeAnswers | null,
): HTMLElement[] {
  const label = words("notice.title");
  const key = keyOf(notice);
  const screen = h(
    "div",
    { class: answers && "screen", tabindex: answers && 0, role: "region", "aria-label": label, "data-key": key },
    answers && h("h2", { tabindex: -1 }, label),
    h("p", { class: "lead" }, words("room.readers", { company: company.name })),
    factsView(company, notice, words),
    notice.mode === "explicit" && h("p", null, words("notice.explicit")),
    answers && optionsView(notice, words),
    wholeText(notice, words),
    linksView(notice, words, answers),
  );
  if (answers === null) return [...screen.childNodes] as HTMLElement[];
  return [screen, answersView(notice, words, answers)];
}

/** Of another notice, or another wording of it, nothing stays that was ticked or begun. */
function keyOf({ number, locale }: Notice): string {
  return `${number} ${locale}`;
}

function answersView(notice: Notice, words: Words, answers: NoticeAnswers): HTMLElement {
  const accept = ({ currentTarget }: Event) => {
    const shown = (currentTarget as Element).closest(".answer")?.parentElement;
    answers.accept(purposesOf(notice, shown));
  };
  const button = (word: string, act: (event: Event) => void) =>
    h("button", { class: "button", type: "button", onclick: act }, word);
  return h(
    "div",
    { class: "answer", "data-key": keyOf(notice) },
    h(
      "div",
      null,
      button(words("notice.refuse"), () => answers.refuse()),
      button(words(`notice.accept.${notice.mode}`), accept),
    ),
  );
}

/** Every required purpose, and the optional ones that were ticked. */
function purposesOf(notice: Notice, shown?: HTMLElement | null): number[] {
  const ticked = [...(shown?.querySelectorAll<HTMLInputElement>("input:checked") ?? [])].map((box) =>
    Number(box.value),
  );
  return notice.purposes.filter((one) => one.isRequired || ticked.includes(one.number)).map((one) => one.number);
}

function optionsView(notice: Notice, words: Words): HTMLElement | null {
  const free = notice.purposes.filter((purpose) => !purpose.isRequired);
  if (free.length === 0) return null;
  const boxes = free.map((purpose) =>
    h(
      "label",
      { class: "check" },
      h("input", { type: "checkbox", value: purpose.number }),
      h("span", { dir: "auto" }, purposeOf(notice, purpose)),
    ),
  );
  return h("fieldset", null, h("legend", { class: "heading" }, words("notice.optional")), ...boxes);
}

function factsView(company: Company, notice: Notice, words: Words): HTMLElement {
  const { controller } = notice;
  const required = notice.purposes.filter((purpose) => purpose.isRequired).map((purpose) => purposeOf(notice, purpose));
  const facts = [
    fact("post", words("notice.who"), [
      `${controller.name}, ${controller.address}`,
      controller.email,
      officer(notice, words),
    ]),
    fact("chat", words("notice.why"), required),
    fact("clock", words("notice.keep"), keptOf(notice, words)),
    fact("people", words("notice.helpers"), helpersOf(notice, words)),
    fact("shield", words("notice.rights"), rightsOf(company, notice, words)),
  ];
  return h("dl", { class: "facts" }, ...facts);
}

function fact(glyph: FirstIcon, title: string, lines: readonly (string | null)[]): HTMLElement {
  const shown = lines.filter((line) => line !== null && line !== "");
  const paragraphs = shown.map((line) => h("p", null, h("bdi", null, line)));
  return h("div", null, icon(glyph), h("dt", null, title), h("dd", null, ...paragraphs));
}

function officer(notice: Notice, words: Words): string | null {
  return notice.officer && words("notice.officer", { name: notice.officer });
}

function keptOf(notice: Notice, words: Words): string[] {
  const clock = clockOf(words.locale);
  return notice.keptS.map(({ class: kind, ttlS }) => words(`keep.${kind}`, { span: clock.span(ttlS) }));
}

function helpersOf(notice: Notice, words: Words): (string | null)[] {
  const [operator, ...others] = notice.recipients;
  return [
    operator === undefined ? null : words("notice.operator", { name: operator }),
    others.length === 0 ? null : words("notice.also", { names: others.join(", ") }),
    notice.thirdCountries.length === 0 ? null : words("notice.countries", { names: notice.thirdCountries.join(", ") }),
    notice.hasBot ? words("notice.bot") : null,
    notice.decidesAlone ? words("notice.automated") : null,
  ];
}

function rightsOf(company: Company, notice: Notice, words: Words): (string | null)[] {
  return [
    words("notice.rights.text", { company: company.name, authority: notice.authority }),
    notice.minimumAge === null ? null : words("notice.age", { n: notice.minimumAge }),
  ];
}

function wholeText(notice: Notice, words: Words): HTMLElement {
  const clock = clockOf(words.locale);
  const day = clock.day(notice.issuedMs, 0);
  return h(
    "details",
    null,
    h("summary", null, icon("unfold"), words("notice.full")),
    h("div", { class: "whole", lang: notice.locale, dir: "auto" }, notice.text),
    h("p", { class: "whole meta" }, words("notice.number", { number: String(notice.number), day })),
  );
}

function linksView(notice: Notice, words: Words, answers: NoticeAnswers | null): HTMLElement {
  const others = answers === null ? [] : notice.locales.filter((locale) => locale !== notice.locale);
  const switches = others.map((locale) =>
    h(
      "button",
      { class: "plain", type: "button", lang: locale, onclick: () => answers?.showIn(locale) },
      nameOfLanguage(locale),
    ),
  );
  return h(
    "div",
    { class: "links" },
    pageLink(notice.privacyUrl, words("notice.privacy")),
    pageLink(notice.imprintUrl, words("notice.imprint")),
    ...switches,
    ...(answers?.others ?? []).map(([word, act]) =>
      h("button", { class: "plain", type: "button", onclick: act }, word),
    ),
  );
}

function nameOfLanguage(locale: string): string {
  return new Intl.DisplayNames([locale], { type: "language" }).of(locale) ?? locale;
}

function pageLink(address: string, word: string): Child {
  const link = linkTo(address);
  return link && h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, word);
}
