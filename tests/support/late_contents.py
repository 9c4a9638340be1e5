"""Contents that come later than their ways would have them."""

from __future__ import annotations

from e2ee_client.engine.peers import Peer
from e2ee_client.engine.turn import Turn
from engine_world import Node
from rooms_world import act, rooms_of
from team_world import this

from e2ee.content import Content


class Late:
    """What the devices of some nodes have sent to another one is kept back."""

    def __init__(self, to: Node, *senders: Node) -> None:
        self._to, self.kept = to, list[tuple[Peer, Content]]()
        self._of = {this(one) for one in senders}
        self._usual = rooms_of(to).take
        rooms_of(to).take = self._take  # type: ignore[method-assign]  # stands between session and rooms

    def _take(self, turn: Turn, peer: Peer, content: Content) -> bool:
        if peer.device_id not in self._of:
            return self._usual(turn, peer, content)
        self.kept.append((peer, content))
        return True

    def end(self) -> None:
        """Let all come, in its order."""
        self._of = set()
        while self.kept:
            self.let(0)

    def again(self) -> None:
        """Let all come to a device that was started again meanwhile."""
        self._usual = rooms_of(self._to).take
        self.end()

    def let(self, at: int) -> None:
        """Let one of them come."""
        peer, content = self.kept.pop(at)
        act(self._to, lambda turn, _: self._usual(turn, peer, content))
