"""The list of libraries: every locked library with its hashes and licence, and no address."""

from __future__ import annotations

from typing import Any

import checkout
import pytest
import wheel_build

from audit import sbom

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


@pytest.mark.parametrize("lock", ["client", "relay"])
def test_every_library_of_the_product_states_its_licence(lock: str) -> None:
    names = wheel_build.locked_names(checkout.ROOT / f"requirements/{lock}.txt")
    listed = sbom.plain({"components": [component(name) for name in names]})
    assert [one["name"] for one in listed["components"] if not one.get("licenses")] == []
