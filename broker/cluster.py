"""A cluster for tests: several embedded brokers on this machine that replicate each other."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from broker import jars
from broker.node import new_cluster_id
from broker.ports import free_ports
from broker.properties import NO_EXTRA, Ports, cluster_properties
from broker.quickstart import quick_options
from broker.server import EmbeddedBroker

HEAP_MEGABYTES = 192
"""Of each node, which takes about 400 MB in all."""


def no_extra(_node: int) -> Mapping[str, str]:
    """Return no extra properties for a node."""
    return NO_EXTRA


class EmbeddedCluster:
    """Nodes that are broker and controller, as a context manager; see `EmbeddedBroker`.

    The replication factor is three and `min.insync.replicas` two, also of Kafka's own topics, so
    the cluster survives the loss of one node.

    Args:
        cache: as for `EmbeddedBroker`.
        data: folder for the nodes' folders.
        ports: of each node; None picks free ones.
        properties: returns extra server properties of a node, by its id; they override ours.

    Attributes:
        brokers: the nodes in the order of their ids, from 1; each can be killed and restarted.
    """

    def __init__(
        self,
        *,
        cache: Path,
        data: Path,
        ports: tuple[Ports, ...] | None = None,
        properties: Callable[[int], Mapping[str, str]] = no_extra,
    ) -> None:
        self._cache = cache
        if ports is None:
            first, second, third, *controllers = free_ports(6)
            ports = tuple(map(Ports, (first, second, third), controllers))
        self._addresses = [f"127.0.0.1:{each.client}" for each in ports]
        cluster = new_cluster_id()
        self.brokers = tuple(
            EmbeddedBroker(
                cache=cache,
                data=data / f"node-{node}",
                port=each.client,
                properties={**cluster_properties(node, ports), **properties(node)},
                heap=HEAP_MEGABYTES,
                cluster=cluster,
            )
            for node, each in enumerate(ports, start=1)
        )

    @property
    def address(self) -> str:
        """The bootstrap addresses of all nodes, separated by commas."""
        return ",".join(self._addresses)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all nodes and wait until each answers.

        Raises:
            JarsError: as `EmbeddedBroker.start`, as is StartError.
        """
        quick_options(self._cache, jars.resolve(self._cache))  # once, and not in each thread
        try:
            # At the same time: a node does not answer before most of them run.
            with ThreadPoolExecutor(len(self.brokers)) as threads:
                for started in [threads.submit(broker.start) for broker in self.brokers]:
                    started.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Kill all nodes and release their folders; idempotent.

        An orderly shutdown asks the controllers, and the last ones have none left to ask.
        """
        for broker in self.brokers:
            if broker.pid is not None:
                broker.kill()
            broker.stop()
