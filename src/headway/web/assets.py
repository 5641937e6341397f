"""Scripts, styles and fonts: served under a name that holds their hash, so that browsers keep them for good."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).parent / "static"
_COMPLETE = "vendor/.complete"
_HASH_LENGTH = 12
_PACKED = {".css", ".js"}  # fonts are packed already
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True)
class Asset:
    """One file, and its packed form where packing pays."""

    name: str
    content: bytes

    @cached_property
    def packed(self) -> bytes | None:
        return gzip.compress(self.content, 9, mtime=0) if PurePosixPath(self.name).suffix in _PACKED else None

    @cached_property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


class Assets:
    """All files of a folder, read once.

    One hash stands for all of them and is part of each address: modules that import each other by relative names
    change their addresses together.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        self._assets = {
            name: Asset(name, path.read_bytes())
            for path in files
            if (name := path.relative_to(folder).as_posix())
        }
        digest = hashlib.sha256()
        for name, asset in self._assets.items():
            digest.update(name.encode() + b"\0" + asset.content)
        self.version = digest.hexdigest()[:_HASH_LENGTH]
        self.complete = (
            folder / _COMPLETE
        ).exists()  # False: a checkout in which `tools/vendor.py` did not run yet

    def address_of(self, name: str) -> str:
        """Where a page finds a file. KeyError for one that is not there."""
        if name not in self._assets:
            raise KeyError(f"there is no asset {name}")
        return f"/ui/static/{self.version}/{name}"

    async def serve(self, request: Request) -> Response:
        """GET /ui/static/{version}/{name}: a wrong version is a page from before an upgrade, which has to reload."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None or request.path_params["version"] != self.version:
            return Response(status_code=404)
        headers = {"Vary": "Accept-Encoding", **_FOREVER}
        if asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            packed = {**headers, "Content-Encoding": "gzip"}
            return Response(asset.packed, media_type=asset.media_type, headers=packed)
        return Response(asset.content, media_type=asset.media_type, headers=headers)
