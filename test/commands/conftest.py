from __future__ import annotations

import pytest
from PIL import Image


@pytest.fixture
def photo(tmp_path, picture) -> str:
    """A picture in a file."""
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    return str(path)
