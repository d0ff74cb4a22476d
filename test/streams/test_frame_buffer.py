from __future__ import annotations

import random
import threading
import time

import pytest
from packed_images import pack, quadrants

from pixelrefer_ros.errors import FrameEvictedError, NoFrameError
from pixelrefer_ros.streams import frame as frame_module
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import CompressedImage

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND


def make_buffer(**changes) -> FrameBuffer:
    limits = {"seconds": 10.0, "frames": 100, "max_bytes": 10**6, "stamp_tolerance": 0.005}
    return FrameBuffer("front", **{**limits, **changes})


def make_frame(milliseconds: int, size: int = 1000) -> Frame:
    return Frame("front", milliseconds * MILLISECOND, "optical", CompressedImage("", bytes(size)))


def fill(buffer: FrameBuffer, milliseconds) -> list[Frame]:
    frames = [make_frame(stamp) for stamp in milliseconds]
    for frame in frames:
        buffer.append(frame)
    return frames


def milliseconds_in(buffer: FrameBuffer) -> list[int]:
    return [stamp // MILLISECOND for stamp in buffer.stamps()]


def test_newest_and_exact_stamp():
    buffer = make_buffer()
    first, second, third = fill(buffer, [100, 133, 166])
    assert buffer.newest() is third
    assert buffer.at(first.stamp_ns) is first
    assert buffer.at(second.stamp_ns) is second
    assert buffer.frames() == [first, second, third]


def test_nearest_within_the_tolerance():
    buffer = make_buffer(stamp_tolerance=0.005)
    first, second = fill(buffer, [100, 104])
    assert buffer.at(95 * MILLISECOND) is first
    assert buffer.at(101 * MILLISECOND) is first
    assert buffer.at(102 * MILLISECOND) is first  # as near to both: the older
    assert buffer.at(103 * MILLISECOND) is second
    assert buffer.at(109 * MILLISECOND) is second


@pytest.mark.parametrize(
    ("stamp_ns", "distance"),
    [
        (1_000_000_000, "is 0.500000000 s older than the oldest frame"),
        (9_000_000_001, "is 7.000000001 s newer than the newest frame"),
        (1_600_000_000, "is 0.100000000 s from the nearest frame"),
        (-1, "is 1.500000001 s older than the oldest frame"),
    ],
)
def test_a_stamp_out_of_reach_says_what_there_is(stamp_ns, distance):
    buffer = make_buffer()
    fill(buffer, [1500, 2000])
    with pytest.raises(FrameEvictedError) as error:
        buffer.at(stamp_ns)
    message = str(error.value)
    assert distance in message
    assert "camera 'front'" in message
    assert "stamp_tolerance is 0.005000000 s" in message
    assert "holds 2 frames from 1.500000000 to 2.000000000" in message
    assert f"stamp {'-' if stamp_ns < 0 else ''}{abs(stamp_ns) // SECOND}." in message


def test_an_empty_buffer_names_the_camera():
    buffer = make_buffer()
    for lookup in (buffer.newest, lambda: buffer.at(5)):
        with pytest.raises(NoFrameError, match="camera 'front' has not delivered any frame"):
            lookup()
    assert buffer.stamps() == []


def test_bounded_by_age():
    buffer = make_buffer(seconds=1.0)
    fill(buffer, range(0, 3001, 100))
    assert milliseconds_in(buffer) == list(range(2000, 3001, 100))


def test_bounded_by_count():
    buffer = make_buffer(frames=3)
    fill(buffer, range(5))
    assert milliseconds_in(buffer) == [2, 3, 4]


def test_bounded_by_bytes():
    buffer = make_buffer(max_bytes=2500)
    fill(buffer, range(4))
    assert milliseconds_in(buffer) == [2, 3]
    assert buffer.statistics().nbytes == 2000
    buffer.append(make_frame(4, size=9000))
    assert milliseconds_in(buffer) == [4]  # the newest always stays


def test_decoding_does_not_count_and_append_does_not_decode(monkeypatch):
    monkeypatch.setattr(frame_module, "to_rgb", lambda image: pytest.fail("decoded"))
    buffer = make_buffer()
    buffer.append(Frame("front", 1, "optical", pack(quadrants(), "bgr8")))
    assert buffer.statistics().nbytes == 24 * 32 * 3


def test_late_frames_take_their_place():
    buffer = make_buffer()
    fill(buffer, [100, 200, 150, 300, 250, 50])
    assert milliseconds_in(buffer) == [50, 100, 150, 200, 250, 300]
    assert buffer.statistics().epoch == 0
    assert buffer.newest().stamp_ns == 300 * MILLISECOND


def test_same_stamp_replaces():
    buffer = make_buffer()
    fill(buffer, [100, 200])
    again = make_frame(100, size=50)
    buffer.append(again)
    assert buffer.at(100 * MILLISECOND) is again
    assert milliseconds_in(buffer) == [100, 200]
    assert buffer.statistics().nbytes == 1050


def test_a_driver_that_stamps_zero_keeps_its_last_frame():
    buffer = make_buffer()
    frames = fill(buffer, [0, 0, 0])
    assert buffer.newest() is frames[-1]
    assert buffer.at(0) is frames[-1]
    assert buffer.stamps() == [0]


def test_negative_stamps_are_numbers_like_others():
    buffer = make_buffer()
    fill(buffer, [-300, -200, 100])
    assert milliseconds_in(buffer) == [-300, -200, 100]
    assert buffer.at(-201 * MILLISECOND).stamp_ns == -200 * MILLISECOND


def test_time_jumping_back_starts_an_epoch():
    buffer = make_buffer(seconds=60.0)
    old = fill(buffer, range(10_000, 11_000, 100))
    with buffer.pin(old[-1]):
        new = fill(buffer, [10_100, 10_200])
        assert buffer.frames() == new
    assert {frame.epoch for frame in old} == {0}
    assert {frame.epoch for frame in new} == {1}
    assert buffer.statistics().epoch == 1
    assert buffer.between(0, 20 * SECOND) == new
    fill(buffer, [0])
    assert milliseconds_in(buffer) == [0]
    assert buffer.statistics().epoch == 2


def test_time_jumping_ahead_drops_what_became_old():
    buffer = make_buffer(seconds=5.0)
    fill(buffer, [0, 100, 1_700_000_000_000])
    assert milliseconds_in(buffer) == [1_700_000_000_000]
    fill(buffer, [200, 300])  # the stamp ahead was a glitch: the buffer recovers
    assert milliseconds_in(buffer) == [200, 300]


def test_between_includes_both_ends():
    buffer = make_buffer()
    frames = fill(buffer, [100, 200, 300, 400])
    assert buffer.between(200 * MILLISECOND, 300 * MILLISECOND) == frames[1:3]
    assert buffer.between(201 * MILLISECOND, 299 * MILLISECOND) == []
    assert buffer.between(0, SECOND) == frames


def test_a_pinned_frame_outlives_age_and_count():
    buffer = make_buffer(seconds=1.0, frames=5)
    fill(buffer, [0])
    pinned = buffer.newest()
    with buffer.pin(pinned), buffer.pin(pinned):
        fill(buffer, range(100, 5001, 100))
        assert buffer.at(0) is pinned
        assert milliseconds_in(buffer) == [0, 4700, 4800, 4900, 5000]
    fill(buffer, [5100])
    assert milliseconds_in(buffer) == [4700, 4800, 4900, 5000, 5100]


def test_pins_cannot_make_the_buffer_grow():
    buffer = make_buffer(frames=4, max_bytes=3500)
    pins = []
    for stamp in range(20):
        frame = make_frame(stamp)
        buffer.append(frame)
        pin = buffer.pin(frame)
        pin.__enter__()
        pins.append((pin, frame))
        assert len(buffer.frames()) <= 3
        assert buffer.statistics().nbytes <= 3500
    assert milliseconds_in(buffer) == [17, 18, 19]
    for pin, frame in pins:
        assert frame.image.data == bytes(1000)  # still whole for whoever holds it
        pin.__exit__(None, None, None)
    fill(buffer, [20])
    assert milliseconds_in(buffer) == [18, 19, 20]


def test_a_pin_ends_with_an_error_too():
    buffer = make_buffer(frames=1)
    fill(buffer, [0])
    with pytest.raises(RuntimeError), buffer.pin(buffer.newest()):
        raise RuntimeError
    fill(buffer, [1])
    assert milliseconds_in(buffer) == [1]


def test_statistics_count():
    buffer = make_buffer(frames=2)
    fill(buffer, [0, 10, 20, 20])
    assert buffer.statistics() == (4, 2, 1, 2, 2000, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 0.0}, "seconds of camera 'front' is 0.0, must be above 0"),
        ({"seconds": float("nan")}, "seconds of camera 'front' is nan, must be above 0"),
        ({"frames": 0}, "frames of camera 'front' is 0, must be above 0"),
        ({"max_bytes": -1}, "max_bytes of camera 'front' is -1, must be above 0"),
        ({"stamp_tolerance": -0.1}, "stamp_tolerance of camera 'front' is -0.1, must be at least"),
    ],
)
def test_limits_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        make_buffer(**change)


def test_appending_stays_fast_when_full():
    buffer = make_buffer(seconds=1000.0, frames=3000, max_bytes=10**9)
    fill(buffer, range(3000))
    frames = [make_frame(stamp) for stamp in range(3000, 4000)]
    start = time.thread_time()
    for frame in frames:
        buffer.append(frame)
    assert (time.thread_time() - start) / len(frames) < 0.001


def test_readers_and_writers_do_not_disturb_each_other():
    buffer = make_buffer(seconds=1.0, frames=40, max_bytes=30_000)
    fill(buffer, [0])
    finished = threading.Event()
    failures: list[BaseException] = []

    def write():
        generator = random.Random(0)
        for step in range(4000):
            late = generator.choice([0, 0, 0, 20, 100])
            buffer.append(make_frame((step % 2000) * 10 - late))  # jumps back once
        finished.set()

    def read(seed: int):
        generator = random.Random(seed)
        try:
            while not finished.is_set():
                with buffer.pin(buffer.newest()) as frame:
                    stamps = buffer.stamps()
                    assert stamps == sorted(set(stamps))
                    assert 1 <= len(stamps) <= 40
                    assert frame.nbytes == 1000
                    assert len({f.epoch for f in buffer.frames()}) == 1
                    try:
                        wanted = generator.choice(stamps)
                        assert abs(buffer.at(wanted).stamp_ns - wanted) <= 5 * MILLISECOND
                    except FrameEvictedError:
                        pass
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    statistics = buffer.statistics()
    assert statistics.received == 4001
    assert statistics.received == statistics.dropped + statistics.held
    assert statistics.nbytes == 1000 * statistics.held
    assert statistics.epoch == 1


def test_who_waits_for_news_gets_all_later_frames_at_once():
    buffer = make_buffer()
    first, second, third = fill(buffer, [100, 133, 166])
    assert buffer.wait_for_news(first, 10.0) == [second, third]


def test_who_waits_for_news_is_woken_by_the_next_frame():
    buffer = make_buffer()
    [first] = fill(buffer, [100])
    threading.Timer(0.1, fill, [buffer, [133]]).start()
    started = time.monotonic()
    [news] = buffer.wait_for_news(first, 60.0)
    assert time.monotonic() - started < 30.0
    assert news.stamp_ns == 133 * MILLISECOND


def test_waiting_for_news_in_vain_ends():
    buffer = make_buffer()
    [first] = fill(buffer, [100])
    assert buffer.wait_for_news(first, 0.01) == []


def test_a_jump_back_in_time_is_news():
    buffer = make_buffer()
    [late] = fill(buffer, [90_000])
    [early] = fill(buffer, [100])
    assert buffer.wait_for_news(late, 0.0) == [early]
    assert early.epoch != late.epoch


def test_frames_that_leave_before_their_time_are_counted_apart():
    buffer = make_buffer(seconds=1.0, frames=3)
    fill(buffer, [0, 100, 200, 300])
    fill(buffer, [2000])
    statistics = buffer.statistics()
    assert (statistics.dropped, statistics.crowded_out) == (4, 1)


def test_other_limits_hold_at_once():
    buffer = make_buffer()
    fill(buffer, range(0, 1000, 100))
    limits = {"seconds": 10.0, "frames": 100, "max_bytes": 10**6, "stamp_tolerance": 0.005}
    buffer.change_limits(**{**limits, "frames": 6})
    assert milliseconds_in(buffer) == [400, 500, 600, 700, 800, 900]
    buffer.change_limits(**{**limits, "seconds": 0.3})
    assert milliseconds_in(buffer) == [600, 700, 800, 900]
    buffer.change_limits(**{**limits, "max_bytes": 2500})
    assert milliseconds_in(buffer) == [800, 900]
    buffer.change_limits(**{**limits, "stamp_tolerance": 0.05})
    assert buffer.at(840 * MILLISECOND).stamp_ns == 800 * MILLISECOND
    with pytest.raises(ValueError, match="frames of camera 'front' is 0"):
        buffer.change_limits(**{**limits, "frames": 0})
