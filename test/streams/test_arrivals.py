from __future__ import annotations

import pytest

from pixelrefer_ros.streams.arrivals import MOST_FRAMES, WINDOW_S, Arrivals

MILLISECOND = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def play(arrivals: Arrivals, clock: Clock, milliseconds) -> None:
    """Let frames come at the time of their stamps."""
    start = clock.now
    for stamp in milliseconds:
        clock.now = start + stamp / 1000
        arrivals.note(stamp * MILLISECOND)


def test_before_the_first_frame(clock):
    arrivals = Arrivals(clock)
    clock.now += 3.0
    rhythm = arrivals.rhythm()
    assert (rhythm.frames, rhythm.rate_hz, rhythm.missing) == (0, 0.0, 0)
    assert rhythm.silence_s == arrivals.silence_s == 3.0


def test_a_steady_camera(clock):
    arrivals = Arrivals(clock)
    play(arrivals, clock, range(0, 2000, 40))
    clock.now += 0.5
    rhythm = arrivals.rhythm()
    assert rhythm.frames == 50
    assert rhythm.rate_hz == pytest.approx(25.0)
    assert rhythm.missing == 0
    assert rhythm.silence_s == pytest.approx(0.5)


def test_frames_that_are_missing_are_counted_by_their_stamps(clock):
    arrivals = Arrivals(clock)
    stamps = [stamp for stamp in range(0, 2000, 40) if stamp not in (400, 440, 480, 1000)]
    play(arrivals, clock, stamps)
    assert arrivals.rhythm().missing == 4


def test_late_arrival_is_no_loss(clock):
    arrivals = Arrivals(clock)
    for stamp in range(0, 2000, 40):
        clock.now += 0.3 if stamp == 1000 else 0.03
        arrivals.note(stamp * MILLISECOND)
    assert arrivals.rhythm().missing == 0


@pytest.mark.parametrize("stamps", [[0] * 50, [*range(0, 1000, 40), *range(0, 1000, 40)]])
def test_time_that_stands_still_or_jumps_back_is_no_loss(clock, stamps):
    arrivals = Arrivals(clock)
    for stamp in stamps:
        clock.now += 0.04
        arrivals.note(stamp * MILLISECOND)
    assert arrivals.rhythm().missing == 0


def test_the_window_slides_and_is_bounded(clock):
    arrivals = Arrivals(clock)
    play(arrivals, clock, range(0, 3000, 100))
    clock.now += WINDOW_S + 1
    assert arrivals.rhythm().frames == 0
    play(arrivals, clock, range(2 * MOST_FRAMES))
    assert arrivals.rhythm().frames == MOST_FRAMES
