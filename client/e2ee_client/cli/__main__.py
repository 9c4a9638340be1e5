"""`python -m e2ee_client.cli`."""

from __future__ import annotations

import sys

from . import main

sys.exit(main())
