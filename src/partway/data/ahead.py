"""Work done ahead by threads and handed over in order, piece by piece, holding at most so many bytes."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from partway import machine

Item = TypeVar("Item")


class Piece(Protocol):
    """What a worker hands over."""

    nbytes: int


class _StoppedError(Exception):
    """Nobody wants the rest."""


class Ahead:
    """Pieces of several items that are being made at once.

    The bytes of all pieces that wait stay under a limit. The item whose turn it is may hand over one piece even so: else
    those behind it could fill the room that it waits for.
    """

    def __init__(self, make: Callable[[Item], Iterable[Piece]], most_bytes: int):
        self.make, self.most_bytes = make, most_bytes
        self.held, self.turn, self.stopped = 0, 0, False
        self.waiting: dict[int, deque] = defaultdict(deque)
        self.changed = threading.Condition()

    def in_order(self, items: Sequence[Item], workers: int) -> Iterator[tuple[Item, Iterator[Piece]]]:
        """Yield each item with its pieces, which must be used up before the next; raises here what a worker raised."""
        with machine.pool(workers) as pool:
            try:
                for place, item in enumerate(items):
                    pool.submit(self._work, place, item)
                for place, item in enumerate(items):
                    with self.changed:
                        self.turn = place
                        self.changed.notify_all()
                    yield item, self._pieces(place)
            finally:  # also at Ctrl-C: workers that wait for room would never end
                with self.changed:
                    self.stopped = True
                    self.changed.notify_all()

    def _work(self, place: int, item: Item) -> None:
        try:
            for piece in self.make(item):
                self._put(place, piece, piece.nbytes)
            self._put(place, None, 0)
        except _StoppedError:
            return
        except Exception as error:  # raised again by `_pieces`, in the thread that wants the result
            with self.changed:
                self.waiting[place].append(error)
                self.changed.notify_all()

    def _put(self, place: int, piece: Piece | None, nbytes: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or self._has_room(place, nbytes))
            if self.stopped:
                raise _StoppedError
            self.held += nbytes
            self.waiting[place].append(piece)
            self.changed.notify_all()

    def _has_room(self, place: int, nbytes: int) -> bool:
        return self.held + nbytes <= self.most_bytes or (place == self.turn and not self.waiting[place])

    def _pieces(self, place: int) -> Iterator[Piece]:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting[place])
                piece = self.waiting[place].popleft()
                if piece is None or isinstance(piece, Exception):
                    del self.waiting[place]
                if isinstance(piece, Exception):
                    raise piece
                if piece is None:
                    return
            yield piece  # it is held until the next one is asked for: the disk may be what is slow
            with self.changed:
                self.held -= piece.nbytes
                self.changed.notify_all()
