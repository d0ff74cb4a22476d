from __future__ import annotations

import pytest

from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import DeviceError, ExportError


@pytest.mark.parametrize("error_type", [DeviceError, ExportError])
def test_a_missing_package_is_told_how_to_get_it(error_type):
    with pytest.raises(error_type, match=r"'no_such_package' .*pip install '\.\[export\]'"):
        require("no_such_package", "export", error_type)
