# SPDX-License-Identifier: Apache-2.0
"""`Subscriber`: changes of tables as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from armillaria._feed import Event, Subscription
from armillaria.errors import InvalidType
from udr._changelog import old_version_of
from udr._repository import Repository


class ChangeEvent:
    """A table was changed: `table_name`, `old_version` (None: it was not there), `new_version`
    (None: it is dropped), `tx_id`, `branch`, `timestamp`."""

    __slots__ = ("table_name", "old_version", "new_version", "tx_id", "branch", "timestamp")

    def __init__(self, table_name: str, old_version: int | None, new_version: int | None,
                 tx_id: int, branch: str, timestamp: datetime) -> None:
        self.table_name: str = table_name
        self.old_version: int | None = old_version
        self.new_version: int | None = new_version
        self.tx_id: int = tx_id
        self.branch: str = branch
        self.timestamp: datetime = timestamp

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ChangeEvent):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.tx_id, self.table_name))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"ChangeEvent({told})"


class Subscriber:
    """Changes of tables as they are committed, by whatever process, each once and in order."""

    def __init__(self, repository: Repository, subscription: Subscription) -> None:
        self._repository = repository
        self._subscription = subscription
        self._ready: deque[ChangeEvent] = deque()

    def _changes(self, event: Event) -> list[ChangeEvent]:
        return [ChangeEvent(change.table_name, old_version_of(self._repository, change),
                            change.new_version, event.tx_id, event.branch, event.timestamp)
                for change in event.changes]

    def _take_ready(self) -> list[ChangeEvent]:
        """What another thread takes meanwhile is not here any more."""
        taken: list[ChangeEvent] = []
        while True:
            try:
                taken.append(self._ready.popleft())
            except IndexError:
                return taken

    def poll(self, timeout: float = 0) -> list[ChangeEvent]:
        """What has come; if nothing has, what comes first within `timeout` seconds."""
        taken = self._take_ready()
        events = self._subscription.poll(0 if taken else timeout)
        return taken + [change for event in events for change in self._changes(event)]

    def __iter__(self) -> Iterator[ChangeEvent]:
        return self

    def __next__(self) -> ChangeEvent:
        """The next change, when it comes; it ends when the subscription is stopped."""
        while True:
            try:
                return self._ready.popleft()
            except IndexError:
                self._ready.extend(self._changes(next(self._subscription)))

    @staticmethod
    def _require(callback: Any) -> None:
        if not callable(callback):
            raise InvalidType(f"callback is to be callable, not {type(callback).__name__}")

    def subscribe(self, callback: Callable[[ChangeEvent], Any]) -> None:
        """Call for each change, on this thread, until another calls `stop()`."""
        self._require(callback)
        for change in self:
            callback(change)

    def start_background(self, callback: Callable[[ChangeEvent], Any]) -> Subscriber:
        """Call for each change on a thread of its own, until `stop()`, which raises what the
        callback has raised."""
        self._require(callback)
        ready = self._take_ready()

        def call(event: Event) -> None:
            for change in [*ready, *self._changes(event)]:
                callback(change)
            ready.clear()

        self._subscription.start_background(call)
        return self

    @property
    def is_running(self) -> bool:
        """Whether a thread calls for changes."""
        return self._subscription.is_running

    def stop(self) -> None:
        """End it, from any thread."""
        self._subscription.stop()

    close = stop

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Subscriber({self._repository.root!r})"
