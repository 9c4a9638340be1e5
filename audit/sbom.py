"""Lists of the locked libraries as CycloneDX 1.6, one for each use, under reports/; `make sbom`.

Made from the lock files, so each entry has the hashes of all files that the lock allows, whatever the
platform. Addresses of registries are left out: whoever installs decides where from. What wheels bring along
within themselves, and no installer sees, has a list of its own (`bundled`).
"""

from __future__ import annotations

import base64
import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audit import REPORTS, ROOT
from release import sodium

LOCKS = ("client", "desk", "relay", "relay-nodes", "dev")
VERSION = "1.6"


def listed(lock: Path) -> dict[str, Any]:
    """The list of one lock file as the tool makes it."""
    options = ["--spec-version", VERSION, "--output-format", "JSON", "--output-reproducible", "--short-PURLs"]
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", *options, str(lock)]
    made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    document: dict[str, Any] = json.loads(made.stdout)
    return document


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same list without addresses, with hashes and licence at each library."""
    components = [_component(component) for component in document["components"]]
    kept = {name: value for name, value in document.items() if name != "metadata"}
    return kept | {"components": components}


def _component(component: Mapping[str, Any]) -> dict[str, Any]:
    references = component.get("externalReferences", [])
    hashes = [entry for reference in references for entry in reference.get("hashes", [])]
    dropped = {"externalReferences", "description"}
    kept = {name: value for name, value in component.items() if name not in dropped}
    return kept | {"hashes": hashes} | _licence(str(component["name"]))


def _licence(name: str) -> dict[str, Any]:
    try:
        stated = importlib.metadata.metadata(name).json
    except importlib.metadata.PackageNotFoundError:
        return {}  # locked for another platform than this one
    if expression := stated.get("license_expression"):
        return {"licenses": [{"expression": expression}]}
    names = [str(text).rpartition(" :: ")[2] for text in stated.get("classifier", ()) if "License ::" in text]
    first = [str(stated["license"]).splitlines()[0]] if stated.get("license") else []
    return {"licenses": [{"license": {"name": name}} for name in first or names]}


def bundled() -> dict[str, Any]:
    """The list of what stands in wheels themselves: libsodium, parts of mypyc, the libraries of the pages."""
    locked = (ROOT / "requirements/native.txt").read_text("utf-8")
    (mypyc,) = re.findall(r"^mypy==(\S+)", locked, re.MULTILINE)
    packages = json.loads((ROOT / "client/web/package-lock.json").read_text("utf-8"))["packages"]
    pages = [
        _bundled(
            name.removeprefix("node_modules/"), one["version"], one["license"], _digest(one["integrity"])
        )
        for name, one in packages.items()
        if "integrity" in one and not one.get("dev")
    ]
    native = _bundled("libsodium", sodium.VERSION, "ISC", {"alg": "SHA-256", "content": sodium.SHA256})
    components = [native, _bundled("mypyc", mypyc, "MIT AND PSF-2.0"), *pages]
    return {"bomFormat": "CycloneDX", "specVersion": VERSION, "version": 1, "components": components}


def _bundled(name: str, version: str, licence: str, *hashes: dict[str, str]) -> dict[str, Any]:
    known = {"type": "library", "name": name, "version": version, "licenses": [{"expression": licence}]}
    return known | {"bom-ref": f"{name}@{version}"} | ({"hashes": list(hashes)} if hashes else {})


def _digest(integrity: str) -> dict[str, str]:
    """A digest as the lock of npm writes it."""
    algorithm, _, content = integrity.partition("-")
    return {"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(content).hex()}


def fault(text: str) -> str:
    """What the schema of CycloneDX finds wrong with a list; empty where it finds nothing."""
    # Only the environment of the audit has these modules; the checks of development read this file too.
    schema = importlib.import_module("cyclonedx.schema").SchemaVersion.V1_6
    validator = importlib.import_module("cyclonedx.validation.json").JsonStrictValidator(schema)
    found = validator.validate_str(text)
    return "" if found is None else str(found)


def main() -> int:
    REPORTS.mkdir(exist_ok=True)
    documents = {lock: plain(listed(ROOT / "requirements" / f"{lock}.txt")) for lock in LOCKS}
    for lock, document in (documents | {"bundled": bundled()}).items():
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        if found := fault(text):
            print(f"{lock}: {found}", file=sys.stderr)
            return 1
        path = REPORTS / f"sbom-{lock}.json"
        path.write_text(text, "utf-8")
        print(f"wrote {path.relative_to(ROOT)}: {len(document['components'])} libraries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
