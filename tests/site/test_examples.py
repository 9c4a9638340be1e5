"""What companies paste: plain HTML, the plugin for WordPress, a view in an app; the words for findings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import checkout
import pytest
from e2ee_client.cli.texts.english import ENGLISH
from e2ee_client.web.embedding import read_page
from e2ee_client.web.policy import allows, parse_policies
from e2ee_client.web.settings import settings_of
from site_builder import Builder
from site_scene import ROOM, settings

PLUGIN = checkout.ROOT / "examples/web/wordpress/sealroom.php"
DOCS = (checkout.ROOT / "docs/web-deploy.md").read_text("utf-8")
ADDRESS = "https://www.praxis.example/kontakt"
STUBS = r"""<?php
define('ABSPATH', '/');
$actions = [];
function add_action($name, $do) { global $actions; $actions[$name] = $do; }
function esc_attr($text) { return htmlspecialchars($text, ENT_QUOTES, 'UTF-8'); }
function esc_html($text) { return htmlspecialchars($text, ENT_QUOTES, 'UTF-8'); }
function get_option($name, $else) { return file_get_contents('php://stdin'); }
function add_settings_error() { fwrite(STDERR, 'refused'); }
require $argv[1];
if ($argv[2] === 'footer') { $actions['wp_footer'](); }
else { echo sealroom_sanitize(file_get_contents($argv[3])); }
"""


def php() -> str:
    """Return the path of PHP; skip without it, but not where all must run."""
    found = shutil.which("php")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("php is missing")
        pytest.skip("php (Debian: php-cli) is not installed")
    return found


def plugin(folder: Path, given: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the plugin with the few functions of WordPress that it uses; its option is `given`."""
    (folder / "stubs.php").write_text(STUBS, "utf-8")
    command = [php(), "-d", "error_reporting=-1", "-d", "display_errors=stderr"]
    command += [str(folder / "stubs.php"), str(PLUGIN), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


async def snippet(builder: Builder) -> str:
    """What a build gives to paste."""
    await builder.make(wanted=settings(label="Fragen & Termine"))
    return (builder.folder / "snippet.html").read_text("utf-8")


async def test_the_plugin_writes_the_script_and_the_button_of_the_build(
    builder: Builder, tmp_path: Path
) -> None:
    text = await snippet(builder)
    done = plugin(tmp_path, text, "footer")
    assert (done.returncode, done.stderr) == (0, "")
    ours, theirs = read_page(text, ADDRESS), read_page(done.stdout, ADDRESS)
    assert (theirs.launchers, theirs.rooms) == (ours.launchers, ours.rooms)
    assert "Fragen &amp; Termine</span>" in done.stdout


async def test_the_plugin_prints_nothing_of_an_odd_text_and_keeps_the_one_before(
    builder: Builder, tmp_path: Path
) -> None:
    text = await snippet(builder)
    odd = {
        "an event": text.replace("<seal-room ", '<seal-room onclick="steal()" '),
        "another host's script": text.replace('src="/seal/', 'src="https://evil.example/seal/'),
        "no hash": re.sub(r'integrity="[^"]+"', 'integrity=""', text),
        "no account": re.sub(r'account="[0-9a-f]+"', "", text),
        "a room without TLS": text.replace("https://chat", "http://chat"),
        "another page": text.replace("/room.html", "/evil.html"),
        "a tag in the label": text.replace("Fragen", "<img src=x onerror=steal()>"),
        "a line in a value": text.replace('lang="de"', 'lang="de\n"'),
        "nothing of ours": "<script>steal()</script>",
    }
    for name, one in odd.items():
        assert one != text, name
        assert plugin(tmp_path, one, "footer").stdout == "", name
        (tmp_path / "new").write_text(one, "utf-8")
        done = plugin(tmp_path, "the text before", "save", str(tmp_path / "new"))
        assert (done.stdout, done.stderr) == ("the text before", "refused"), name
    more = plugin(tmp_path, text + "<script>steal()</script>", "footer")
    assert "steal" not in more.stdout


async def test_the_page_of_plain_html_has_the_parts_of_the_snippet_and_lets_them_in(
    builder: Builder,
) -> None:
    page = read_page((checkout.ROOT / "examples/web/page.html").read_text("utf-8"), ADDRESS)
    built = read_page(await snippet(builder), ADDRESS)
    (script,), (button,) = page.launchers, page.rooms
    assert button["src"] == built.rooms[0]["src"] == f"{ROOM}/room.html"
    assert button.keys() == built.rooms[0].keys()
    assert script.keys() == built.launchers[0].keys()
    policies = parse_policies(page.policies)
    assert policies
    assert allows(policies, "script-src-elem", script["src"], ADDRESS)
    assert allows(policies, "frame-src", button["src"], ADDRESS)


def block(title: str) -> str:
    """A block of the page by its title, or by its language."""
    found = re.search(rf"```{title}\n(.+?)```", DOCS, re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize("title", ['kotlin title="Android"', 'swift title="iOS"'])
def test_an_app_shows_the_room_alone_keeps_its_store_and_gives_it_no_bridge(title: str) -> None:
    code = block(title)
    assert re.findall(r"https?://[^\"]+", code) == [f"{ROOM}/room.html"]
    assert re.search(r"domStorageEnabled = true|websiteDataStore = \.default\(\)", code)
    assert re.search(r"url\.host != Uri\.parse\(room\)\.host|url\?\.host == room\.host", code)
    for forbidden in ("addJavascriptInterface", "WKScriptMessageHandler", "ALWAYS_ALLOW", "AccessFromFile"):
        assert forbidden not in code
    assert "allowFileAccess = true" not in code


def test_the_settings_of_the_page_are_read() -> None:
    found = settings_of(tomllib.loads(block("toml")))
    assert (found.room, len(found.channels)) == (ROOM, 2)


def test_every_finding_has_words_and_those_of_the_page_exist() -> None:
    sources = "".join(
        path.read_text("utf-8") for path in sorted((checkout.ROOT / "client/e2ee_client/web").glob("*.py"))
    )
    codes = set(re.findall(r'(?:_found|Finding|NoAnswer|append\(|return )\(?\(?"([a-z_]+)"[,)]', sources))
    assert {"changed", "older", "redirect", "slow", "link", "no_name", "policy_loose"} <= codes
    assert {f"finding.{one}" for one in codes} <= ENGLISH.keys()
    table = DOCS[DOCS.index("| Attack or mishap") : DOCS.index("`verify` sees what")]
    said = "\n".join(row.rpartition(" | ")[2] for row in table.splitlines()[2:])
    named = set(re.findall(r"`([a-z_]+)`", said))
    assert {"changed", "older", "header_odd", "not_signed"} <= named
    assert named <= codes
