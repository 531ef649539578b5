"""Fetches the official release file of a program, and trusts it only after its SHA-256 was checked."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import tarfile
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import BinaryIO

    from tradewind.lab.progress import Progress, Update
    from tradewind.lab.tools import Release, Tool

ANSWER_WITHIN_S = 5.0
_CHUNK = 1 << 20
_MAX_CHECKSUMS = 4 << 20
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


class DownloadError(Exception):
    """The release cannot be had, or is not what its checksum says."""


class UnreachableError(DownloadError):
    """The site does not answer in time."""

    def __init__(self, address: str, reason: object) -> None:
        super().__init__(f"{address}: {reason}")
        self.site = urlsplit(address).netloc


def fetch_what_can_be(tools: Iterable[Tool], target: Callable[[Tool], Path], *, progress: Progress) -> list[Tool]:
    """Fetch the releases of these tools; returns those that could not be had, their problems noted.

    A site that does not answer is asked once, not once per tool.
    """
    left: list[Tool] = []
    silent: set[str] = set()
    for tool in tools:
        sites = {urlsplit(address).netloc for address in addresses(tool.release)}
        if sites & silent:
            left.append(tool)
            continue
        try:
            fetch(tool, target(tool), progress=progress)
        except (DownloadError, OSError, http.client.HTTPException, tarfile.TarError, ValueError) as error:
            progress.problem(f"no release of {tool.name} {tool.version}: {error}")
            left.append(tool)
            if isinstance(error, UnreachableError):
                silent |= {error.site}
    return left


def fetch(tool: Tool, target: Path, *, progress: Progress) -> None:
    """Fetch the release of ``tool`` into ``target``, whole or not at all."""
    file, checksums = addresses(tool.release)
    expected = checksum_of(_read(checksums), file.rpartition("/")[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    archive = target.with_name(f".{target.name}.{os.getpid()}.tgz")
    try:
        with progress.task(f"fetching {tool.name} {tool.version} from {file}", measured=True) as update:
            _save(file, archive, expected=expected, update=update)
        if tool.release.member:
            _extract(archive, tool.release.member, partial)
        else:
            archive.replace(partial)
        partial.chmod(0o755)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
        archive.unlink(missing_ok=True)


def addresses(release: Release) -> tuple[str, str]:
    """Where the file and its checksum are. Behind a mirror the checksum stands beside the file, as ``.sha256``."""
    mirror = os.environ.get(release.prefix_variable, "") if release.prefix_variable else ""
    if mirror.startswith(("http://", "https://")):
        file = f"{mirror.rstrip('/')}/{release.file}"
        return file, f"{file}.sha256"
    return f"{release.prefix}/{release.file}", release.checksums


def checksum_of(document: str, file: str) -> str:
    """The SHA-256 of ``file`` in a checksum document.

    Takes a bare sum, lines of ``sha256sum``, or GitHub's description of a release (JSON with ``assets``).
    """
    if document.lstrip().startswith("{"):
        assets = {asset.get("name"): asset.get("digest") or "" for asset in json.loads(document).get("assets", [])}
        document = f"{assets.get(file, '').removeprefix('sha256:')}  {file}"
    lines = [line for line in document.splitlines() if line.strip()]
    named = [line for line in lines if line.split()[-1].removeprefix("*").rpartition("/")[2] == file]
    for line in named or (lines if len(lines) == 1 and len(lines[0].split()) == 1 else []):
        if match := _SHA256.search(line.lower()):
            return match[0]
    raise DownloadError(f"no SHA-256 of {file} in its checksum document")


def _open(address: str) -> http.client.HTTPResponse:
    if not address.startswith(("http://", "https://")):
        raise DownloadError(f"{address} is not an http address")
    try:
        # A slow site is given up on, since building is always possible.
        response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - the scheme is checked above
            address, timeout=ANSWER_WITHIN_S
        )
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(f"{address} answered {error.code}") from error
    except urllib.error.URLError as error:
        raise UnreachableError(address, error.reason) from error
    except TimeoutError as error:
        raise UnreachableError(address, f"no answer within {ANSWER_WITHIN_S:g} s") from error
    return response


def _read(address: str) -> str:
    with _open(address) as response:
        return response.read(_MAX_CHECKSUMS).decode("utf-8", "replace")


def _save(address: str, target: Path, *, expected: str, update: Update) -> None:
    digest = hashlib.sha256()
    with _open(address) as response, target.open("wb") as out:
        total = int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
            if total:
                update(out.tell() / total)
    if digest.hexdigest() != expected:
        raise DownloadError(f"{address} has SHA-256 {digest.hexdigest()}, its checksum says {expected}")


def _extract(archive: Path, member: str, target: Path) -> None:
    with tarfile.open(archive, "r:gz") as tar:
        try:
            source: BinaryIO | None = tar.extractfile(member)  # type: ignore[assignment]  # IO[bytes] in typeshed
        except KeyError:
            source = None
        if source is None:
            raise DownloadError(f"the archive holds no {member}")
        with source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
