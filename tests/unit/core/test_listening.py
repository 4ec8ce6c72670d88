"""What the web page and the simulator share of listening at an address."""

from __future__ import annotations

import socket

import pytest

from mmsflow.errors import UsageError
from mmsflow.listening import listening_at


def listening(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    return listening_at(host, port, what="the kiosk", backlog=16, if_taken="go elsewhere")


def test_replies_are_sent_at_once_because_the_socket_names_its_protocol() -> None:
    with listening() as listener:
        assert listener.proto == socket.IPPROTO_TCP  # asyncio turns Nagle's algorithm off for such sockets only


def test_who_cannot_listen_and_the_way_out_are_those_of_the_caller() -> None:
    with listening() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"^the kiosk cannot listen at 127.0.0.1:{port}: ") as refused:
            listening(port=port)
    assert refused.value.advice == "go elsewhere"


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_does_not_exist_is_refused_by_its_number(port: int) -> None:
    with pytest.raises(UsageError, match=f"^the kiosk cannot listen at port {port}$") as refused:
        listening(port=port)
    assert "0 to 65535" in refused.value.advice


def test_a_host_that_cannot_be_a_name_is_refused_and_not_raised_as_it_is() -> None:
    with pytest.raises(UsageError, match="cannot listen"):
        listening("x" * 64 + ".example")
