"""How many generated cases there were, in all files called `test_hostile_*`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import RUN

CASES = 10_000


def test_ten_thousand_cases_were_run(request):
    run = {item.path for item in request.session.items}
    if not run.issuperset(Path(__file__).parent.rglob("test_hostile_*.py")):
        pytest.skip("counts only in a run of all of them")
    assert RUN.total() >= CASES, RUN
