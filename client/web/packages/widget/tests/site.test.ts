import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "../src/port.ts";
import { isSameSite } from "../src/site.ts";

test("hosts under one registered name are one site", () => {
  for (const [page, room] of [
    ["https://www.praxis.example", "https://chat.praxis.example"],
    ["https://praxis.example", "https://chat.praxis.example"],
    ["https://praxis.example", "https://praxis.example"],
    ["https://www.bmw.de", "https://chat.bmw.de"],
    ["https://www.shop.co.uk", "https://chat.shop.co.uk"],
    ["http://www.praxis.localhost:1", "http://chat.praxis.localhost:2"],
    ["http://127.0.0.1:8000", "http://127.0.0.1:9000"],
  ] as const)
    assert.ok(isSameSite(page, room), `${page} ${room}`);
});

test("other names, other schemes and addresses are not", () => {
  for (const [page, room] of [
    ["https://www.praxis.example", "https://chat.example"],
    ["https://praxis.example", "https://praxis.example.evil.example"],
    ["https://evilpraxis.example", "https://praxis.example"],
    ["https://a.co.uk", "https://b.co.uk"],
    ["https://a.com", "https://b.com"],
    ["http://www.praxis.example", "https://chat.praxis.example"],
    ["http://127.0.0.1", "http://127.0.0.2"],
    ["http://localhost", "http://127.0.0.1"],
    ["null", "https://praxis.example"],
  ] as const)
    assert.ok(!isSameSite(page, room), `${page} ${room}`);
});

test("of what a page sends only short texts under known names are taken", () => {
  const sent = {
    lang: "de",
    storage: 7,
    "color-scheme": "x".repeat(401),
    account: "",
    tokens: { accent: "#123456", evil: "x" },
    more: "x",
  };
  const settings = settingsOf(sent);
  assert.deepEqual(settings, {
    lang: "de",
    scheme: null,
    storage: null,
    linkable: null,
    account: null,
    tokens: { accent: "#123456" },
  });
  assert.deepEqual(settingsOf(null).tokens, {});
  assert.deepEqual(settingsOf({ tokens: "x" }).tokens, {});
});
