"""assets.json and its defects: the files that a company serves for browsers (chapter 18)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from spec.vectors import company
from spec.vectors.defects import Negative
from spec.vectors.document import render
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, signed

SEQ: Final = 3_100_500
ROOM: Final = "https://chat.praxis.example"
PAGE: Final = "https://www.praxis.example"
DECODE, IDENTITY = "remote.decode", "remote.identity"
Case = tuple[dict[int, Value], str]


def row(place: int, path: str, headers: int = 1, age: int = 0, size_b: int = 1_000) -> list[Value]:
    """A file whose bytes are its path."""
    return [place, path, size_b, hashlib.sha256(path.encode()).digest(), headers, age]


def assets(**changes: Value) -> dict[int, Value]:
    """The map of a small site."""
    page = [["content-security-policy", "default-src 'none'"], ["referrer-policy", "no-referrer"]]
    script = [["x-content-type-options", "nosniff"]]
    files = [
        row(0, "/.well-known/sealroom-door"),
        row(0, "/room.html", 0),
        row(0, "/vault-0123456789abcdef.js"),
        row(0, "/vault-fedcba9876543210.js", age=2),
        row(1, "/seal/launcher-0123456789abcdef.js"),
    ]
    good: dict[int, Value] = {
        1: 1,
        2: company.ACCOUNT_ID,
        3: SEQ,
        4: NOW_MS,
        5: NOW_MS + 90 * DAY_MS,
        6: "0.1.0",
        7: ROOM,
        8: ["https://praxis.example", PAGE],
        9: [page, script],
        10: files,
    }
    return {**good, **{int(key[1:]): value for key, value in changes.items()}}


def sign_assets(entries: dict[int, Value], seed: bytes = company.ACCOUNT_SEED) -> bytes:
    """Signed assets."""
    return signed("SR1-sig-assets", seed, entries)


def document() -> str:
    """The file."""
    good = assets()
    return render(
        "The files that a company serves for browsers: the map in diagnostic order of its keys, its encoding,"
        " and signed; `next` has a higher number.",
        "CNS-60 CNS-61 CNS-62 CNS-63",
        {
            "account_id": company.ACCOUNT_ID,
            "now_ms": NOW_MS,
            "origin": ROOM,
            "encoded": cbor(good),
            "signed": sign_assets(good),
            "next": sign_assets(assets(_3=SEQ + 1)),
            "release": good[6],
            "pages": good[8],
            "header_sets": good[9],
            "files": good[10],
        },
    )


def negatives() -> Iterator[Negative]:
    """Assets that do not hold, outside of their time and place, or that do not follow known ones."""
    for name, (entries, error) in {**_of_maps(), **_of_headers(), **_of_files()}.items():
        yield _negative(name, "CNS-61", sign_assets(entries), error)
    yield _negative(
        "by-another-account", "CNS-60", sign_assets(assets(), draw("another", 32)), "remote.signature"
    )
    yield _negative(
        "by-the-roster-key", "CNS-60", sign_assets(assets(), company.roster_seed()), "remote.signature"
    )
    other = signed("SR1-sig-notice", company.ACCOUNT_SEED, assets())
    yield _negative("label-of-notices", "CNS-60", other, "remote.signature")
    for name, now_ms, origin, error in (
        ("of-a-time-to-come", NOW_MS - DAY_MS - 1, ROOM, "remote.expired"),
        ("past-their-end", NOW_MS + 91 * DAY_MS + 1, ROOM, "remote.expired"),
        ("of-another-origin", NOW_MS, PAGE, IDENTITY),
    ):
        given = {**_given(assets()), "now_ms": now_ms, "origin": origin}
        yield Negative(f"assets-{name}", _about(name), "CNS-62", "assets.check", given, error)
    for name, entries, error in (
        ("older-than-known", assets(_3=SEQ - 1), "remote.list_rollback"),
        ("others-of-one-number", assets(_6="0.1.1"), "remote.list_fork"),
    ):
        given = {**_given(entries), "known": sign_assets(assets())}
        yield Negative(f"assets-{name}", _about(name), "CNS-63", "assets.follows", given, error)


def _of_maps() -> dict[str, Case]:
    good = assets()
    five: list[Value] = [f"https://{one}.example" for one in "abcde"]
    return {
        "version-2": (assets(_1=2), "remote.version"),
        "version-2-of-another-account": (assets(_1=2, _2=bytes(32)), "remote.version"),
        "of-another-account": (assets(_2=bytes(32)), IDENTITY),
        "of-another-account-with-seq-0": (assets(_2=bytes(32), _3=0), IDENTITY),
        "seq-0": (assets(_3=0), DECODE),
        "seq-2-to-31": (assets(_3=2**31), DECODE),
        "end-when-they-begin": (assets(_5=NOW_MS), DECODE),
        "of-90-days-and-a-millisecond": (assets(_5=NOW_MS + 90 * DAY_MS + 1), DECODE),
        "release-of-65": (assets(_6="x" * 65), DECODE),
        "release-empty": (assets(_6=""), DECODE),
        "release-hidden": (assets(_6="0\u202e1"), DECODE),
        "origin-without-tls": (assets(_7="http://chat.praxis.example"), DECODE),
        "origin-with-path": (assets(_7=ROOM + "/"), DECODE),
        "origin-of-201": (assets(_7="https://" + "a." * 96 + "a"), DECODE),
        "no-page": (assets(_8=[]), DECODE),
        "five-pages": (assets(_8=five), DECODE),
        "pages-descending": (assets(_8=five[1::-1]), DECODE),
        "page-without-tls": (assets(_8=["http://www.praxis.example"]), DECODE),
        "key-missing": ({key: good[key] for key in range(1, 10)}, DECODE),
        "key-added": (assets(_11=0), DECODE),
        "over-16384-bytes": (assets(_1=2, _6="x" * 16_384), DECODE),
    }


def _of_headers() -> dict[str, Case]:
    one: list[Value] = ["a", "b"]
    cases: dict[str, Value] = {
        "no-set": [],
        "five-sets": [[one]] * 5,
        "set-empty": [[one], []],
        "17-headers": [[[f"a{at:02}", "b"] for at in range(17)], [one]],
        "headers-descending": [[["b", "b"], one], [one]],
        "header-twice": [[one, one], [one]],
        "header-of-three": [[["a", "b", "c"]], [one]],
        "header-name-number": [[[1, "b"]], [one]],
        "header-name-upper": [[["A", "b"]], [one]],
        "header-name-digit-first": [[["1a", "b"]], [one]],
        "header-name-of-65": [[["a" * 65, "b"]], [one]],
        "header-name-empty": [[["", "b"]], [one]],
        "header-value-number": [[["a", 1]], [one]],
        "header-value-empty": [[["a", ""]], [one]],
        "header-value-with-a-line": [[["a", "b\r\nc: d"]], [one]],
        "header-value-of-spaces": [[["a", " b"]], [one]],
        "header-value-ends-with-a-space": [[["a", "b "]], [one]],
        "header-value-not-ascii": [[["a", "\u00e4"]], [one]],
        "header-value-of-1025": [[["a", "b" * 1025]], [one]],
    }
    return {name: (assets(_9=value), DECODE) for name, value in cases.items()}


def _of_files() -> dict[str, Case]:
    good = row(0, "/a")
    cases: dict[str, Value] = {
        "no-file": [],
        "129-files": [row(0, f"/{at:03}") for at in range(129)],
        "files-descending": [row(0, "/b"), good],
        "files-of-pages-first": [row(1, "/a"), row(0, "/b")],
        "file-twice": [good, row(0, "/a", age=1)],
        "file-short": [good[:5]],
        "place-2": [row(2, "/a")],
        "path-number": [[0, 7, *good[2:]]],
        "path-without-slash": [row(0, "a")],
        "path-of-slash": [row(0, "/")],
        "path-ends-with-slash": [row(0, "/a/")],
        "path-doubled-slash": [row(0, "/a//b")],
        "path-upwards": [row(0, "/a/../b")],
        "path-here": [row(0, "/.")],
        "path-escaped": [row(0, "/a%2e")],
        "path-with-a-query": [row(0, "/a?b")],
        "path-of-121": [row(0, "/" + "a" * 120)],
        "size-of-4-mib-and-one": [row(0, "/a", size_b=4_194_305)],
        "hash-short": [[*good[:3], bytes(31), *good[4:]]],
        "set-2-of-2": [row(0, "/a", 2)],
        "age-3": [row(0, "/a", age=3)],
    }
    return {name: (assets(_10=value), DECODE) for name, value in cases.items()}


def _given(entries: dict[int, Value]) -> dict[str, Any]:
    return {"account_id": company.ACCOUNT_ID, "signed": sign_assets(entries)}


def _about(name: str) -> str:
    return f"Assets: {name.replace('-', ' ')}."


def _negative(name: str, rules: str, made: bytes, error: str) -> Negative:
    given = {"account_id": company.ACCOUNT_ID, "signed": made}
    return Negative(f"assets-{name}", _about(name), rules, "assets.verify", given, error)


def edges() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Assets at the last value that is accepted."""
    long: list[Value] = ["a" * 64, "~" * 1024]
    origins: list[Value] = ["https://" + one * 60 + ".example" * 16 + ".exa" for one in "abcd"]
    most: list[Value] = [row(0, f"/{at:03}", 3, 2, 4_194_304) for at in range(127)]
    full = assets(
        _3=2**31 - 1,
        _6="\U0001f600" * 64,
        _7=origins[3],
        _8=origins,
        _9=[[["a", "b"]], [["a1-", "!"]], [long], [[f"a{at:02}", "x y"] for at in range(16)]],
        _10=[*most, row(1, "/" + "a" * 119, 0)],
    )
    yield "assets that are full", "CNS-61", "assets.verify", _given(full)
    odd = assets(_10=[row(0, "/..."), row(0, "/.a/a..b/-_"), row(1, "/...")])
    yield "assets with paths of dots", "CNS-61", "assets.verify", _given(odd)
    early, late = NOW_MS - DAY_MS, NOW_MS + 91 * DAY_MS
    for name, now_ms in (
        ("the first millisecond of assets", early),
        ("the last millisecond of assets", late),
    ):
        given = {**_given(assets()), "now_ms": now_ms, "origin": ROOM}
        yield name, "CNS-62", "assets.check", given
    yield "assets anywhere", "CNS-62", "assets.check", {**_given(assets()), "now_ms": NOW_MS, "origin": None}
    for name, number in (("the known assets again", SEQ), ("assets after the known ones", SEQ + 1)):
        given = {**_given(assets(_3=number)), "known": sign_assets(assets())}
        yield name, "CNS-63", "assets.follows", given
