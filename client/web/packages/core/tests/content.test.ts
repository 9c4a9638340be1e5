import assert from "node:assert/strict";
import { test } from "node:test";
import { cardToJson, cardToUri, parseCard } from "../src/card.ts";
import { encodeContent } from "../src/content.ts";
import { decodeContent } from "../src/content_reading.ts";
import { isHidden, isName, isPlainText, isRelayUrl } from "../src/grammar.ts";
import { bytes, equal, load } from "./vectors.ts";

for (const one of load("content").cases) {
  test(`content: ${one.name} (CON-01 to CON-12)`, () => {
    equal(encodeContent(decodeContent(bytes(one.encoded))), one.kept);
  });
}

for (const one of load("card").cases) {
  test(`card ${one.uri.slice(-30)} (ID-21, ID-22, ID-34)`, () => {
    const card = parseCard(one.uri);
    equal(card.accountId, one.account_id);
    assert.equal(card.relayUrl, one.relay_url);
    assert.equal(card.name, one.name);
    assert.equal(cardToUri(card), one.uri);
    assert.equal(cardToJson(card), one.json);
    for (const text of [one.json, ...one.also]) assert.deepEqual(parseCard(text), card);
  });
}

const grammar = load("grammar");

test("relay URLs (ID-23)", () => {
  for (const one of grammar.relay_urls) assert.equal(isRelayUrl(one.url), one.accepted, one.url);
});

test("plain texts (ACC-20)", () => {
  for (const one of grammar.plain_texts) assert.equal(isPlainText(one.text, 240), one.accepted, one.about);
});

test("names (ID-33)", () => {
  for (const one of grammar.names) {
    const name = String.fromCodePoint(...one.code_points);
    assert.equal(isName(name), one.accepted, one.about);
  }
});

test("what Unicode (17.0 in the locked node) says is not drawn is in the table (ID-33)", () => {
  const unseen = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Z}]/u;
  const drawn = / |\u200c|\u200d|\ufe0f|[\u{600}-\u{605}\u{6dd}\u{70f}\u{890}\u{891}\u{8e2}\u{110bd}\u{110cd}]/u;
  for (let point = 0; point <= 0x10ffff; point += 1) {
    const one = String.fromCodePoint(point);
    if (unseen.test(one) && !drawn.test(one)) assert.ok(isHidden(point), `U+${point.toString(16)}`);
  }
});
