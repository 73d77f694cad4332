"""The network: a proxy in front of every port of Kafka through which detectors and brokers talk."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import psutil

from broker.server import EmbeddedBroker
from tests.chaos.proxy import NORMAL, NetworkConditions, Proxy


@dataclass(frozen=True, slots=True)
class Link:
    """A listener of a broker and the proxy in front of it; both are ports.

    Attributes:
        proxy: where others connect to.
        target: where the broker listens.
    """

    proxy: int
    target: int


class Network:
    """The connections of detectors to brokers, and of brokers among each other; a context manager.

    Args:
        brokers: what is connected.
        clients: for each broker, the listener that detectors use.
        peers: for each broker, the listeners that other brokers use; none in a cluster of one.
    """

    def __init__(
        self,
        brokers: Sequence[EmbeddedBroker],
        clients: Sequence[Link],
        peers: Sequence[Sequence[Link]] = (),
    ) -> None:
        self._brokers = brokers
        self._isolated: EmbeddedBroker | None = None
        self._clients = [Proxy(link.proxy, link.target) for link in clients]
        self._peers = [
            Proxy(link.proxy, link.target, admits=partial(self._admits, broker))
            for broker, links in zip(brokers, peers, strict=False)
            for link in links
        ]
        self._proxies = ExitStack()

    def __enter__(self) -> Self:
        for proxy in (*self._clients, *self._peers):
            self._proxies.enter_context(proxy)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._proxies.close()

    def apply(self, conditions: NetworkConditions, *, only: EmbeddedBroker | None = None) -> None:
        """Change the conditions between the detectors and all brokers, or only one."""
        for broker, proxy in zip(self._brokers, self._clients, strict=True):
            if only in {None, broker}:
                proxy.apply(conditions)

    def cut(self) -> None:
        """Reset the detectors' open connections; new ones are accepted."""
        for proxy in self._clients:
            proxy.cut()

    def isolate(self, broker: EmbeddedBroker) -> None:
        """Cut a broker off from the other brokers, in both directions; detectors still reach it."""
        self._isolated = broker
        for proxy in self._peers:
            proxy.cut()

    def heal(self) -> None:
        """End everything that `apply` and `isolate` began."""
        self._isolated = None
        self.apply(NORMAL)

    def _admits(self, target: EmbeddedBroker, port: int) -> bool:
        """Return whether a broker's connection from this port reaches the target."""
        isolated = self._isolated
        return isolated is None or (target is isolated) == _owns(isolated, port)


def _owns(broker: EmbeddedBroker, port: int) -> bool:
    """Return whether the broker opened the connection that comes from this port."""
    try:
        connections = psutil.Process(broker.pid).net_connections("tcp") if broker.pid else []
    except psutil.NoSuchProcess:
        return False
    return any(connection.laddr.port == port for connection in connections)
