"""The programs that the lab is made of: their pinned versions, where they are released, how they are built."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

_SYSTEM = "darwin" if sys.platform == "darwin" else "linux"
_MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@dataclass(frozen=True, slots=True)
class Release:
    """Where the official file of a program is.

    ``prefix`` is the address of the folder that holds ``file``; the variable named by ``prefix_variable`` replaces it,
    for mirrors (the names are kwokctl's own). ``checksums`` is the full address of a document that holds the SHA-256 of
    the file; behind a mirror it is the file's own address with ``.sha256``. ``member`` is the path inside an archive.
    """

    prefix: str
    file: str
    checksums: str
    prefix_variable: str = ""
    member: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """One program.

    ``family`` names the folder of its pinned Go module, and of its cache entry; ``tags`` are Go's build tags.
    ``any_version``: one on PATH, such as a system's package, does as well, since what is asked of it has long been so.
    """

    name: str
    family: str
    version: str
    package: str
    release: Release
    version_variable: str = ""
    tags: tuple[str, ...] = ()
    any_version: bool = False

    @property
    def folder(self) -> str:
        """The folder in the cache that holds it."""
        return f"{self.family}-{self.version}"

    @property
    def ldflags(self) -> str:
        """Linker flags: small, and with the version, since kwokctl parses what ``--version`` prints."""
        stamp = f" -X {self.version_variable}={self.version}" if self.version_variable else ""
        return f"-s -w{stamp}"


def _kubernetes(name: str, version: str = "v1.36.3") -> Tool:
    prefix = f"https://dl.k8s.io/release/{version}/bin/{_SYSTEM}/{_MACHINE}"
    return Tool(
        name=name,
        family="kubernetes",
        version=version,
        package=f"k8s.io/kubernetes/cmd/{name}",
        version_variable="k8s.io/component-base/version.gitVersion",
        release=Release(prefix, name, f"{prefix}/{name}.sha256", prefix_variable="KWOK_KUBE_BINARY_PREFIX"),
    )


def _kwok(name: str, version: str = "v0.8.0") -> Tool:
    repository = "kubernetes-sigs/kwok"
    return Tool(
        name=name,
        family="kwok",
        version=version,
        package=f"sigs.k8s.io/kwok/cmd/{name}",
        version_variable="sigs.k8s.io/kwok/pkg/consts.Version",
        release=Release(
            f"https://github.com/{repository}/releases/download/{version}",
            f"{name}-{_SYSTEM}-{_MACHINE}",
            # KWOK publishes no checksum files; GitHub's own digests of the files stand in.
            f"https://api.github.com/repos/{repository}/releases/tags/{version}",
            prefix_variable="KWOK_BINARY_PREFIX",
        ),
    )


def _etcd(version: str = "v3.6.8") -> Tool:
    prefix = f"https://github.com/etcd-io/etcd/releases/download/{version}"
    stem = f"etcd-{version}-{_SYSTEM}-{_MACHINE}"
    return Tool(
        name="etcd",
        family="etcd",
        version=version,
        package="go.etcd.io/etcd/server/v3",
        release=Release(
            prefix,
            f"{stem}.tar.gz",
            f"{prefix}/SHA256SUMS",
            prefix_variable="KWOK_ETCD_BINARY_PREFIX",
            member=f"{stem}/etcd",
        ),
    )


def _helm(version: str = "v3.22.0") -> Tool:
    file = f"helm-{version}-{_SYSTEM}-{_MACHINE}.tar.gz"
    return Tool(
        name="helm",
        family="helm",
        version=version,
        package="helm.sh/helm/v3/cmd/helm",
        version_variable="helm.sh/helm/v3/internal/version.version",
        release=Release(
            "https://get.helm.sh",
            file,
            f"https://get.helm.sh/{file}.sha256sum",
            member=f"{_SYSTEM}-{_MACHINE}/helm",
        ),
    )


def _kind(version: str = "v0.33.0") -> Tool:
    prefix, file = f"https://kind.sigs.k8s.io/dl/{version}", f"kind-{_SYSTEM}-{_MACHINE}"
    return Tool(
        name="kind",
        family="kind",
        version=version,
        package="sigs.k8s.io/kind",
        release=Release(prefix, file, f"{prefix}/{file}.sha256sum"),
    )


def _actionlint(version: str = "v1.7.12") -> Tool:
    prefix = f"https://github.com/rhysd/actionlint/releases/download/{version}"
    number = version.removeprefix("v")
    return Tool(
        name="actionlint",
        family="actionlint",
        version=version,
        package="github.com/rhysd/actionlint/cmd/actionlint",
        release=Release(
            prefix,
            f"actionlint_{number}_{_SYSTEM}_{_MACHINE}.tar.gz",
            f"{prefix}/actionlint_{number}_checksums.txt",
            member="actionlint",
        ),
    )


def _prometheus(name: str, version: str = "v0.315.0") -> Tool:
    # Its Go modules are v0.<major><minor in two digits>.<patch>, since a Go module v3 would need another path.
    _, minor, patch = version.removeprefix("v").split(".")
    number = f"{minor[0]}.{int(minor[1:])}.{patch}"
    prefix = f"https://github.com/prometheus/prometheus/releases/download/v{number}"
    stem = f"prometheus-{number}.{_SYSTEM}-{_MACHINE}"
    return Tool(
        name=name,
        family="prometheus",
        version=version,
        package=f"github.com/prometheus/prometheus/cmd/{name}",
        version_variable="github.com/prometheus/common/version.Version",
        # Without the clients of all clouds, which find targets there: the lab names its targets.
        tags=("remove_all_sd",),
        any_version=True,
        release=Release(prefix, f"{stem}.tar.gz", f"{prefix}/sha256sums.txt", member=f"{stem}/{name}"),
    )


CONTROL_PLANE = (
    _etcd(),
    _kwok("kwok"),
    _kwok("kwokctl"),
    _kubernetes("kubectl"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
)
"""What a lab needs."""

KIND_RUNTIME = (_kind(), _kwok("kwok"), _kubernetes("kubectl"))
"""What a lab needs where kind makes its control planes."""

PROMETHEUS = (_prometheus("prometheus"), _prometheus("promtool"))
"""A Prometheus server, for figures that are measured."""

TOOLS = {tool.name: tool for tool in (*CONTROL_PLANE, *KIND_RUNTIME, _helm(), _actionlint(), *PROMETHEUS)}
"""Every program that can be had by name."""
