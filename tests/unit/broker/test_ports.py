"""Free ports."""

import socket

from broker.ports import PORTS, free_port, free_ports


def test_the_next_free_port_replaces_a_taken_one() -> None:
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert port < free_port(port) < port + 100


def test_free_ports_differ_and_are_not_used_for_outgoing_connections() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(PORTS.start <= port < PORTS.stop + 100 for port in ports)
