"""What a browser gets: the same bytes in any folder, within its budget, by the hashes that are listed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import web_packages

NOT_SOURCES = shutil.ignore_patterns("node_modules")


@pytest.mark.audit_only
def test_a_copy_of_the_sources_in_another_folder_gives_the_same_bytes(
    built: dict[str, bytes], tmp_path: Path
) -> None:
    copy = tmp_path / "a folder of another name"
    shutil.copytree(web_packages.WORKSPACE, copy, ignore=NOT_SOURCES)
    (copy / "node_modules").symlink_to(web_packages.WORKSPACE / "node_modules")
    done = web_packages.run(str(copy / "build.ts"), "--anew", f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert web_packages.files(tmp_path / "out") == built


@pytest.mark.audit_only
@pytest.mark.usefixtures("web_libraries")
def test_another_time_zone_locale_and_umask_give_the_same_bytes(
    built: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    strict = 'umask 077 && exec "$0" build.ts --anew "--out=$1"'
    command = ["/bin/sh", "-c", strict, str(web_packages.NODE), str(folder)]
    there = {**os.environ, "TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8"}
    done = subprocess.run(command, cwd=web_packages.WORKSPACE, env=there, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert web_packages.files(folder) == built


def test_each_file_has_the_hash_that_the_list_says_and_no_source_map(built: dict[str, bytes]) -> None:
    manifest = json.loads(built["manifest.json"])
    assert set(manifest["files"]) == set(built) - {"manifest.json"}
    for name, said in manifest["files"].items():
        assert said == "sha384-" + base64.b64encode(hashlib.sha384(built[name]).digest()).decode()
        assert b"sourceMappingURL" not in built[name]


def test_the_page_of_the_room_or_its_list_names_each_script_that_it_may_run_with_its_hash(
    built: dict[str, bytes],
) -> None:
    manifest = json.loads(built["manifest.json"])
    html = built[manifest["vault"]].decode()
    scripts = {name for name in manifest["files"] if name.endswith(".js")} - {manifest["launcher"]}
    named = {name for name in scripts if f'{name}" integrity="{manifest["files"][name]}"' in html}
    (parts,) = re.findall(r'rel="part" data-part="parts" href="(parts-\w+\.js)"', html)
    listed = json.loads(built[parts].decode().removeprefix("export const PARTS="))
    assert {file: said for file, said, _ in listed} == {
        name: manifest["files"][name] for name in scripts - named
    }
    assert parts in named
    assert re.search(r'rel="part" data-part="de" href="de-\w+\.js"', html)


def test_the_licences_of_the_libraries_stand_beside_the_scripts(built: dict[str, bytes]) -> None:
    lock = json.loads((web_packages.WORKSPACE / "package-lock.json").read_text("utf-8"))["packages"]
    text = built["third-party.txt"].decode()
    assert "Permission is hereby granted" in text
    for place, one in lock.items():
        is_inside = place.startswith("node_modules/") and not one.get("dev") and not one.get("link")
        name = place.removeprefix("node_modules/")
        assert (f"{name} {one.get('version')} (" in text) == is_inside, place


def test_the_policy_of_the_room_allows_no_inline_part_and_no_other_host(built: dict[str, bytes]) -> None:
    policy = json.loads(built["manifest.json"])["headers"]["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "worker-src 'none'" in policy
    assert "<style" not in built["room.html"].decode()


@pytest.mark.usefixtures("web_libraries")
def test_a_part_beyond_its_budget_is_a_fault() -> None:
    script = """import { weigh } from "./bundling/sizes.ts"; import { randomBytes } from "node:crypto";
      const vault = [randomBytes(90_000), randomBytes(60_000)];
      const { faults } = weigh({ launcher: [randomBytes(2_900)], vault });
      console.log(JSON.stringify(faults.map((one) => one.split(" ")[0])))"""
    done = web_packages.run("--input-type=module-typescript", given=script)
    assert json.loads(done.stdout) == ["vault"], done.stderr
