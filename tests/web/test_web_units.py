"""The parts of window and widget that need no page: words, colours, lists, sites."""

from __future__ import annotations

import re

import pytest
import segno
import web_packages

FAILED = re.compile(r"^\s*not ok \d+ - (.+)$", re.MULTILINE)
PASSED = re.compile(r"^# pass (\d+)$", re.MULTILINE)


@pytest.mark.usefixtures("web_libraries")
@pytest.mark.parametrize(("package", "least"), [("ui", 22), ("widget", 3), ("desk", 1)])
def test_every_case_of_a_package_passes(package: str, least: int) -> None:
    folder = web_packages.WORKSPACE / "packages" / package / "tests"
    files = sorted(str(path) for path in folder.glob("*.test.ts"))
    done = web_packages.run(*web_packages.TESTS, *files)
    assert not FAILED.findall(done.stdout), done.stdout[-4000:]
    passed = PASSED.search(done.stdout)
    assert passed is not None, done.stdout + done.stderr
    assert int(passed[1]) >= least


@pytest.mark.usefixtures("web_libraries")
@pytest.mark.parametrize(("size", "mask"), [(17, 3), (154, 5), (321, None)])
def test_a_text_gives_the_code_that_another_program_makes_of_it(size: int, mask: int | None) -> None:
    """Texts that fill a code to the last bit: what stands behind a shorter one is each program's own."""
    text = ("sealroom:join?v=1&c=" + "Zx9_kB3-" * 40)[:size]
    wanted = segno.make_qr(text, error="l", mask=mask, mode="byte", boost_error=False)
    rows = ["".join(str(int(bool(one))) for one in row) for row in wanted.matrix_iter(border=0)]
    given = [] if mask is None else [str(mask)]
    done = web_packages.run("packages/ui/tests/qr_of.ts", text, *given)
    assert done.stdout.split() == rows, done.stderr
