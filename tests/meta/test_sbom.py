"""The list of libraries: every locked library with its hashes and licence, and no address."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import checkout
import pytest
import wheel_build

from audit import sbom
from release import sodium

HASH = {"alg": "SHA-256", "content": "00" * 32}


def component(name: str) -> dict[str, Any]:
    """A library as the tool lists it."""
    reference = {"type": "distribution", "url": "https://registry.example/x", "hashes": [HASH]}
    return {"name": name, "version": "1", "description": "line 1", "externalReferences": [reference]}


def test_hashes_stay_and_addresses_go() -> None:
    document = {
        "bomFormat": "CycloneDX",
        "metadata": {"tools": "x"},
        "components": [component("no-such-library")],
    }
    listed = sbom.plain(document)
    assert listed == {
        "bomFormat": "CycloneDX",
        "components": [{"name": "no-such-library", "version": "1", "hashes": [HASH]}],
    }


@pytest.mark.parametrize("lock", [lock for lock in sbom.LOCKS if lock != "dev"])
def test_every_library_of_the_product_states_its_licence(lock: str) -> None:
    names = wheel_build.locked_names(checkout.ROOT / f"requirements/{lock}.txt")
    listed = sbom.plain({"components": [component(name) for name in names]})
    assert [one["name"] for one in listed["components"] if not one.get("licenses")] == []


def test_every_use_of_the_product_and_what_wheels_bring_along_has_a_list() -> None:
    """What is linked, compiled in or bundled has no lock of pip, and is in a list too."""
    project = tomllib.loads((checkout.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    uses = {"relay-nodes" if one == "relay-postgres" else one for one in project["optional-dependencies"]}
    assert uses - {"build", "native", "audit", "peers", "docs"} == set(sbom.LOCKS)
    found = {one["name"]: one for one in sbom.bundled()["components"]}
    assert (found["libsodium"]["version"], "mypyc" in found) == (sodium.VERSION, True)
    core = json.loads((checkout.ROOT / "client/web/packages/core/package.json").read_text("utf-8"))
    assert core["dependencies"].items() <= {name: one["version"] for name, one in found.items()}.items()
    for name in core["dependencies"]:
        (digest,) = found[name]["hashes"]
        assert (digest["alg"], len(digest["content"])) == ("SHA-512", 128)
    assert all(one["licenses"] for one in found.values())
