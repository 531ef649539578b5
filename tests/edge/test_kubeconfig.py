"""Kubeconfigs from Secrets hold data only, and no error ever shows what they hold."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.errors import TerminalError
from tradewind.kube import kubeconfig as kubeconfig_module
from tradewind.kube.kubeconfig import configuration_from_secret, own_configuration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "s3cr3t-t0ken-that-nobody-may-see"  # noqa: S105 - the very thing that is looked for
ENCODED = base64.b64encode(SECRET.encode()).decode()
GOOD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "users": [{"name": "u", "user": {"token": SECRET}}],
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
}


def kubeconfig(*, user: Any = None, cluster: Any = None, **top: Any) -> str:
    """Write a good kubeconfig with some parts replaced; None at the top removes one."""
    document = deepcopy(GOOD)
    document["users"][0]["user"] = {"token": SECRET} if user is None else user
    if cluster is not None:
        document["clusters"][0]["cluster"] = {"server": "https://127.0.0.1:6443", **cluster}
    document |= top
    return yaml.safe_dump({key: value for key, value in document.items() if value is not None})


async def test_a_good_one_is_read() -> None:
    configuration = await configuration_from_secret(kubeconfig())
    assert configuration.host == "https://127.0.0.1:6443"
    assert SECRET in str(await configuration.auth_settings())
    assert configuration.verify_ssl


@pytest.mark.parametrize(
    ("text", "word"),
    [
        *(
            pytest.param(kubeconfig(user={"token": SECRET, key: value}), key, id=f"user {key}")
            for key, value in {
                "exec": {"command": "sh", "args": ["-c", "id"], "apiVersion": "client.authentication.k8s.io/v1"},
                "auth-provider": {"name": "oidc", "config": {}},
                "tokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token",
                "client-certificate": "/etc/passwd",
                "client-key": "/etc/shadow",
                "username": "admin",
                "password": SECRET,
            }.items()
        ),
        *(
            pytest.param(kubeconfig(cluster={key: value}), key, id=f"cluster {key}")
            for key, value in {
                "certificate-authority": "/etc/hostname",
                "insecure-skip-tls-verify": True,
                "proxy-url": "http://proxy.example:3128",
            }.items()
        ),
        pytest.param(kubeconfig(cluster={"server": "http://127.0.0.1:6443"}), "https://", id="no TLS"),
        pytest.param(kubeconfig(cluster={"server": "file:///etc/passwd"}), "https://", id="no address at all"),
    ],
)
async def test_what_is_not_data_is_refused(text: str, word: str) -> None:
    with pytest.raises(TerminalError) as caught:
        await configuration_from_secret(text)
    assert caught.value.reason == "KubeconfigRefused"
    assert word in caught.value.message
    assert SECRET not in str(caught.value)


async def test_what_is_refused_is_refused_for_users_that_are_not_chosen_too() -> None:
    other = {"name": "other", "user": {"exec": {"command": "sh"}}}
    with pytest.raises(TerminalError, match="exec"):
        await configuration_from_secret(kubeconfig(users=[*GOOD["users"], other]))


def test_a_switch_that_is_off_is_not_refused() -> None:
    text = kubeconfig(cluster={"insecure-skip-tls-verify": False})
    assert "insecure-skip-tls-verify: false" in text


async def test_and_is_read() -> None:
    assert (await configuration_from_secret(kubeconfig(cluster={"insecure-skip-tls-verify": False}))).verify_ssl


BROKEN = {
    "nothing": "",
    "no YAML": f"token: [{SECRET}",
    "YAML with a tab": f"users:\n\t- {SECRET}",
    "a bare word": SECRET,
    "a list": f"- {SECRET}",
    "a NUL": f"token: {SECRET}\x00",
    "a python object": f"!!python/object/apply:os.system ['echo {SECRET}']",
    "no clusters": kubeconfig(clusters=None),
    "no users": kubeconfig(users=None),
    "clusters that are no list": kubeconfig(clusters={"name": SECRET}),
    "users that are words": kubeconfig(users=[SECRET]),
    "a user that is a word": kubeconfig(user=SECRET),
    "no current context": kubeconfig(**{"current-context": None}),
    "a context that is not there": kubeconfig(**{"current-context": "elsewhere"}),
    "contexts that are words": kubeconfig(contexts=[SECRET]),
    "a server that is a number": kubeconfig(cluster={"server": 6443}),
    "a server that is nothing": kubeconfig(cluster={"server": None}),
    "a token that is a list": kubeconfig(user={"token": [SECRET]}),
    "a token with a line break": kubeconfig(user={"token": f"{SECRET}\nX-Remote-User: admin"}),
    "a certificate that is no base64": kubeconfig(user={"client-certificate-data": SECRET, "client-key-data": SECRET}),
    "a certificate that is no PEM": kubeconfig(user={"client-certificate-data": ENCODED, "client-key-data": ENCODED}),
    "a certificate without a key": kubeconfig(user={"client-certificate-data": ENCODED}),
    "an authority that is no PEM": kubeconfig(cluster={"certificate-authority-data": ENCODED}),
    "an authority that is no base64": kubeconfig(cluster={"certificate-authority-data": SECRET}),
    "a date that is none": f"2020-99-99: {SECRET}",
    "very deep": "[" * 20_000 + SECRET,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
async def test_a_malformed_one_is_said_without_a_word_of_its_content(
    text: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TerminalError) as caught:
        await configuration_from_secret(text)
    assert caught.value.reason in {"KubeconfigInvalid", "KubeconfigRefused"}
    shown = "".join((str(caught.value), caplog.text, *capfd.readouterr(), repr(caught.value.__context__)))
    assert SECRET not in str(caught.value)
    assert SECRET not in caplog.text
    assert ENCODED not in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(["name", *GOOD])), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(part=st.sampled_from(["clusters", "users", "contexts", "current-context"]), value=JSON)
@settings(max_examples=60)
def test_no_shape_of_a_part_is_a_traceback(part: str, value: Any) -> None:
    text = kubeconfig(**{part: value})
    coroutine = configuration_from_secret(text)
    try:
        coroutine.send(None)
    except (StopIteration, TerminalError):
        return
    finally:
        coroutine.close()


async def test_the_operators_own_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig(), encoding="utf-8")
    assert (await own_configuration(str(path))).host == "https://127.0.0.1:6443"


@pytest.mark.parametrize("text", [None, "", "][", "a: word"], ids=["missing", "empty", "no YAML", "another file"])
async def test_an_own_one_that_can_not_be_read_says_which(
    tmp_path: Path, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(TerminalError) as caught:
        await own_configuration(str(path))
    assert caught.value.reason == "KubeconfigInvalid"
    assert str(path) in caught.value.message
    assert ("there is no such file" in caught.value.message) is (text is None)
    assert "--kubeconfig" in caught.value.message


async def test_a_context_that_the_own_one_lacks_is_said(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig(), encoding="utf-8")
    with pytest.raises(TerminalError, match="elsewhere"):
        await own_configuration(str(path), "elsewhere")


def of_a_file(folder: Path) -> tuple[dict[str, Any], Callable[[str], object]]:
    """Have a token come from a file; returns the user, and what changes the token."""
    path = folder / "token"
    return {"tokenFile": str(path)}, path.write_text


def of_a_program(folder: Path) -> tuple[dict[str, Any], Callable[[str], object]]:
    """Have a token come from a program; returns the user, and what changes the token."""
    path, version = folder / "said.json", "client.authentication.k8s.io/v1"
    show = f"import pathlib; print(pathlib.Path({str(path)!r}).read_text())"

    def change(token: str) -> None:
        said = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
        path.write_text(json.dumps(said) if token else "nothing of use")

    return {"exec": {"command": sys.executable, "args": ["-c", show], "apiVersion": version}}, change


async def authorization(configuration: Any) -> str:
    """Make a request; says with what the next one would be sent, once what this one began has ended."""
    await configuration.auth_settings()
    renewal = configuration.refresh_api_key_hook
    if renewal._reading is not None:  # noqa: SLF001 - or wait for a time
        await renewal._reading  # noqa: SLF001 - the same
    return str(configuration.api_key["BearerToken"])


@pytest.mark.parametrize("given", [of_a_file, of_a_program])
async def test_a_token_that_expires_is_read_again_and_kept_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Callable[[Path], tuple[Any, Callable[[str], object]]]
) -> None:
    user, change = given(tmp_path)
    path = tmp_path / "config"
    path.write_text(kubeconfig(user=user), encoding="utf-8")
    change("first")
    configuration = await own_configuration(str(path))
    configuration.proxy = "http://proxy.example:3128"
    change("second")
    assert await authorization(configuration) == "Bearer first", "not at each request"
    monkeypatch.setattr(kubeconfig_module, "TOKEN_S", 0.0)
    assert await authorization(configuration) == "Bearer second"
    assert configuration.proxy == "http://proxy.example:3128"
    change("")
    assert await authorization(configuration) == "Bearer second"
    change("third")
    assert await authorization(configuration) == "Bearer third"


async def test_no_request_waits_for_the_program_that_gives_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig(), encoding="utf-8")
    configuration = await own_configuration(str(path))
    monkeypatch.setattr(kubeconfig_module, "TOKEN_S", 0.0)
    monkeypatch.setattr(kubeconfig_module, "READING_S", 0.05)
    loader = configuration.refresh_api_key_hook._loader  # noqa: SLF001 - to have it hang

    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(loader, "load_and_set", hang)
    async with asyncio.timeout(5):
        assert await authorization(configuration) == f"Bearer {SECRET}"
