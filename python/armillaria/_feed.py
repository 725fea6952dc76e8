# SPDX-License-Identifier: Apache-2.0
"""The changelog, as it was and as it comes."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from . import _check
from ._records import Named, Record
from .errors import Closed, Interrupted, InvalidArgument, InvalidType

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LOOK_US = 500_000  # a subscription that somebody stops is left within this time


class Change(Named):
    """What a commit did to a table: `table_name`, `old_version` (None: it was not there),
    `new_version` (None: it is dropped), `is_new_table`, `rows_added`, `rows_removed`,
    `bytes_added`, `bytes_removed`."""

    __slots__ = ()


def _say(changes: Iterable[Mapping[str, Any]]) -> str:
    """What a commit did, on one line: "orders 1 → 2 (+1 −1), old dropped (−7)"."""
    words: list[str] = []
    for change in changes:
        old, new = change["old_version"], change["new_version"]
        what = "new" if old is None else "dropped" if new is None else f"{old} → {new}"
        rows = [f"{sign}{count}" for sign, count in (("+", change["rows_added"]),
                                                     ("−", change["rows_removed"])) if count]
        words.append(f"{change['table_name']} {what}" + (f" ({' '.join(rows)})" if rows else ""))
    return ", ".join(words)


class Event(Record):
    """A commit, as the changelog tells it: `tx_id`, `timestamp` (UTC), `branch`, `author`,
    `message`, `changes`."""

    __slots__ = ()

    _told: ClassVar[Mapping[str, Callable[[Any], str]]] = {"changes": _say, "parents": ", ".join}

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__({**fields, "changes": [
            change if isinstance(change, Change) else Change(change)
            for change in fields["changes"]]})

    @property
    def tables(self) -> list[str]:
        """Names of the tables that it changed."""
        return [change.table_name for change in self.changes]


def event_of(told: Mapping[str, Any]) -> Event:
    """An event, from what the library tells a subscriber."""
    return Event({
        "tx_id": told["tx_id"],
        "timestamp": _EPOCH + timedelta(microseconds=told["time_us"]),
        "branch": told["branch"],
        "author": told["author"],
        "message": told["message"],
        "commit": told["commit"].hex(),
        "changes": [Change({name: change[name] for name in (
            "table_name", "old_version", "new_version", "is_new_table", "rows_added",
            "rows_removed", "bytes_added", "bytes_removed")}) for change in told["changes"]],
    })


class Subscription:
    """Commits as they come, by whatever process: an iterator that waits for more, for `for` and
    `async for`; or `poll()`, `next()`; or a thread of its own, `start_background()`.

    It reads the log from where it stands: however slow it is, nothing is dropped. With a consumer
    an event is acknowledged when the next one is asked for, so that what a program was at work
    with when it died is given again; `ack()` says it earlier, `ack_in()` as part of a transaction.
    """

    def __init__(self, feed: Any, has_consumer: bool) -> None:
        self._feed = feed
        self._has_consumer = has_consumer
        self._given = 0  # tx of the last event that was given and is not acknowledged
        self._ready: deque[Event] = deque()  # taken for somebody who left meanwhile
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.error: BaseException | None = None
        """What ended the thread of `start_background`."""

    # -- One after the other

    def _take(self, wait_us: int) -> Event | None:
        if self._ready:
            return self._ready.popleft()
        try:
            told = self._feed.next(wait_us)
        except Interrupted:
            if self._stopping:
                raise
            return None  # of a Ctrl-C that has been told already
        return None if told is None else event_of(told)

    def _settle(self) -> None:
        if self._has_consumer and self._given and not self._feed.is_closed:
            self._feed.ack(self._given)
        self._given = 0

    def _next(self, wait_us: int | None) -> Event | None:
        """The next event; None: none came in that time, or it was stopped."""
        self._settle()
        while not self._stopping:
            try:
                event = self._take(_LOOK_US if wait_us is None else wait_us)
            except (Interrupted, Closed):
                break
            if event is not None:
                self._given = event.tx_id
                return event
            if wait_us is not None:
                break
        return None

    def _require_own(self) -> None:
        if self._thread is not None:
            raise InvalidArgument("the subscription runs in the background: stop() it first")

    def next(self, timeout: float | None = None) -> Event | None:
        """The next event; None if there was none in time, or the subscription was stopped.

        timeout: seconds (None: wait for it).

        >>> db.subscribe(since=0).next(timeout=10).message
        'first load'
        """
        self._require_own()
        return self._next(None if timeout is None else _check.seconds(timeout, "timeout"))

    def poll(self, timeout: float = 0, limit: int | None = None) -> list[Event]:
        """The events that are there; if there are none, what comes first in time. Those of the last
        poll are acknowledged.

        timeout: seconds (0: look and return). limit: so many at most.

        >>> [event.tables for event in db.subscribe(since=0).poll()]
        [['orders']]
        """
        self._require_own()
        wait_us = _check.seconds(timeout, "timeout")
        most = None if limit is None else _check.number(limit, "limit", 1)
        events: list[Event] = []
        event = self._next(wait_us)
        while event is not None:
            events.append(event)
            if most is not None and len(events) >= most:
                break
            event = self._take(0)
            if event is not None:
                self._given = event.tx_id
        return events

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        self._require_own()
        event = self._next(None)
        if event is None:
            raise StopIteration
        return event

    # -- Acknowledging

    def _tx_of(self, event: Event | int | None) -> int:
        if event is None:
            if not self._given:
                raise InvalidArgument("no event was given that is not acknowledged")
            return self._given
        if isinstance(event, Event):
            return int(event.tx_id)
        return _check.number(event, "event")

    def ack(self, event: Event | int | None = None) -> None:
        """The consumer is done with all events up to one: durable when it returns.

        event: it, or its tx (None: the last that was given). Raises InvalidArgument if there is no
        consumer, TransactionConflict if its work has passed to another.

        >>> with db.subscribe(consumer="mailer") as subscription:
        ...     event = subscription.next()
        ...     subscription.ack(event)
        """
        tx = self._tx_of(event)
        self._feed.ack(tx)
        self._given = 0 if tx >= self._given else self._given

    def ack_in(self, transaction: Any, event: Event | int | None = None) -> None:
        """The same as part of a transaction: what was made of the events, and that they are done
        with, are committed as one, so that each has its effect exactly once.

        transaction: an open one. event: as in `ack`.

        >>> with db.subscribe(["orders"], consumer="counter") as subscription:
        ...     event = subscription.next()
        ...     with db.transaction() as tx:
        ...         done = tx.write("counted", {"tx": [event.tx_id]})
        ...         subscription.ack_in(tx, event)
        """
        from ._transaction import Transaction

        if not isinstance(transaction, Transaction):
            raise InvalidType(f"transaction is to be a Transaction, not "
                              f"{type(transaction).__name__}")
        session = transaction._open()
        tx = self._tx_of(event)
        self._feed.ack_in(session, tx)
        self._given = 0 if tx >= self._given else self._given

    def rewind(self) -> None:
        """Go back to where the consumer stands: what was not acknowledged is given again."""
        self._feed.rewind()
        self._given = 0
        self._ready.clear()

    # -- In the background

    def start_background(self, callback: Callable[[Event], Any],
                         daemon: bool = True) -> Subscription:
        """Have a thread call for each event. One is acknowledged when the callback returns; if it
        raises, the thread ends, `error` is what it raised, and `stop()` raises it.

        callback: called with an `Event`. daemon: whether the process may end while it runs.

        >>> seen = []
        >>> subscription = db.subscribe(since=0).start_background(seen.append)
        >>> subscription.stop()
        """
        if not callable(callback):
            raise InvalidType(f"callback is to be callable, not {type(callback).__name__}")
        self._require_own()

        def run() -> None:
            try:
                while (event := self._next(None)) is not None:
                    callback(event)
            except BaseException as error:  # told by stop()
                self._given = 0
                self.error = error
                return
            self._settle()

        self._thread = threading.Thread(target=run, name="armillaria-subscription", daemon=daemon)
        self._thread.start()
        return self

    @property
    def is_running(self) -> bool:
        """Whether a thread calls for events."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End it, from any thread: who waits returns, a callback that runs comes to its end first.
        What was given and not acknowledged will be given again."""
        self._stopping = True
        thread = self._thread
        if not self._feed.is_closed:
            self._feed.interrupt()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
            self._thread = None
        if thread is not threading.current_thread():
            self._feed.close()
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    close = stop

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None and self._thread is None and not self._feed.is_closed:
            self._settle()
        self.stop()

    def __repr__(self) -> str:
        state = ("stopped" if self._stopping or self._feed.is_closed else
                 "in the background" if self.is_running else "open")
        return f"<Subscription: {state}>"

    # -- async for

    def __aiter__(self) -> Subscription:
        return self

    def _take_for_loop(self) -> bool:
        """On a thread of the executor: whoever asked may be gone when it comes back."""
        event = self._take(_LOOK_US)
        if event is not None:
            self._ready.append(event)
        return event is not None

    async def __anext__(self) -> Event:
        self._require_own()
        await asyncio.to_thread(self._settle)
        while not self._stopping:
            if self._ready:
                event = self._ready.popleft()
                self._given = event.tx_id
                return event
            try:
                await asyncio.to_thread(self._take_for_loop)
            except (Interrupted, Closed):
                break
        raise StopAsyncIteration
