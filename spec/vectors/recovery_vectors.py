"""recovery.json: recovery codes, how they are typed, and lists of accounts that were recovered."""

from __future__ import annotations

from typing import Any, Final

from spec.vectors import parties
from spec.vectors.document import render
from spec.vectors.suite import NOW_MS, cbor, draw, hash_, prf, sign_public, signed

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SIZES: Final = (5, 5, 5, 5, 5, 4)
_2020_MS: Final = 1_577_836_800_000
_MOST: Final = 2**31 - 2**24
_END_MS: Final = _2020_MS + 4000 * ((_MOST - 2**30) // 2 + 1)


def recovery() -> str:
    """Codes with their keys, what is read and refused of what was typed, and first lists."""
    codes = {name: (r, entry) for name, r, entry in _secrets()}
    typed = text_of(*codes["a"])
    with_1 = text_of(*codes["a with an entry"])
    return render(
        "Recovery codes: r and the entry bit, the code that is shown, the account key that follows. Then"
        " what is read of a code that somebody has typed, what is refused with the group that is named (null:"
        " none), and the first list of an account that is recovered, with and without a list that the"
        " directory showed; under `none` there is no number for it.",
        "ACC-60 ACC-61 ACC-62 ACC-63 ACC-70",
        {
            "now_ms": NOW_MS,
            "codes": {name: _code(*one) for name, one in codes.items()},
            "read": {
                name: {"typed": one, "code": code} for name, (one, code) in _read(typed, with_1).items()
            },
            "refused": {
                name: {"typed": one, "group": group} for name, (one, group) in _refused(typed).items()
            },
            "lists": _lists(codes["a"][0]),
        },
    )


def _secrets() -> list[tuple[str, bytes, int]]:
    return [
        ("a", draw("recovery a", 16), 0),
        ("a with an entry", draw("recovery a", 16), 1),
        ("b", draw("recovery b", 16), 1),
        ("zeros", bytes(16), 0),
        ("ones", b"\xff" * 16, 1),
    ]


def text_of(r: bytes, entry: int) -> str:
    """The code as it is shown: bits of r, the entry bit, and the check, five at a time."""
    check = hash_("SR1-recover-code", r + bytes((entry,)))[:2]
    bits = f"{int.from_bytes(r, 'big'):0128b}{entry}{int.from_bytes(check, 'big'):016b}"
    digits = "".join(ALPHABET[int(bits[place : place + 5], 2)] for place in range(0, len(bits), 5))
    return "-".join(_groups(digits))


def _groups(digits: str) -> list[str]:
    groups: list[str] = []
    for size in SIZES:
        groups.append(digits[:size])
        digits = digits[size:]
    return groups


def _code(r: bytes, entry: int) -> dict[str, Any]:
    seed = prf(r, "SR1-recovery", 32)
    return {
        "r": r,
        "entry": entry,
        "code": text_of(r, entry),
        "account_seed": seed,
        "account_id": sign_public(seed),
    }


def _read(code: str, with_1: str) -> dict[str, tuple[str, str]]:
    one = "a with an entry"
    return {
        "as it is shown": (code, "a"),
        "in lower case": (code.lower(), "a"),
        "without groups": (code.replace("-", ""), "a"),
        "with white space": ("\t" + code.replace("-", " \r\n") + " ", "a"),
        "with O for 0": (code.replace("0", "O"), "a"),
        "with o for 0": (code.replace("0", "o"), "a"),
        "with I for 1": (with_1.replace("1", "I"), one),
        "with i for 1": (with_1.replace("1", "i"), one),
        "with L for 1": (with_1.replace("1", "L"), one),
        "with l for 1": (with_1.replace("1", "l"), one),
        "with hyphens elsewhere": ("-".join(code.replace("-", "")), "a"),
    }


def _refused(code: str) -> dict[str, tuple[str, int | None]]:
    groups = code.split("-")
    found: dict[str, tuple[str, int | None]] = {
        "nothing": ("", None),
        "hyphens alone": ("- -", None),
        "U in group 2": (_with(groups, 1, groups[1][:4] + "U"), 2),
        "a letter that is none of ASCII in group 4": (_with(groups, 3, "\u00c9" + groups[3][1:]), 4),
        "a digit is missing in group 3": (_with(groups, 2, groups[2][:4]), 3),
        "a digit too many in group 6": (_with(groups, 5, groups[5] + "0"), 6),
        "two groups of another length": (
            "-".join((groups[0][:4], groups[1] + groups[2][:1], *groups[3:], "0")),
            None,
        ),
        "one digit too few, without groups": ("".join(groups)[:-1], None),
        "one digit too many, without groups": ("".join(groups) + "0", None),
        "a character of none beyond the last group": ("".join(groups) + "00U", 6),
        "too long": ("0" * 300, None),
        "a code with too much behind it": (code + " " * 223, None),
        "other digits in groups 1 and 5": (
            _with(groups, 0, "0" + groups[0][1:])[:25] + "0" + code[26:],
            None,
        ),
        "another digit, for which one in group 4 would do as well": ("B" + code[1:], None),
    }
    for place in range(len(SIZES)):
        group = groups[place]
        other = ALPHABET[(ALPHABET.index(group[1]) + 7) % 32]
        found[f"another digit in group {place + 1}"] = (
            _with(groups, place, group[0] + other + group[2:]),
            place + 1,
        )
    found["neighbours exchanged in group 1"] = (
        _with(groups, 0, groups[0][1] + groups[0][0] + groups[0][2:]),
        1,
    )
    across = "".join(groups)
    across = across[:4] + across[5] + across[4] + across[6:]
    found["neighbours exchanged across groups 1 and 2"] = (across, 1)
    return found


def _with(groups: list[str], place: int, group: str) -> str:
    return "-".join((*groups[:place], group, *groups[place + 1 :]))


def seq_at(now_ms: int, before: int, drawn: bytes) -> int | None:
    """The number of a list by which an account is recovered; None where there is none."""
    by_clock = 2**30 + 2 * ((now_ms - _2020_MS) // 4000)
    above = before + 2 * (1 + int.from_bytes(drawn, "big") % 2**22)
    seq = by_clock if by_clock > before else above
    return seq if 2**30 < by_clock <= _MOST and seq <= _MOST else None


def _lists(r: bytes) -> dict[str, Any]:
    seed = prf(r, "SR1-recovery", 32)
    device = parties.device("recovery device", kind=0, flags=0, account="recovery")
    record = cbor({**device.entries, 3: sign_public(seed)})
    shown = {
        1: 1,
        2: sign_public(seed),
        3: 4,
        4: draw("recovery before", 32),
        5: NOW_MS - 1000,
        6: NOW_MS,
        7: None,
        8: [],
    }
    by_clock = 2**30 + 2 * ((NOW_MS - _2020_MS) // 4000)
    high = {**shown, 3: by_clock + 5, 7: draw("recovery successor", 32)}
    draws = {
        "least": bytes(3),
        "most": b"\x3f\xff\xff",
        "more bits": b"\xff\xff\xfe",
        "some": b"\x01\x02\x03",
    }
    cases = {
        "without an entry": (NOW_MS, None, bytes(3)),
        "in the interval after": (NOW_MS + 4000, None, bytes(3)),
        "in the first interval": (_2020_MS + 4000, None, bytes(3)),
        "in the last interval": (_END_MS - 1, None, bytes(3)),
        "from a list of the directory": (NOW_MS, shown, bytes(3)),
        "from a list of the number before": (NOW_MS, {**shown, 3: by_clock - 1}, bytes(3)),
        "from a list of that number": (NOW_MS, {**shown, 3: by_clock}, bytes(3)),
        "to the highest number": (NOW_MS, {**shown, 3: _MOST - 2}, bytes(3)),
        **{f"from a list of a higher number, {one}": (NOW_MS, high, drawn) for one, drawn in draws.items()},
    }
    none = {
        "before the first interval": (_2020_MS + 3999, None, bytes(3)),
        "before 2020": (0, {**shown, 3: by_clock}, bytes(3)),
        "after the last interval": (_END_MS, None, bytes(3)),
        "no number is left": (NOW_MS, {**shown, 3: _MOST - 1}, bytes(3)),
        "after the highest number": (NOW_MS, {**shown, 3: 2**31 - 1}, bytes(3)),
    }
    return {
        "record": record,
        "cases": {name: _list(seed, record, *one) for name, one in cases.items()},
        "none": {name: _list(seed, record, *one) for name, one in none.items()},
    }


def _list(
    seed: bytes, record: bytes, now_ms: int, before: dict[int, Any] | None, drawn: bytes
) -> dict[str, Any]:
    seq = seq_at(now_ms, 0 if before is None else before[3], drawn)
    prev_hash = bytes(32) if before is None else hash_("SR1-list", cbor(before))
    times = {5: now_ms, 6: now_ms + 30 * 86_400_000}
    recovery_public = None if before is None else before[7]
    entries = {1: 1, 2: sign_public(seed), 3: seq, 4: prev_hash, **times, 7: recovery_public}
    given = {
        "now_ms": now_ms,
        "before": None if before is None else signed("SR1-sig-list", seed, before),
        "random": drawn,
    }
    if seq is None:
        return given
    entries |= {8: [hash_("SR1-record", record)]}
    return given | {"seq": seq, "signed": signed("SR1-sig-list", seed, entries)}
