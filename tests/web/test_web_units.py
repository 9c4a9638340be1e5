"""The parts of window and widget that need no page: words, colours, lists, sites."""

from __future__ import annotations

import re

import pytest
import web_packages

FAILED = re.compile(r"^\s*not ok \d+ - (.+)$", re.MULTILINE)
PASSED = re.compile(r"^# pass (\d+)$", re.MULTILINE)
pytestmark = pytest.mark.xdist_group("web")


@pytest.mark.usefixtures("web_libraries")
@pytest.mark.parametrize(("package", "least"), [("ui", 21), ("widget", 3)])
def test_every_case_of_a_package_passes(package: str, least: int) -> None:
    folder = web_packages.WORKSPACE / "packages" / package / "tests"
    files = sorted(str(path) for path in folder.glob("*.test.ts"))
    done = web_packages.run("--test", "--test-isolation=none", "--test-reporter=tap", *files)
    assert not FAILED.findall(done.stdout), done.stdout[-4000:]
    passed = PASSED.search(done.stdout)
    assert passed is not None, done.stdout + done.stderr
    assert int(passed[1]) >= least
