"""The page of the desk as it is built: from a checkout, and into a wheel."""

from __future__ import annotations

from pathlib import Path

from e2ee_client.desk import assets


def test_the_page_is_built_from_a_checkout(web_libraries: None, tmp_path: Path) -> None:
    assets.build(tmp_path / "page")
    names = sorted(one.name for one in (tmp_path / "page").iterdir())
    assert names[1:] == ["index.html", "third-party.txt"]
    html = (tmp_path / "page/index.html").read_text("utf-8")
    assert names[0].startswith("desk-")
    assert f'src="{names[0]}" integrity="sha384-' in html
