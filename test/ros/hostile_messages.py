"""Queries as nobody should send them, for cameras of 160 x 120 pixels."""

from __future__ import annotations

from array import array

from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point32, Polygon
from hostile_texts import CHARACTERS, TEXTS
from hypothesis import strategies as st
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from pixelrefer_ros.action import TrackRegion
from pixelrefer_ros.msg import RegionQuery, RegionReference
from pixelrefer_ros.regions.reference import MAX_POINTS

PROMPTS = st.one_of(TEXTS, st.tuples(TEXTS, st.just("<region>"), TEXTS).map("".join))
UNSIGNED = st.sampled_from([0, 0, 1, 2, 5, 40, 119, 120, 159, 160, 161, 2**31, 2**32 - 1])
COORDINATES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 59.5, 120.0, 160.0, -1.0, 1e-45, 1e9, 3e38]),
    st.floats(width=32),
    st.floats(0, 120, width=32),
)
POINTS = st.builds(Point32, x=COORDINATES, y=COORDINATES, z=COORDINATES)
STAMPS = st.one_of(
    st.just(Time()),
    st.just(Time()),
    st.builds(Time, sec=st.integers(-(2**31), 2**31 - 1), nanosec=st.integers(0, 2**32 - 1)),
)
HEADERS = st.builds(
    Header,
    stamp=STAMPS,
    frame_id=st.sampled_from(["", "camera_optical_frame", "\n\u202e", "f" * 10_000])
    | st.text(CHARACTERS, max_size=9),
)
DURATIONS = st.builds(
    Duration,
    sec=st.sampled_from([0, 0, 1, -1, 2**31 - 1, -(2**31)]),
    nanosec=st.sampled_from([0, 1, 50_000_000, 2**32 - 1]),
)


HOSTILE_FIELDS = {
    "camera": st.sampled_from(["camera", "rear\n", "\u202e", "c" * 1000]),
    "prompt": PROMPTS,
    "num_frames": st.sampled_from([0, 1, 2, 255]),
    "history": DURATIONS,
    "max_frame_age": DURATIONS,
    "timeout": DURATIONS,
    "max_new_tokens": st.sampled_from([1, 4, 65535]),
    "return_masks": st.booleans(),
}
HOSTILE_IMAGE_FIELDS = {
    "header": HEADERS,
    "height": UNSIGNED,
    "width": UNSIGNED,
    "encoding": st.sampled_from(["8UC1", "rgb8", "", "\n"]),
    "step": UNSIGNED,
    "is_bigendian": st.integers(0, 255),
    "data": st.sampled_from([0, 1, 19_199, 19_201, 40_000]).map(lambda n: array("B", bytes(n))),
}
HOSTILE_REGION_FIELDS = {
    "header": HEADERS,
    "object_id": st.sampled_from(["a", "b", "\n\u202e", "x" * 300])
    | st.text(CHARACTERS, max_size=9),
    "roi": st.builds(
        RegionOfInterest,
        x_offset=UNSIGNED,
        y_offset=UNSIGNED,
        width=UNSIGNED,
        height=UNSIGNED,
        do_rectify=st.booleans(),
    ),
    "polygon": st.lists(POINTS, max_size=6).map(lambda points: Polygon(points=points)),
    "points": st.one_of(
        st.lists(POINTS, max_size=40),
        st.integers(MAX_POINTS - 1, MAX_POINTS + 3).map(lambda n: [Point32(x=60.0, y=45.0)] * n),
    ),
    "mask": st.sampled_from(list(HOSTILE_IMAGE_FIELDS)).flatmap(
        lambda name: HOSTILE_IMAGE_FIELDS[name].map(lambda value: whole_mask(**{name: value}))
    ),
}


def whole_mask(**fields: object) -> Image:
    """Return a mask of the right size, but for the fields given."""
    right = {"height": 120, "width": 160, "encoding": "mono8", "step": 160}
    return Image(**{**right, "data": array("B", b"\1" * 19_200), **fields})


def right_regions() -> list[RegionReference]:
    """Return a box, a polygon, a mask and a point that fit."""
    corners = [Point32(x=x, y=y) for x, y in ((40.0, 30.0), (90.0, 30.0), (60.0, 80.0))]
    return [
        RegionReference(roi=RegionOfInterest(x_offset=40, y_offset=30, width=40, height=30)),
        RegionReference(polygon=Polygon(points=corners)),
        RegionReference(mask=whole_mask()),
        RegionReference(points=[Point32(x=60.0, y=45.0)]),
    ]


@st.composite
def queries(draw: st.DrawFn) -> RegionQuery:
    """A right query with up to four fields changed; its answer cannot take more than seconds."""
    count = draw(st.sampled_from([1, 2, 1, 3, 1, 0, 2, 300, 1]))
    regions = (right_regions() * 100)[draw(st.integers(0, 3)) :][:count]
    query = RegionQuery(prompt="What is it?", regions=regions, max_new_tokens=2)
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(["prompt", *HOSTILE_REGION_FIELDS, *HOSTILE_FIELDS, "prompt"]))
        if name in HOSTILE_FIELDS:
            setattr(query, name, draw(HOSTILE_FIELDS[name]))
        elif regions:
            region = draw(st.sampled_from(regions[:3]))
            setattr(region, name, draw(HOSTILE_REGION_FIELDS[name]))
    timeout_ns = query.timeout.sec * 10**9 + query.timeout.nanosec
    if not timeout_ns or timeout_ns > 50_000_000:
        query.max_new_tokens = min(query.max_new_tokens, 4)
    return query


@st.composite
def track_goals(draw: st.DrawFn) -> TrackRegion.Goal:
    """A right goal with up to three fields changed."""
    region = draw(st.sampled_from(right_regions()))
    region.object_id = "thing"
    goal = TrackRegion.Goal(region=region)
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["camera", "timeout", *HOSTILE_REGION_FIELDS]))
        if name in HOSTILE_REGION_FIELDS:
            setattr(region, name, draw(HOSTILE_REGION_FIELDS[name]))
        else:
            setattr(goal, name, draw(HOSTILE_FIELDS[name]))
    return goal
