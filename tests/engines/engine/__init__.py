# SPDX-License-Identifier: Apache-2.0
"""What the engine tests share: a place of their own on the machine, images, and one module per engine."""
import os
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "tests/integration"))  # its package `support` is used here too

RUNTIME = os.environ.get("RUNTIME") or os.environ.get("HULL") or str(REPOSITORY / "build/hull")
SYSTEMD = os.environ.get("HULL_SYSTEMD") == "1"   # the cgroup driver that the engines are told to use
