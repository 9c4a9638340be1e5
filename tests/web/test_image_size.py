"""The size of images that a browser itself has made, read from their containers."""

from __future__ import annotations

from typing import Final

import browsers
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")
MAIN: Final = b"""import { imageSize, isShownSize } from "./image_size.js";
globalThis.sizes = async (mediaType) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 321, height: 123 });
  canvas.getContext("2d").fillRect(20, 20, 99, 77);
  const blob = await new Promise((done) => canvas.toBlob(done, mediaType));
  const data = new Uint8Array(await blob.arrayBuffer());
  const { width, height, frames } = imageSize(data, blob.type);
  return [blob.type, width, height, frames, isShownSize(data, blob.type)];
};"""


@pytest.mark.usefixtures("web_libraries")
async def test_images_of_a_browsers_own_coders_have_the_size_of_their_canvas(
    visitor: browsers.Visitor, serve_files: browsers.ServeFiles
) -> None:
    """FIL-21: strict, and yet real images are read."""
    script = browsers.bundled("packages/ui/src/image_size.ts")
    page = b'<!doctype html><title>sizes</title><script type="module" src="main.js"></script>'
    site = serve_files({"/": page, "/main.js": MAIN, "/image_size.js": script})
    shown = await visitor.open(site.url())
    await browsers.until(shown, "() => globalThis.sizes !== undefined")
    for media_type in ("image/png", "image/jpeg", "image/webp"):
        found = await shown.evaluate("(mediaType) => sizes(mediaType)", media_type)
        assert found == [media_type, 321, 123, 1, True]
