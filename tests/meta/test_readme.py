"""Every command block of the README is executed, and the runner would notice a block that fails."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import fenced_blocks
import pytest
from fenced_blocks import BlockFailed, PageRun


@pytest.fixture
def page_run(tmp_path: Path, repo_root: Path) -> PageRun:
    """A reader's empty folder, home and programs."""
    return fenced_blocks.page_run(tmp_path, repo_root)


@pytest.mark.slow
def test_every_block_of_the_readme_runs_and_its_program_twice(page_run: PageRun, repo_root: Path) -> None:
    page = (repo_root / "README.md").read_text("utf-8")
    programs = re.findall(r"^```python\n.*?^```\n", page, re.DOTALL | re.MULTILINE)
    with page_run:
        assert page_run.run(page) > 0
        assert page_run.run("\n".join(programs)) == len(programs) > 0


SAMPLE = """# Sample

```bash
echo one > state.txt
make help
pip install "sealroom[client]"
git clone https://example.org/room.git
cd room
```

```python
import pathlib
text = pathlib.Path("state.txt").read_text()
pathlib.Path("copy.txt").write_text(text.upper())
```

```console
$ cat copy.txt
ONE
$ echo id 123 end; echo more; \\
> echo last
id ... end
...
last
```

~~~bash background ready=listening
echo listening on 1234
sleep 60
~~~

<!-- run: background ready=second -->
```bash title="Server"
echo second
sleep 60
```

```bash title="First terminal"
export NAME="kept here"
```

```bash title="Second terminal"
[ -z "${NAME:-}" ]
```

```console title="First terminal"
$ echo "$NAME"
kept here
```

```text
not run: exit 1
```
"""


def test_the_runner_follows_a_page(page_run: PageRun) -> None:
    with page_run:
        assert page_run.run(SAMPLE) == 8
        assert [process.poll() for process in page_run.running] == [None, None]
    assert (page_run.folder / "copy.txt").read_text() == "ONE\n"
    assert [process.poll() for process in page_run.running] == [-signal.SIGTERM] * 2


def test_a_file_beside_a_page_gets_the_ports_of_its_blocks(page_run: PageRun) -> None:
    """Of localhost those that are named for 127.0.0.1, too: a certificate is for a name."""
    with page_run:
        assert page_run.mapped("localhost:8443") == "localhost:8443"
        page_run.run("```bash\necho 127.0.0.1:8443 localhost:8443 > said\n```\n")
        port = page_run.ports["8443"].number
        assert (page_run.folder / "said").read_text() == f"127.0.0.1:{port} localhost:{port}\n"
        assert page_run.mapped('targets: ["127.0.0.1:8443"]') == f'targets: ["127.0.0.1:{port}"]'
        assert port != 8443


def test_a_port_of_a_page_is_nobody_elses_and_one_in_all_its_blocks(page_run: PageRun) -> None:
    """Two checkouts on one machine do not disturb each other."""
    page = "```bash\necho 127.0.0.1:8443 ws://127.0.0.1:8443 127.0.0.1:9475 0.0.0.0:8443 >> said\n```\n"
    with page_run:
        page_run.run(page)
        page_run.run(page)
    one, other = (page_run.ports[port].number for port in ("8443", "9475"))
    assert len({one, other, 8443, 9475}) == 4
    said = f"127.0.0.1:{one} ws://127.0.0.1:{one} 127.0.0.1:{other} 0.0.0.0:8443\n"
    assert (page_run.folder / "said").read_text("utf-8") == said * 2


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```bash\nfalse\ntrue\n```\n", "exit 1"),
        ("```sh\nfalse | cat\n```\n", "exit 1"),
        ("```python\nraise SystemExit(3)\n```\n", "exit 3"),
        ("```console\n$ echo a\nb\n```\n", "did not print 'b'"),
        ("```console\n$ printf 'a\\nb\\n'\nb\na\n```\n", "did not print 'a'"),
        ("```bash background\nexit 4\n```\n", "exit 4"),
        ("```bash background ready=up\necho down\n```\n", "exit 0"),
        ("```bash\nmake no-such-target\n```\n", "exit 2"),
        ("```bash\npip install something-else\n```\n", "exit 1"),
        ("```bash\ntrue\n", "never ends"),
    ],
)
def test_a_block_that_fails_is_reported_with_its_line(page_run: PageRun, block: str, said: str) -> None:
    with page_run, pytest.raises(BlockFailed, match=r"line 3: ") as failed:
        page_run.run("# Page\n\n" + block)
    assert said in str(failed.value)


def test_a_background_block_that_is_never_ready_is_reported(
    page_run: PageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fenced_blocks, "READY_S", 0.3)
    with page_run, pytest.raises(BlockFailed, match="never printed 'up'"):
        page_run.run("```bash background ready=up\nsleep 60\n```\n")


def test_later_blocks_have_a_forked_command_with_their_folder_variables_and_status(page_run: PageRun) -> None:
    """The first of a language has the installed one."""
    block = "```bash\ncommand -v sealroom >> which; sealroom --version >> said\n```\n"
    with page_run:
        page_run.run(block * 2)
        with pytest.raises(BlockFailed, match="exit 2"):
            page_run.run("```bash\nsealroom no-such-command\n```\n")
    installed, forked = (page_run.folder / "which").read_text("utf-8").split()
    assert (Path(installed).parent.name, Path(forked).parent.name) == ("programs", "forked")
    first, second = (page_run.folder / "said").read_text("utf-8").splitlines()
    assert first == second


def test_a_block_that_hangs_is_reported(page_run: PageRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fenced_blocks, "BLOCK_S", 0.3)
    with page_run, pytest.raises(BlockFailed, match="still running"):
        page_run.run("```bash\nsleep 60\n```\n")


def test_background_blocks_end_even_if_they_ignore_the_polite_way(
    page_run: PageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fenced_blocks, "STOP_S", 0.3)
    with page_run:
        page_run.run(
            "```bash background ready=up\ntrap '' TERM\necho up\nwhile true; do sleep 0.1; done\n```\n"
        )
    (process,) = page_run.running
    assert process.poll() == -signal.SIGKILL
