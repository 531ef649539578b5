"""What an API server stores, and how it changes: the rules of Kubernetes that the operator relies on."""

from __future__ import annotations

import marshal
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Manifest = dict[str, Any]
Where = tuple[str, str, str]
"""Collection (`batch/v1/jobs`), namespace ("" for none), name."""

_PATH = re.compile(
    r"^/(?:api|apis)/(?P<version>v1|[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?$"
)
CREATED = "2027-01-01T00:00:00Z"


def copied(item: Any) -> Any:
    """Copy what JSON can hold, as the wire does; several times as fast as copy.deepcopy."""
    return marshal.loads(marshal.dumps(item))  # noqa: S302 - our own bytes


class Problem(Exception):  # noqa: N818 - an answer, not an error of the test
    """A refusal."""

    def __init__(self, status: int, reason: str, message: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.body = {"kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": message}


class Objects:
    """All objects of one API server.

    Attributes:
        linger: collections whose objects stay, marked, when they are deleted, until `finish_deletes`.
        listeners: told (collection, kind of change, object) of each change.
    """

    def __init__(self) -> None:
        self.items: dict[Where, Manifest] = {}
        self.version = 100
        self.serial = 0
        self.linger: set[str] = set()
        self.listeners: list[Callable[[str, str, Manifest], None]] = []
        self._history: list[tuple[int, str, str, Manifest]] = []
        self._oldest = 0
        for name in ("default", "kube-system", "tradewind-system", "research"):
            self.put("v1/namespaces", {"metadata": {"name": name}})

    # For tests.

    def put(self, collection: str, item: Manifest) -> Manifest:
        """Create an object, or replace one, as somebody else would; returns it as stored."""
        metadata = item["metadata"]
        where = (collection, metadata.get("namespace", ""), metadata["name"])
        known = self.items.get(where)
        if known is None:
            return self._create(where, copied(item))
        return self._store(where, {**copied(item), "metadata": {**known["metadata"], **metadata}})

    def change(self, collection: str, namespace: str, name: str, **fields: Any) -> Manifest:
        """Set fields of an object, as somebody else would."""
        where = (collection, namespace, name)
        return self._store(where, {**copied(self.items[where]), **fields})

    def get(self, collection: str, namespace: str, name: str) -> Manifest | None:
        """Look at an object."""
        return self.items.get((collection, namespace, name))

    def names(self, collection: str) -> list[str]:
        """Say what is in a collection."""
        return sorted(name for found, _, name in self.items if found == collection)

    def remove(self, collection: str, namespace: str, name: str) -> None:
        """Remove an object at once, finalizers or not."""
        self._remove((collection, namespace, name))

    def finish_deletes(self) -> None:
        """Let everything that is marked be gone."""
        for where in [where for where, item in self.items.items() if item["metadata"].get("deletionTimestamp")]:
            self._remove(where)

    def compact(self) -> None:
        """Forget all history: watches from older versions get 410."""
        self._oldest = self.version

    # What requests do.

    def handle(
        self, method: str, path: str, query: dict[str, str], body: Manifest, content_type: str
    ) -> tuple[int, Manifest]:
        """Carry out one request."""
        collection, namespace, name, subresource = self._parse(path)
        where = (collection, namespace, name)
        match method:
            case "GET" if not name:
                return 200, self._list(collection, namespace, query)
            case "GET":
                return 200, self._found(where)
            case "POST":
                return 201, self._post((collection, namespace, body["metadata"]["name"]), body)
            case "PUT":
                self._compare(self._found(where), body)
                return 200, self._store(where, copied(body))
            case "PATCH" if content_type.startswith("application/apply-patch"):
                return 200, self._apply(where, body)
            case "PATCH":
                return 200, self._merge(where, body, subresource)
            case "DELETE":
                return 200, self._delete(where, body)
        raise Problem(405, "MethodNotAllowed")

    def _parse(self, path: str) -> tuple[str, str, str, str]:
        found = _PATH.match(path)
        if found is None:
            raise Problem(404, "NotFound", path)
        parts = found.groupdict("")
        return f"{parts['version']}/{parts['plural']}", parts["namespace"], parts["name"], parts["subresource"]

    def _found(self, where: Where) -> Manifest:
        if where not in self.items:
            raise Problem(404, "NotFound", f"{where[0]} {where[2]} not found")
        return self.items[where]

    def _list(self, collection: str, namespace: str, query: dict[str, str]) -> Manifest:
        items = [
            item for where, item in sorted(self.items.items()) if _selected(where, item, collection, namespace, query)
        ]
        start, limit = int(query.get("continue") or 0), int(query.get("limit") or 0)
        page = items[start : start + limit] if limit else items
        metadata = {"resourceVersion": str(self.version)}
        if limit and start + limit < len(items):
            metadata["continue"] = str(start + limit)
        return {"kind": "List", "metadata": metadata, "items": page}

    def _post(self, where: Where, body: Manifest) -> Manifest:
        self._need_namespace(where)
        if where in self.items:
            raise Problem(409, "AlreadyExists", f"{where[0]} {where[2]} already exists")
        return self._create(where, copied(body))

    def _apply(self, where: Where, body: Manifest) -> Manifest:
        known = self.items.get(where)
        if known is None:
            self._need_namespace(where)
            return self._create(where, copied(body))
        self._compare(known, body)
        return self._store(where, _merged(known, body))

    def _merge(self, where: Where, body: Manifest, subresource: str) -> Manifest:
        known = self._found(where)
        self._compare(known, body)
        merged = _merged(known, body)
        if subresource == "status":
            merged = {**known, "status": merged.get("status") or {}}
        elif where[0].startswith("tradewind.dev/"):
            merged["status"] = known.get("status") or {}
        return self._store(where, merged)

    def _delete(self, where: Where, body: Manifest) -> Manifest:
        known = self._found(where)
        uid = (body.get("preconditions") or {}).get("uid")
        if uid and uid != known["metadata"]["uid"]:
            raise Problem(409, "Conflict", "the UID in the precondition does not match")
        if where[0] not in self.linger and not known["metadata"].get("finalizers"):
            self._remove(where)
        elif not known["metadata"].get("deletionTimestamp"):
            generation = known["metadata"].get("generation", 1) + 1
            marked = {**known["metadata"], "deletionTimestamp": CREATED, "generation": generation}
            self._store(where, {**known, "metadata": marked})
        return {"kind": "Status", "status": "Success"}

    def _need_namespace(self, where: Where) -> None:
        if where[1] and ("v1/namespaces", "", where[1]) not in self.items:
            raise Problem(404, "NotFound", f'namespaces "{where[1]}" not found')

    @staticmethod
    def _compare(known: Manifest, body: Manifest) -> None:
        version = (body.get("metadata") or {}).get("resourceVersion")
        if version and version != known["metadata"]["resourceVersion"]:
            raise Problem(409, "Conflict", "the object has been modified")

    # How objects change.

    def _create(self, where: Where, item: Manifest) -> Manifest:
        self.serial += 1
        item["metadata"] = {
            "generation": 1,
            "creationTimestamp": CREATED,
            "uid": f"uid-{where[2]}-{self.serial}",
            **item["metadata"],
        }
        if where[1]:
            item["metadata"]["namespace"] = where[1]
        return self._write("ADDED", where, item)

    def _store(self, where: Where, item: Manifest) -> Manifest:
        known = self.items[where]
        same = {**known["metadata"], "resourceVersion": ""} == {**item["metadata"], "resourceVersion": ""}
        if same and {**known, "metadata": 0} == {**item, "metadata": 0}:
            return known
        if known.get("spec") != item.get("spec"):
            item["metadata"] = {**item["metadata"], "generation": known["metadata"].get("generation", 1) + 1}
        metadata = item["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers") and where[0] not in self.linger:
            self._remove(where)
            return item
        return self._write("MODIFIED", where, item)

    def _remove(self, where: Where) -> None:
        self._write("DELETED", where, copied(self.items[where]))
        del self.items[where]

    def _write(self, kind: str, where: Where, item: Manifest) -> Manifest:
        self.version += 1
        item["metadata"] = {**item["metadata"], "resourceVersion": str(self.version)}
        self.items[where] = item
        self._history.append((self.version, where[0], kind, item))
        for listener in list(self.listeners):
            listener(where[0], kind, copied(item))
        return item

    # Watches.

    def replay(self, path: str, query: dict[str, str], tell: Callable[[str, Manifest], None]) -> None:
        """Tell what has happened since the version that a watch starts from."""
        collection, namespace, _, _ = self._parse(path)
        since = int(query.get("resourceVersion") or 0)
        if since < self._oldest:
            raise Problem(410, "Expired", "too old resource version")
        for version, found, kind, item in self._history:
            where = (found, item["metadata"].get("namespace", ""), "")
            if version > since and _selected(where, item, collection, namespace, query):
                tell(kind, item)

    @contextmanager
    def watching(self, path: str, query: dict[str, str], tell: Callable[[str, Manifest], None]) -> Iterator[None]:
        """Tell what happens from now on."""
        collection, namespace, _, _ = self._parse(path)

        def listen(found: str, kind: str, item: Manifest) -> None:
            if _selected((found, item["metadata"].get("namespace", ""), ""), item, collection, namespace, query):
                tell(kind, item)

        self.listeners.append(listen)
        try:
            yield
        finally:
            self.listeners.remove(listen)


def _selected(where: Where, item: Manifest, collection: str, namespace: str, query: dict[str, str]) -> bool:
    if where[0] != collection or (namespace and where[1] != namespace):
        return False
    labels = item["metadata"].get("labels") or {}
    terms = (term.split("=") for term in filter(None, query.get("labelSelector", "").split(",")))
    return all(labels.get(key) == value for key, value in terms)


def _merged(known: Any, change: Any) -> Any:
    if not isinstance(change, dict) or not isinstance(known, dict):
        return copied(change)
    merged = dict(known)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(known.get(key), value) if key in known else _merged({}, value)
    return merged
