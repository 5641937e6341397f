"""Small disks and read-only folders, by mounting them where this user may."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)


@contextmanager
def small_disk(place: Path, size_mib: int) -> Iterator[None]:
    """A file system in memory at a folder."""
    _mount("-t", "tmpfs", "-o", f"size={size_mib}m", "headway-faults", place)
    try:
        yield
    finally:
        _unmount(place)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing new can be written below a folder. Files that are open are written on, as after a remount."""
    if may_mount():
        # Made read-only elsewhere first: a file opened for writing in between would refuse it.
        with TemporaryDirectory() as aside:
            _mount("--bind", folder, aside)
            try:
                _mount("-o", "remount,bind,ro", aside)
                _mount("--bind", aside, folder)
                yield
            finally:
                _unmount(folder)
                _unmount(Path(aside))
        return
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(mode)


@cache
def may_mount() -> bool:
    """Whether this user may mount a file system here."""
    with TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder), 1):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@cache
def may_write_anywhere() -> bool:
    """Whether permissions mean nothing to this user."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        return os.access(folder, os.W_OK)
