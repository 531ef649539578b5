"""Official releases, from a local server that plays their sites."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tradewind.lab import binaries, download, ports
from tradewind.lab.binaries import Source
from tradewind.lab.download import DownloadError
from tradewind.lab.errors import LabError
from tradewind.lab.progress import Progress
from tradewind.lab.tools import TOOLS, Release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = b"#!/bin/sh\necho Kubernetes v1.36.3\n"
QUIET = Progress(quiet=True)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing: the test's output is not a web server's log."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer((ports.HOST, 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://{ports.HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for variable in (*binaries.FOLDER_VARIABLES, "KWOK_KUBE_BINARY_PREFIX", "KWOK_ETCD_BINARY_PREFIX"):
        monkeypatch.delenv(variable, raising=False)


def put(folder: Path, name: str, content: bytes, *, checksum: str | None = None) -> None:
    (folder / name).write_bytes(content)
    (folder / f"{name}.sha256").write_text(checksum or hashlib.sha256(content).hexdigest())


def archive(member: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_a_kubernetes_program_comes_from_the_mirror_that_the_environment_names(
    site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site[0], "kubectl", PROGRAM)
    monkeypatch.setenv("KWOK_KUBE_BINARY_PREFIX", f"{site[1]}/")
    found = binaries.ensure([TOOLS["kubectl"]], source=Source.DOWNLOAD, progress=QUIET)["kubectl"]
    assert found == binaries.cached(TOOLS["kubectl"])
    assert found.read_bytes() == PROGRAM
    assert binaries.find(TOOLS["kubectl"]) == found, "it can be run"
    assert [path.name for path in found.parent.iterdir()] == ["kubectl"], "nothing else is left in the cache"


def test_etcd_comes_out_of_its_archive(site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    release = TOOLS["etcd"].release
    put(site[0], release.file, archive(release.member, PROGRAM))
    monkeypatch.setenv("KWOK_ETCD_BINARY_PREFIX", site[1])
    found = binaries.ensure([TOOLS["etcd"]], source=Source.DOWNLOAD, progress=QUIET)["etcd"]
    assert found.read_bytes() == PROGRAM


@pytest.mark.parametrize(
    ("content", "checksum", "problem"),
    [
        pytest.param(PROGRAM, "0" * 64, "its checksum says 0000", id="whose checksum differs"),
        pytest.param(PROGRAM, "no checksum today", "no SHA-256", id="whose checksum is none"),
    ],
)
def test_a_file_is_not_kept(
    site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, content: bytes, checksum: str, problem: str
) -> None:
    put(site[0], "kubectl", content, checksum=checksum)
    monkeypatch.setenv("KWOK_KUBE_BINARY_PREFIX", site[1])
    with pytest.raises(LabError, match=rf"(?s)DownloadFailed.*kubectl.*{problem}.*--from build"):
        binaries.ensure([TOOLS["kubectl"]], source=Source.DOWNLOAD, progress=QUIET)
    folder = binaries.cached(TOOLS["kubectl"]).parent
    assert not folder.exists() or list(folder.iterdir()) == []


def test_an_archive_without_the_program_is_refused(site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(site[0], TOOLS["etcd"].release.file, archive("README", b""))
    monkeypatch.setenv("KWOK_ETCD_BINARY_PREFIX", site[1])
    with pytest.raises(DownloadError, match="holds no"):
        download.fetch(TOOLS["etcd"], binaries.cached(TOOLS["etcd"]), progress=QUIET)


def test_a_missing_file_is_named_with_what_the_site_answered(
    site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KWOK_KUBE_BINARY_PREFIX", site[1])
    with pytest.raises(DownloadError, match=r"kubectl\.sha256 answered 404"):
        download.fetch(TOOLS["kubectl"], binaries.cached(TOOLS["kubectl"]), progress=QUIET)


def test_a_site_that_does_not_answer_in_time_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    listening = next(filter(None, map(ports.listen, range(31000, 32000))))
    with listening:
        monkeypatch.setattr(download, "ANSWER_WITHIN_S", 0.2)
        monkeypatch.setenv("KWOK_KUBE_BINARY_PREFIX", f"http://{ports.HOST}:{listening.getsockname()[1]}")
        tools = [TOOLS["kubectl"], TOOLS["kube-apiserver"], TOOLS["kube-scheduler"]]
        assert download.fetch_what_can_be(tools, binaries.cached, progress=QUIET) == tools
        listening.settimeout(0.5)
        listening.accept()[0].close()
        with pytest.raises(TimeoutError):
            listening.accept()


SUM, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(SUM, id="a bare sum"),
        pytest.param(f"{SUM}\n", id="a bare sum with its line's end"),
        pytest.param(f"{SUM.upper()}  kwok", id="upper case"),
        pytest.param(f"{OTHER}  kwokctl\n{SUM} *kwok\n", id="lines of sha256sum"),
        pytest.param(f"{SUM}  ./out/kwok\n", id="with a path"),
        pytest.param(
            json.dumps(
                {
                    "assets": [
                        {"name": "kwokctl", "digest": f"sha256:{OTHER}"},
                        {"name": "kwok", "digest": f"sha256:{SUM}"},
                    ]
                }
            ),
            id="GitHub's description of a release",
        ),
    ],
)
def test_a_checksum_is_found_in(document: str) -> None:
    assert download.checksum_of(document, "kwok") == SUM


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("", id="nothing"),
        pytest.param(f"{SUM}  kwokctl", id="another file's sum"),
        pytest.param(f"{SUM}\n{OTHER}", id="two bare sums"),
        pytest.param("<html>blocked by policy</html>", id="a proxy's page"),
        pytest.param(json.dumps({"assets": [{"name": "kwok", "digest": None}]}), id="a release without digests"),
    ],
)
def test_no_checksum_is_found_in(document: str) -> None:
    with pytest.raises(DownloadError, match="no SHA-256 of kwok"):
        download.checksum_of(document, "kwok")


def test_a_mirror_counts_only_if_it_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Release("https://a.example", "file", "https://a.example/sums", prefix_variable="MIRROR")
    monkeypatch.setenv("MIRROR", "/usr/local/bin")
    assert download.addresses(release) == ("https://a.example/file", "https://a.example/sums")
    monkeypatch.setenv("MIRROR", "http://mirror.example/k8s/")
    assert download.addresses(release) == (
        "http://mirror.example/k8s/file",
        "http://mirror.example/k8s/file.sha256",
    )
