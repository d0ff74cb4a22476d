from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from pixelrefer_ros.demo.child_process import ChildProcess
from pixelrefer_ros.errors import CommandError


def python(script: str) -> list[str]:
    return [sys.executable, "-S", "-c", script]


def has_ended(child: ChildProcess) -> bool:
    return child._process.poll() is not None


def wait_for(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_ends_with_the_block(tmp_path):
    with ChildProcess("sleeper", python("import time; time.sleep(60)"), tmp_path / "log") as child:
        assert child.is_running()
        child.check_running()
    wait_for(lambda: has_ended(child))


def test_it_ends_when_the_block_fails(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        ChildProcess("sleeper", python("import time; time.sleep(60)"), tmp_path / "log") as child,
    ):
        raise KeyboardInterrupt
    wait_for(lambda: has_ended(child))


def test_one_that_will_not_end_is_killed(tmp_path):
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    log = tmp_path / "log"
    with ChildProcess("stubborn", python(f"{stubborn}; time.sleep(60)"), log) as child:
        wait_for(lambda: log.read_text() == "1\n")
        child.end(0.2)
    wait_for(lambda: has_ended(child))


def test_a_failure_is_told_with_its_last_words(tmp_path):
    script = "import sys; print('\\n'.join(map(str, range(100)))); sys.exit('no camera')"
    with ChildProcess("the player", python(script), tmp_path / "log") as child:
        wait_for(lambda: has_ended(child))
        with pytest.raises(CommandError) as error:
            child.is_running()
    message = str(error.value)
    assert message.startswith("the player ended with status 1, having said:\n81\n")
    assert message.endswith("99\nno camera")


def test_one_that_ended_well_is_missed_only_where_it_is_needed(tmp_path):
    with ChildProcess("the node", python("pass"), tmp_path / "log") as child:
        wait_for(lambda: not child.is_running())
        with pytest.raises(CommandError, match="the node ended with status 0, having said"):
            child.check_running()


def test_a_signal_counts_as_a_failure(tmp_path):
    with ChildProcess("it", python("import time; time.sleep(60)"), tmp_path / "log") as child:
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(CommandError, match="it ended with status -9"):
            wait_for(lambda: not child.is_running())
