"""A company's web pages for browsers: built, signed, checked before and verified after they are served.

built (the files of this release) + settings + door -> site -> folder, and signed assets beside it
what is served <- verify (against signed assets), check (whether it can work at all)
"""

from __future__ import annotations
