"""Two computers on one network, as Linux network namespaces, and an ear on the wire."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

LISTEN = """
import socket, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(0x0800))
wire.bind((sys.argv[1], 0))
wire.settimeout(0.2)
print("listening", flush=True)
heard, end = 0, time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    try:
        packet = wire.recv(65535)
    except TimeoutError:
        continue
    heard += packet[14 + 9] == socket.IPPROTO_UDP
print(heard)
"""


class TwoComputers:
    """The first runs programs, the second counts the UDP packets that reach it."""

    def __init__(self, name: str) -> None:
        self.first, self.second = f"{name}a", f"{name}b"

    def count_packets(self, program: str, environment: Mapping[str, str], seconds: float) -> int:
        """Run a Python program on the first computer while the second listens."""
        listen = [sys.executable, "-c", LISTEN, self.second, str(seconds)]
        ear = subprocess.Popen(
            ["ip", "netns", "exec", self.second, *listen], stdout=subprocess.PIPE, text=True
        )
        assert ear.stdout is not None
        assert ear.stdout.readline() == "listening\n"
        subprocess.run(
            ["ip", "netns", "exec", self.first, sys.executable, "-c", program],
            env={**os.environ, **environment},
            check=True,
            timeout=seconds + 60,
        )
        return int(ear.communicate(timeout=seconds + 60)[0])


@contextmanager
def two_computers() -> Iterator[TwoComputers]:
    """Raises `OSError` or `CalledProcessError` where network namespaces cannot be made."""
    computers = TwoComputers(f"pr{os.getpid()}")
    first, second = computers.first, computers.second
    if not hasattr(socket, "AF_PACKET"):
        raise OSError("needs Linux")
    try:
        _ip("netns", "add", first)
        _ip("netns", "add", second)
        _ip("link", "add", first, "netns", first, "type", "veth", "peer", second, "netns", second)
        for number, name in enumerate((first, second), 1):
            _ip("-n", name, "addr", "add", f"10.99.0.{number}/24", "dev", name)
            for link in ("lo", name):
                _ip("-n", name, "link", "set", link, "up")
            _ip("-n", name, "route", "add", "224.0.0.0/4", "dev", name)
        yield computers
    finally:
        for name in (first, second):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=True)
