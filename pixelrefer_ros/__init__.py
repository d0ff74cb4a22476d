"""PixelRefer-Lite for ROS 2: point at an object in a camera stream and ask about it."""

from __future__ import annotations

import logging
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

# The generated msg/, srv/ and action/ live in the install prefix, this file may live in a checkout.
__path__ = extend_path(__path__, __name__)

# transformers imports torchao wherever it is installed, and that warns at length: of its own
# kernels that this build of torch cannot load, none of them used here, and of its types.
for _name in ("torchao", "torch.utils._pytree"):
    logging.getLogger(_name).setLevel(logging.ERROR)

__version__ = "0.1.0"
__all__ = ["Answer", "Describer", "Region", "__version__"]

if TYPE_CHECKING:
    from pixelrefer_ros.engine.describer import Describer
    from pixelrefer_ros.engine.query import Answer
    from pixelrefer_ros.regions.reference import Region


def __getattr__(name: str) -> Any:
    # Lazy, so that importing the messages alone does not load torch.
    if name == "Describer":
        from pixelrefer_ros.engine.describer import Describer

        return Describer
    if name == "Answer":
        from pixelrefer_ros.engine.query import Answer

        return Answer
    if name == "Region":
        from pixelrefer_ros.regions.reference import Region

        return Region
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
