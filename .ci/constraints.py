# ruff: noqa: INP001 - a script, no part of a package
"""Print the versions of uv.lock as constraints for pip, so that an install without uv gets the tested ones."""

import sys
import tomllib
from pathlib import Path

lock = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
for package in lock["package"]:
    if "registry" not in package["source"]:
        continue  # the project itself
    markers = " or ".join(f"({marker})" for marker in package.get("resolution-markers", []))
    sys.stdout.write(f"{package['name']}=={package['version']}{' ; ' if markers else ''}{markers}\n")
