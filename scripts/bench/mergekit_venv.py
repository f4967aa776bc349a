"""The virtual environment with mergekit that the comparisons with it run in."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / ".venv"
PACKAGES = ["mergekit==0.1.5", "gguf==0.19.0"]


def enter(description: str) -> None:
    """Reads the option --venv and starts the script again inside that environment, which is made first where it is missing."""
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--venv", type=Path, default=FOLDER, help="virtual environment with mergekit and gguf")
    folder = arguments.parse_args().venv
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"Making {folder} …", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    sys.exit(subprocess.run([python, sys.argv[0], "--venv", folder]).returncode)
